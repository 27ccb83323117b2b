"""OpenCLIP ViT-H-14 (laion2b_s32b_b79k): image embeddings, text context and its configuration file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..checkpoints.safe_load import open_tensors
from ..checkpoints.validation import check_keys, load_strictly, shapes
from ..checkpoints.wrappers import strip_weights_prefix
from ..errors import InvalidInput, WrongCheckpoint
from ..utils.documents import FileFault, read_json
from ..utils.optional import standalone_package
from ..utils.validation import require_int, short_repr
from .base import batched_apply

VIT_H_14 = "ViT-H-14"
VISION_PREFIX = "visual."  # of the keys of the vision tower; those of the text tower share no prefix
SHARED = "logit_scale"  # belongs to neither tower
MASK = "attn_mask"  # a constant that some versions of open_clip saved; computed here, never loaded

MAX_LAYERS = {"layers": 256, "context_length": 1 << 12, "vocab_size": 1 << 20}
MAX_SIZE = 1 << 14
VISION_SIZES = ("image_size", "patch_size", "width", "layers", "head_width")
TEXT_SIZES = ("context_length", "vocab_size", "width", "heads", "layers")
REMEDY = "restore the file that belongs to the weights next to it"

ClipConfig = str | Mapping[str, Any]
"""open_clip's name of a model, or the contents of its JSON configuration file."""


@dataclass(frozen=True)
class OpenClipImageEncoder:
    """A `base.ImageEncoder` through OpenCLIP's vision tower.

    Args:
        tower: The vision tower, in eval mode.
        batch_size: Images that are processed at once.

    """

    tower: nn.Module
    batch_size: int = 8

    @classmethod
    def from_tensors(
        cls,
        tensors: Mapping[str, Tensor],
        config: ClipConfig = VIT_H_14,
        *,
        source: str = "the checkpoint",
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        batch_size: int = 8,
    ) -> "OpenClipImageEncoder":
        """Build from the tensors of `open_clip_pytorch_model.bin`, with or without the text tower's.

        Args:
            tensors: Key to tensor.
            config: open_clip's name of the model, or its configuration.
            source: Where the tensors come from, for error messages.
            dtype: Type of the weights.
            device: Where the weights are.
            batch_size: Images that are processed at once.

        Returns:
            The encoder, in eval mode.

        Raises:
            WrongCheckpoint: Keys or shapes do not fit.
            MissingDependency: open_clip is not installed.

        """
        tensors = strip_weights_prefix(tensors, (f"{VISION_PREFIX}class_embedding",), source)
        found = _tower_tensors(tensors, config, _in_vision, source)
        found = {key.removeprefix(VISION_PREFIX): tensor for key, tensor in found.items()}
        tower = _meta_towers(_settings(config)).visual
        return cls(load_strictly(tower, found, _title(config), source, dtype, device), batch_size)

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        config: ClipConfig = VIT_H_14,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        batch_size: int = 8,
    ) -> "OpenClipImageEncoder":
        """Like `from_tensors`, from a file; also raises what `open_tensors` raises."""
        return cls.from_tensors(
            open_tensors(path), config, source=str(path), dtype=dtype, device=device, batch_size=batch_size
        )

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Embed images (n, 3, 224, 224) from `preprocessing.clip_pictures`: (n, 1024) on their device."""
        return batched_apply(self.tower, images, self.batch_size, like=next(self.tower.parameters()))


@dataclass(frozen=True)
class OpenClipTextContext:
    """A `base.TextContext` through OpenCLIP's text tower without its last block.

    Args:
        tower: Maps token ids (n, 77) to (pooled embedding, output of every token after the final layer norm).
        tokens: Ids of the empty prompt, (1, 77).

    """

    tower: nn.Module
    tokens: Tensor

    @classmethod
    def from_tensors(
        cls,
        tensors: Mapping[str, Tensor],
        config: str = VIT_H_14,
        *,
        source: str = "the checkpoint",
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> "OpenClipTextContext":
        """Like `OpenClipImageEncoder.from_tensors`, with or without the vision tower's tensors."""
        tensors = strip_weights_prefix(tensors, ("token_embedding.weight",), source)
        found = _tower_tensors(tensors, config, _in_text, source)
        settings = _penultimate(_settings(config))
        last_block = f"transformer.resblocks.{settings['text_cfg']['layers']}."
        kept = {key: tensor for key, tensor in found.items() if not key.startswith(last_block)}
        tower = load_strictly(_meta_towers(settings).text, kept, f"OpenCLIP {config}", source, dtype, device)
        tower.attn_mask = _causal_mask(tower.context_length, device)
        return cls(tower, standalone_package("open_clip").get_tokenizer(config)("").to(device))

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        config: str = VIT_H_14,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> "OpenClipTextContext":
        """Like `from_tensors`, from a file; also raises what `open_tensors` raises."""
        return cls.from_tensors(open_tensors(path), config, source=str(path), dtype=dtype, device=device)

    @torch.no_grad()
    def empty_text(self) -> Tensor:
        """Return (1, 77, 1024), in the dtype and on the device of the tower."""
        _, tokens = self.tower(self.tokens)
        return tokens


