"""Named parts of the trained parameters, for partial parameter training."""

from collections.abc import Sequence

from torch import nn

from ...animate_x_plus.checkpoint import MODULES
from ...errors import InvalidInput

# As in the training script of UniAnimate-DiT, the most similar method; the official LoRA has the same layers.
TARGETS = (
    "self_attn.q",
    "self_attn.k",
    "self_attn.v",
    "self_attn.o",
    "cross_attn.q",
    "cross_attn.k",
    "cross_attn.v",
    "cross_attn.o",
    "ffn.0",
    "ffn.2",
)
ADDED = MODULES
LORA = ("lora.self_attn", "lora.cross_attn", "lora.ffn")
WAN = "transformer"
PARTS = (*ADDED, *LORA, WAN)


def part_of(parameter: str) -> str:
    """Return the part that a parameter of `PlusNetwork` belongs to."""
    group, *rest = parameter.split(".")
    # lora.blocks.0.self_attn.q.down, added.dwpose_embedding.0.weight, transformer.proj_out.weight
    if group == "lora":
        return f"lora.{rest[2]}"
    return rest[0] if group == "added" else group


def set_trainable(network: nn.Module, parts: frozenset[str]) -> None:
    """Enable gradients of these parts and disable all others.

    The optimizer skips parameters without a gradient: no step, no weight decay, no moments.
    """
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(part_of(name) in parts)


def check_parts(name: str, parts: Sequence[str]) -> None:
    """Raise InvalidInput if a part does not exist, or if there are none."""
    unknown = [part for part in parts if part not in PARTS]
    if unknown or not parts:
        found = f"names {', '.join(unknown)}" if unknown else "is empty"
        raise InvalidInput(f"{name} {found}: choose from {', '.join(PARTS)}.")


def check_targets(targets: Sequence[str]) -> None:
    """Raise InvalidInput unless these are linear layers in Wan's blocks, and at least one."""
    unknown = [target for target in targets if target not in TARGETS]
    if unknown or not targets:
        found = f"names {', '.join(unknown)}" if unknown else "is empty"
        raise InvalidInput(f"lora.targets {found}: choose from {', '.join(TARGETS)}.")
