"""Wan's text encoder (umT5-XXL) and image encoder (CLIP ViT-H-14), from ComfyUI's single files."""

import html
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...checkpoints.safe_load import open_tensors
from ...checkpoints.validation import load_strictly
from ...checkpoints.wrappers import strip_weights_prefix
from ...errors import WrongCheckpoint
from ...utils.optional import empty_weights, plus_package
from .weights import count_layers, dequantize_scaled_fp8, shape_of

TEXT_TOKENS = 512
END = 1  # id of the end-of-text token
_HEAD_DIM = 64
_TOKENIZER = "spiece_model"
_SHARED, _TIED = "shared.weight", "encoder.embed_tokens.weight"
_TABLE = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"


@dataclass(frozen=True, eq=False)
class WanTextEncoder:
    """Wan's text encoder.

    Args:
        network: transformers' umT5 encoder, in eval mode.
        tokenizer: A `SentencePieceProcessor`.

    """

    network: nn.Module
    tokenizer: Any

    @classmethod
    def from_file(
        cls, path: str | Path, dtype: torch.dtype = torch.bfloat16, device: torch.device | str = "cpu"
    ) -> "WanTextEncoder":
        """Load a file such as `umt5_xxl_fp8_e4m3fn_scaled.safetensors`, which includes the tokenizer.

        Args:
            path: The file.
            dtype: Type of the weights; the official code uses bfloat16. Scaled fp8 weights are dequantised.
            device: Where the weights are.

        Raises:
            CheckpointError: The file is damaged or of another model.
            MissingDependency: transformers or sentencepiece is not installed.

        """
        tensors = strip_weights_prefix(open_tensors(path), (_SHARED,), path)
        tokenizer = _tokenizer(tensors.pop(_TOKENIZER, None), str(path))
        tensors.pop(_TIED, None)
        plain = dequantize_scaled_fp8(tensors, dtype)
        network = _text_network(plain, str(path))
        # Both keys refer to one table, which is cast once.
        plain[_SHARED] = plain[_SHARED].to(device, dtype)
        load_strictly(
            network, plain | {_TIED: plain[_SHARED]}, "Wan's text encoder", str(path), dtype, device
        )
        network.set_input_embeddings(network.shared)
        return cls(network, tokenizer)

    @torch.no_grad()
    def encode(self, prompt: str) -> Tensor:
        """Return the hidden states (1, 512, text_dim) of a prompt, zero after its end and truncated."""
        tokens = self.tokens(prompt)
        device = next(self.network.parameters()).device
        states = self.network(torch.tensor([tokens], device=device)).last_hidden_state
        return F.pad(states, (0, 0, 0, TEXT_TOKENS - len(tokens)))

    def tokens(self, prompt: str) -> list[int]:
        """Return the token ids of a cleaned prompt, including the end token, 512 at most."""
        return [*self.tokenizer.encode(clean_prompt(prompt))[: TEXT_TOKENS - 1], END]


def clean_prompt(prompt: str) -> str:
    """Fix broken Unicode, unescape HTML entities twice and normalise whitespace (official code)."""
    fixed = plus_package("ftfy").fix_text(prompt)
    return " ".join(html.unescape(html.unescape(fixed)).split())


def _tokenizer(stored: Tensor | None, source: str) -> Any:
    if stored is None or stored.dtype != torch.uint8:
        raise WrongCheckpoint(
            f"{source} contains no tokenizer ({_TOKENIZER}): use the text encoder that is packed for ComfyUI."
        )
    sentencepiece = plus_package("sentencepiece")
    try:
        return sentencepiece.SentencePieceProcessor(model_proto=stored.numpy().tobytes())
    except RuntimeError as error:
        raise WrongCheckpoint(f"{source} contains a damaged tokenizer: download the file again.") from error


def _text_network(tensors: Mapping[str, Tensor], source: str) -> Any:
    transformers = plus_package("transformers")
    vocabulary, width = shape_of(tensors, _SHARED, source)
    buckets, heads = shape_of(tensors, _TABLE, source)
    config = transformers.UMT5Config(
        vocab_size=vocabulary,
        d_model=width,
        d_kv=_HEAD_DIM,
        d_ff=shape_of(tensors, "encoder.block.0.layer.1.DenseReluDense.wi_0.weight", source)[0],
        num_layers=count_layers(tensors, "encoder.block."),
        num_heads=heads,
        relative_attention_num_buckets=buckets,
        feed_forward_proj="gated-gelu",
    )
    with empty_weights():
        return transformers.UMT5EncoderModel(config)


_IMAGE_HEAD_DIM = 80
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
        network = _image_network(bare, str(path))
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


def _image_network(tensors: Mapping[str, Tensor], source: str) -> Any:
    transformers = plus_package("transformers")
    width, _, patch, _ = shape_of(tensors, "embeddings.patch_embedding.weight", source)
    positions, _ = shape_of(tensors, "embeddings.position_embedding.weight", source)
    config = transformers.CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=shape_of(tensors, "encoder.layers.0.mlp.fc1.weight", source)[0],
        num_hidden_layers=count_layers(tensors, "encoder.layers."),
        num_attention_heads=max(1, width // _IMAGE_HEAD_DIM),
        image_size=round((positions - 1) ** 0.5) * patch,
        patch_size=patch,
        hidden_act="gelu",
    )
    with empty_weights():
        return transformers.CLIPVisionModel(config)
