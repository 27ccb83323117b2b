"""The LoRA of Animate-X++ for Wan's transformer: reading its pairs, merging them, naming them for a host.

As released: W + alpha * B @ A with alpha 1, without a division by the rank, whatever the rank.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from ..checkpoints.validation import NAMED
from ..errors import WrongCheckpoint
from ..utils.text import short

RELEASED_PREFIX = "pipe.dit."
HOST_PREFIX = "diffusion_model."  # what ComfyUI calls the transformer
_DOWN, _UP = ".lora_A.", ".lora_B."


@dataclass(frozen=True, eq=False)
class LoraPair:
    """down: A (rank, inputs); up: B (outputs, rank)."""

    down: Tensor
    up: Tensor

    @property
    def rank(self) -> int:
        """Width of the bottleneck."""
        return self.down.shape[0]

    def merged(self, weight: Tensor, alpha: float = 1.0) -> Tensor:
        """Return weight + alpha * B @ A, in the weight's type as released."""
        return weight + alpha * (self.up.to(weight) @ self.down.to(weight))


Lora = Mapping[str, LoraPair]
"""Official name of a linear layer, such as `blocks.0.self_attn.q`, to its pair."""


def read_lora(tensors: Mapping[str, Tensor], source: str = "the checkpoint") -> dict[str, LoraPair]:
    """Pair the LoRA tensors of a checkpoint, any rank, under released or host names.

    A key is anything, `pipe.dit.` or `diffusion_model.`, the layer, `.lora_A` or `.lora_B`, the adapter's
    name or none, `.weight`. Raises WrongCheckpoint for other keys, lone halves, and halves that do not fit.
    """
    downs: dict[str, Tensor] = {}
    ups: dict[str, Tensor] = {}
    strange = []
    for key, tensor in tensors.items():
        stem = _without_prefix(key)
        if stem is not None and _DOWN in stem:
            downs[stem.partition(_DOWN)[0]] = tensor
        elif stem is not None and _UP in stem:
            ups[stem.partition(_UP)[0]] = tensor
        else:
            strange.append(key)
    _refuse(strange, source, f"whose names are not {RELEASED_PREFIX}LAYER.lora_A or .lora_B")
    _refuse([layer for layer in {*downs, *ups} if layer not in downs or layer not in ups], source,
            "of which one half of a pair is missing")  # fmt: skip
    pairs = {layer: LoraPair(down, ups[layer]) for layer, down in downs.items()}
    _refuse([layer for layer, pair in pairs.items() if not _fits_itself(pair)], source,
            "whose halves have different ranks")  # fmt: skip
    return pairs


def check_targets(lora: Lora, shapes: Mapping[str, Sequence[int]], source: str = "the LoRA") -> None:
    """Raise WrongCheckpoint unless every layer of a LoRA is in a transformer, with the pair's shape.

    shapes: official key to shape, as `wan_shapes` or a host's model has them. The release rejects the whole
    LoRA likewise.
    """
    absent = [layer for layer in lora if f"{layer}.weight" not in shapes]
    _refuse(absent, source, "that the transformer lacks")
    resized = [layer for layer, pair in lora.items() if _shape(pair) != tuple(shapes[f"{layer}.weight"])]
    _refuse(resized, source, "of another size than the transformer's: it is for Wan 2.1 I2V 14B")


def merged(weights: Mapping[str, Tensor], lora: Lora, alpha: float = 1.0) -> dict[str, Tensor]:
    """Return a transformer's weights (official names) with a LoRA merged in; the others are the same objects.

    Raises WrongCheckpoint where a layer of the LoRA is not among the weights.
    """
    check_targets(lora, {key: tensor.shape for key, tensor in weights.items()})
    changed = {f"{layer}.weight": pair for layer, pair in lora.items()}
    return {
        key: changed[key].merged(tensor, alpha) if key in changed else tensor
        for key, tensor in weights.items()
    }


def host_lora(lora: Lora) -> dict[str, Tensor]:
    """Return the tensors under the names that ComfyUI's own LoRA loader maps to its Wan; scale 1."""
    named: dict[str, Tensor] = {}
    for layer, pair in lora.items():
        named[f"{HOST_PREFIX}{layer}.lora_A.weight"] = pair.down
        named[f"{HOST_PREFIX}{layer}.lora_B.weight"] = pair.up
    return named


def _without_prefix(key: str) -> str | None:
    for prefix in (RELEASED_PREFIX, HOST_PREFIX):
        if prefix in key and key.endswith(".weight"):
            return key.partition(prefix)[2]
    return None


def _fits_itself(pair: LoraPair) -> bool:
    return pair.down.ndim == pair.up.ndim == 2 and pair.down.shape[0] == pair.up.shape[1]


def _shape(pair: LoraPair) -> tuple[int, int]:
    return pair.up.shape[0], pair.down.shape[1]


def _refuse(layers: Sequence[str], source: str, why: str) -> None:
    if layers:
        named = ", ".join(short(layer) for layer in layers[:NAMED]) + (", ..." if len(layers) > NAMED else "")
        raise WrongCheckpoint(
            f"{source} has {len(layers)} LoRA layers {why} ({named}): choose the file that belongs to "
            "Animate-X++."
        )
