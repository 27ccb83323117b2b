"""The LoRA of Animate-X++ for Wan's transformer: reading, merging, and keys for ComfyUI.

As in the official code the merged weight is W + alpha * B @ A with alpha 1, not divided by the rank.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from ..checkpoints.validation import MAX_LISTED_KEYS
from ..errors import WrongCheckpoint
from ..utils.text import shorten_key

RELEASED_PREFIX = "pipe.dit."
COMFYUI_PREFIX = "diffusion_model."  # of the transformer in ComfyUI
_DOWN, _UP = ".lora_A.", ".lora_B."


@dataclass(frozen=True, eq=False)
class LoraPair:
    """The two matrices of a LoRA layer.

    Args:
        down: A, (rank, inputs).
        up: B, (outputs, rank).

    """

    down: Tensor
    up: Tensor

    @property
    def is_consistent(self) -> bool:
        """Whether both are matrices of the same rank."""
        return self.down.ndim == self.up.ndim == 2 and self.down.shape[0] == self.up.shape[1]

    @property
    def shape(self) -> tuple[int, int]:
        """(outputs, inputs) of the layer."""
        return self.up.shape[0], self.down.shape[1]

    @property
    def rank(self) -> int:
        """Width of the bottleneck."""
        return self.down.shape[0]

    def merged(self, weight: Tensor, alpha: float = 1.0) -> Tensor:
        """Return weight + alpha * B @ A, computed in the dtype of the weight."""
        return weight + alpha * (self.up.to(weight) @ self.down.to(weight))


Lora = Mapping[str, LoraPair]
"""Official name of a linear layer, such as `blocks.0.self_attn.q`, to its pair."""


def read_lora(tensors: Mapping[str, Tensor], source: str = "the checkpoint") -> dict[str, LoraPair]:
    """Pair the LoRA tensors of a checkpoint, of any rank, under official or ComfyUI's keys.

    Args:
        tensors: Key to tensor. A key is any prefix, `pipe.dit.` or `diffusion_model.`, the layer, `.lora_A`
            or `.lora_B`, optionally the name of the adapter, and `.weight`.
        source: Where the tensors come from, for error messages.

    Returns:
        Layer to pair.

    Raises:
        WrongCheckpoint: A key has another form, a pair is incomplete, or its ranks differ.

    """
    downs: dict[str, Tensor] = {}
    ups: dict[str, Tensor] = {}
    unknown = []
    for key, tensor in tensors.items():
        stem = _without_prefix(key)
        if stem is not None and _DOWN in stem:
            downs[stem.partition(_DOWN)[0]] = tensor
        elif stem is not None and _UP in stem:
            ups[stem.partition(_UP)[0]] = tensor
        else:
            unknown.append(key)
    _refuse(unknown, source, f"whose names are not {RELEASED_PREFIX}LAYER.lora_A or .lora_B")
    _refuse(
        [layer for layer in {*downs, *ups} if layer not in downs or layer not in ups],
        source,
        "of which one half of a pair is missing",
    )
    pairs = {layer: LoraPair(down, ups[layer]) for layer, down in downs.items()}
    _refuse(
        [layer for layer, pair in pairs.items() if not pair.is_consistent],
        source,
        "whose halves have different ranks",
    )
    return pairs


def check_targets(lora: Lora, shapes: Mapping[str, Sequence[int]], source: str = "the LoRA") -> None:
    """Check that every layer of a LoRA is in a transformer, with the right shape.

    Args:
        lora: The LoRA.
        shapes: Official key to shape, from `wan_shapes` or ComfyUI's model.
        source: Where the LoRA comes from, for error messages.

    Raises:
        WrongCheckpoint: A layer is missing or has another shape. The official code also rejects the whole
            LoRA.

    """
    absent = [layer for layer in lora if f"{layer}.weight" not in shapes]
    _refuse(absent, source, "that the transformer lacks")
    resized = [layer for layer, pair in lora.items() if pair.shape != tuple(shapes[f"{layer}.weight"])]
    _refuse(resized, source, "of another size than the transformer's: it is for Wan 2.1 I2V 14B")


def merge_lora(weights: Mapping[str, Tensor], lora: Lora, alpha: float = 1.0) -> dict[str, Tensor]:
    """Merge a LoRA into the weights of a transformer.

    Args:
        weights: Official key to weight.
        lora: The LoRA.
        alpha: Factor of the LoRA.

    Returns:
        The weights; those without LoRA are the same objects.

    Raises:
        WrongCheckpoint: A layer of the LoRA is not among the weights.

    """
    check_targets(lora, {key: tensor.shape for key, tensor in weights.items()})
    changed = {f"{layer}.weight": pair for layer, pair in lora.items()}
    return {
        key: changed[key].merged(tensor, alpha) if key in changed else tensor
        for key, tensor in weights.items()
    }


def to_comfyui_keys(lora: Lora) -> dict[str, Tensor]:
    """Return the tensors under the keys of ComfyUI's LoRA loader, for a strength of 1."""
    named: dict[str, Tensor] = {}
    for layer, pair in lora.items():
        named[f"{COMFYUI_PREFIX}{layer}.lora_A.weight"] = pair.down
        named[f"{COMFYUI_PREFIX}{layer}.lora_B.weight"] = pair.up
    return named


def _without_prefix(key: str) -> str | None:
    for prefix in (RELEASED_PREFIX, COMFYUI_PREFIX):
        if prefix in key and key.endswith(".weight"):
            return key.partition(prefix)[2]
    return None


def _refuse(layers: Sequence[str], source: str, why: str) -> None:
    if layers:
        named = ", ".join(shorten_key(layer) for layer in layers[:MAX_LISTED_KEYS]) + (
            ", ..." if len(layers) > MAX_LISTED_KEYS else ""
        )
        raise WrongCheckpoint(
            f"{source} has {len(layers)} LoRA layers {why} ({named}): choose the file that belongs to "
            "Animate-X++."
        )
