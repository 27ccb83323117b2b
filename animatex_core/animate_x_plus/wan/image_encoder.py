"""Wan's image encoder, CLIP ViT-H-14, through transformers, loaded from ComfyUI's single file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...checkpoints.safe_load import open_tensors
from ...checkpoints.validation import load_strictly
from ...utils.optional import empty_weights, plus_package
from .weights import count_layers, shape_of

_HEAD_DIM = 80
_PREFIX = "vision_model."
_PROJECTION = "visual_projection.weight"


@dataclass(frozen=True, eq=False)
class WanImageEncoder:
    """Wan's image encoder.

    Args:
        network: transformers' CLIP vision model, in eval mode.

    """

    network: nn.Module

    @classmethod
    def from_file(
        cls, path: str | Path, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
    ) -> "WanImageEncoder":
        """Load a file such as `clip_vision_h.safetensors`.

        Args:
            path: The file.
            dtype: Type of the weights; the official code uses float32.
            device: Where the weights are.

        Raises:
            CheckpointError: The file is damaged or of another model.
            MissingDependency: transformers is not installed.

        """
        tensors = open_tensors(path)
        tensors.pop(_PROJECTION, None)  # Wan uses the states before it
        # Versions of transformers differ in the prefix of the vision model.
        bare = {key.removeprefix(_PREFIX): tensor for key, tensor in tensors.items()}
        network = _network(bare, str(path))
        nested = any(key.startswith(_PREFIX) for key in network.state_dict())
        named = {f"{_PREFIX if nested else ''}{key}": tensor for key, tensor in bare.items()}
        return cls(load_strictly(network, named, "Wan's image encoder", str(path), dtype, device))

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Return the hidden states of the penultimate layer, for all tokens and without a final norm.

        Args:
            images: (b, 3, 224, 224) from `wan_clip_picture`.

        Returns:
            (b, 257, 1280), on the device and in the dtype of the weights.

        """
        images = images.to(next(self.network.parameters()))
        return self.network(pixel_values=images, output_hidden_states=True).hidden_states[-2]


def _network(tensors: Mapping[str, Tensor], source: str) -> Any:
    transformers = plus_package("transformers")
    width, _, patch, _ = shape_of(tensors, "embeddings.patch_embedding.weight", source)
    positions, _ = shape_of(tensors, "embeddings.position_embedding.weight", source)
    config = transformers.CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=shape_of(tensors, "encoder.layers.0.mlp.fc1.weight", source)[0],
        num_hidden_layers=count_layers(tensors, "encoder.layers."),
        num_attention_heads=max(1, width // _HEAD_DIM),
        image_size=round((positions - 1) ** 0.5) * patch,
        patch_size=patch,
        hidden_act="gelu",
    )
    with empty_weights():
        return transformers.CLIPVisionModel(config)