def _settings(config: ClipConfig) -> dict[str, Any]:
    if not isinstance(config, str):
        return dict(config)
    settings = standalone_package("open_clip").get_model_config(config)
    assert settings, f"open_clip has no model {config}"
    return settings


def _title(config: ClipConfig) -> str:
    return f"OpenCLIP {config}" if isinstance(config, str) else "the image encoder of its own configuration"


def _penultimate(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings of the same model whose text tower lacks the last block and returns all tokens.

    open_clip's own forward then ends at the penultimate block, and it does not matter whether its blocks
    take the batch first or second, which changed between versions.
    """
    text = settings["text_cfg"]
    return {**settings, "text_cfg": {**text, "layers": text["layers"] - 1, "output_tokens": True}}


def _meta_towers(settings: dict[str, Any]) -> Any:
    """Build both towers, `.visual` and `.text`, on the meta device."""
    with torch.device("meta"):
        return standalone_package("open_clip").CustomTextCLIP(**settings)


def _tower_tensors(
    tensors: Mapping[str, Tensor], config: ClipConfig, in_tower: Callable[[str], bool], source: str
) -> dict[str, Tensor]:
    """Select the tensors of one tower; the other may be absent, but must not be of another model."""
    with torch.device("meta"):
        whole = standalone_package("open_clip").CLIP(**_settings(config))
    expected = shapes(whole.state_dict())
    weights = {key: tensor for key, tensor in tensors.items() if key != MASK}
    needed = {key: shape for key, shape in expected.items() if in_tower(key) or key in weights}
    check_keys(needed, shapes(weights), _title(config), source)
    return {key: tensor for key, tensor in weights.items() if in_tower(key)}


def _in_vision(key: str) -> bool:
    return key.startswith(VISION_PREFIX)


def _in_text(key: str) -> bool:
    return not key.startswith(VISION_PREFIX) and key != SHARED


def _causal_mask(length: int, device: torch.device | str) -> Tensor:
    """Return (length, length): each token attends to itself and those before it."""
    return torch.full((length, length), float("-inf"), device=device).triu(1)


def read_open_clip_config(path: Path) -> dict[str, Any]:
    """Read the sizes of both towers from a JSON file; raises WrongCheckpoint for unusable ones."""
    try:
        config = read_json(path)
        _require_sizes("", config, ("embed_dim",))
        _require_sizes("vision_cfg.", config["vision_cfg"], VISION_SIZES)
        _require_sizes("text_cfg.", config["text_cfg"], TEXT_SIZES)
        ratio = config["vision_cfg"]["mlp_ratio"]
        if not isinstance(ratio, int | float) or not 0 < ratio <= 64:
            raise InvalidInput(f"vision_cfg.mlp_ratio is {short_repr(ratio)}")
        if config["vision_cfg"]["width"] % config["vision_cfg"]["head_width"]:
            raise InvalidInput("vision_cfg.width is not a multiple of vision_cfg.head_width")
    except OSError as error:
        raise WrongCheckpoint(f"{path} cannot be read ({error.strerror}): {REMEDY}.") from error
    except (FileFault, InvalidInput, KeyError, TypeError) as error:
        fault = str(error).rstrip(".")
        raise WrongCheckpoint(f"{path} has no usable sizes ({fault}): {REMEDY}.") from error
    return dict(config)


def _require_sizes(where: str, values: Mapping[str, Any], names: tuple[str, ...]) -> None:
    if not isinstance(values, Mapping):
        raise InvalidInput(f"{where or 'it '}holds {short_repr(values)}")
    for name in names:
        require_int(f"{where}{name}", values[name], most=MAX_LAYERS.get(name, MAX_SIZE))
