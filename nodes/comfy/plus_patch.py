"""Adds the conditions of Animate-X++ to ComfyUI's Wan at every call, without changing the MODEL.

ComfyUI has one replacement function per block, and nodes such as skip-layer guidance set theirs while it
samples. So nothing is set in advance: a wrapper around the call wraps whatever is set by then.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from comfy.conds import CONDRegular
from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ...animatex_core.animate_x_plus.conditions import (
    PlusConditions,
    before_block,
    injection_blocks,
    with_reference,
)
from ...animatex_core.errors import InvalidInput
from .conditioning import Conditioning

KEY = "animatex_plus"
BlockPatch = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]
_PATCHES, _BLOCKS = "patches_replace", "dit"


class CONDPassKind(CONDRegular):
    """Marks a pass as conditional or not, on its way through ComfyUI's sampling to the model.

    ComfyUI numbers the passes, but the guider decides what a number means. It has neither tensor nor
    `dtype`: ComfyUI leaves it unchanged and batches it with any other.
    """

    def __init__(self, conditional: bool) -> None:
        super().__init__(None)
        self.conditional = conditional

    def process_cond(self, batch_size: int, **_: object) -> "CONDPassKind":
        """Return the mark for a batch of latents."""
        return self

    def can_concat(self, other: "CONDPassKind") -> bool:
        """Whether both passes can run as one batch."""
        return True

    def concat(self, others: Sequence["CONDPassKind"]) -> list["CONDPassKind"]:
        """Return what the model gets for several passes in one batch."""
        return [self, *others]

    def size(self) -> list[int]:
        """Return a size that adds nothing to ComfyUI's memory estimate."""
        return [1]


def mark_conditional(conditioning: Conditioning, conditional: bool) -> Conditioning:
    """Return a copy whose passes are marked as conditional or unconditional."""
    kind = {KEY: CONDPassKind(conditional)}
    return [
        [tensor, {**values, "model_conds": {**values.get("model_conds", {}), **kind}}]
        for tensor, values in conditioning
    ]


def conditional_passes(kinds: Sequence[CONDPassKind] | None, numbers: Sequence[int]) -> list[bool]:
    """Return for each pass of a batch whether it is conditional.

    Args:
        kinds: The marks of the passes; None if their conditionings have none.
        numbers: ComfyUI's numbers of the passes; without marks, 0 is conditional.

    """
    if kinds is None:
        return [number == 0 for number in numbers]
    return [kind.conditional for kind in kinds]


@dataclass(frozen=True)
class PercentRange:
    """A part of sampling, from 0 (the beginning) to 1 (the end).

    Raises:
        InvalidInput: If it ends before it starts.

    """

    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        if self.start > self.end:
            raise InvalidInput(
                f"start_percent is {self.start:g}, but end_percent is {self.end:g}: set end_percent to "
                f"{self.start:g} or more."
            )

    def contains(self, sigma: float, sampling: Any) -> bool:
        """Whether a sigma of ComfyUI's `model_sampling` is in the range."""
        first, last = map(sampling.percent_to_sigma, (self.start, self.end))
        return (self.start <= 0 or sigma <= first) and sigma >= last


@dataclass(frozen=True, eq=False)
class PlusWrapper:
    """Adds conditions to every call of Wan in a part of sampling.

    Attributes:
        conditions: Of the whole video; kept where ComfyUI keeps results, and moved to the model per call.
        part: The part of sampling.

    """

    conditions: PlusConditions
    part: PercentRange = PercentRange()

    def __call__(
        self,
        executor: Any,
        x: Tensor,
        t: Tensor,
        c_concat: Tensor,
        c_crossattn: Tensor | None = None,
        control: object = None,
        transformer_options: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Call Wan on noisy latents x (n, 16, f, h, w) with c_concat (n, 20, f, h, w), mask and image."""
        kinds, options = kwargs.pop(KEY, None), dict(transformer_options or {})
        y = _cut_to_length(c_concat, x.shape[2])
        if self.part.contains(float(t.max()), executor.class_obj.model_sampling):
            conditions = self._window_conditions(x, options)
            y = with_reference(y, conditions)
            passes = conditional_passes(kinds, options["cond_or_uncond"])
            blocks = len(executor.class_obj.diffusion_model.blocks)
            options = _with_blocks(options, blocks, conditions, passes)
        return executor(x, t, y, c_crossattn, control, options, **kwargs)

    def _window_conditions(self, x: Tensor, options: Mapping[str, Any]) -> PlusConditions:
        frames, height, width = x.shape[2:]
        _, *size = self.conditions.reference_map.shape[1:]
        total = self.conditions.grid[0]
        window = _window_frames(options.get("context_window"), total)
        if [height, width] != size or frames != len(window):
            raise InvalidInput(
                f"The latents have {frames} frames of {height}x{width}, but Apply Animate-X++ got conditions "
                f"for {total} of {size[0]}x{size[1]}: connect the LATENT of the same WanImageToVideo, and "
                "set no area."
            )
        return self.conditions if window == list(range(total)) else self.conditions.select(window)


def require_unpatched(model: ModelPatcher) -> None:
    """Raise InvalidInput if a MODEL already has a wrapper that adds conditions."""
    if model.get_wrappers(WrappersMP.APPLY_MODEL, KEY):
        raise InvalidInput(
            "Apply Animate-X++ was already applied to the MODEL: connect the MODEL from before that node."
        )


def patch_model(model: ModelPatcher, wrapper: PlusWrapper) -> ModelPatcher:
    """Return a clone of a Wan MODEL with a wrapper around its calls."""
    patched = model.clone()
    patched.add_wrapper_with_key(WrappersMP.APPLY_MODEL, KEY, wrapper)
    return patched


def _window_frames(window: Any, total: int) -> list[int]:
    # From the window itself: newer versions of ComfyUI prepend a frame to those of its list.
    frames = torch.arange(total)
    return (frames if window is None else window.get_tensor(frames, dim=0)).flatten().tolist()


def _cut_to_length(y: Tensor, frames: int) -> Tensor:
    # For context windows, old versions of ComfyUI only cut the latents. A window gets what a video of its
    # length would get: the image comes first, and Wan's autoencoder is causal.
    return y[:, :, :frames] if y.shape[2] > frames else y


def _with_blocks(
    options: Mapping[str, Any], blocks: int, conditions: PlusConditions, passes: Sequence[bool]
) -> dict[str, Any]:
    replaced = options.get(_PATCHES, {})
    by_block = dict(replaced.get(_BLOCKS, {}))
    for index in injection_blocks(blocks, conditions):
        if index == 0 and not any(passes):
            continue  # saves moving the pose tokens, hundreds of megabytes, to the device
        place = ("double_block", index)

        def add(tokens: Tensor, index: int = index) -> Tensor:
            return before_block(tokens, index, blocks, conditions, passes)

        by_block[place] = _wrap(by_block.get(place, _run_block), add)
    return {**options, _PATCHES: {**replaced, _BLOCKS: by_block}}


def _wrap(patch: BlockPatch, add: Callable[[Tensor], Tensor]) -> BlockPatch:
    def patched(arguments: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
        return patch({**arguments, "img": add(arguments["img"])}, extra)

    return patched


def _run_block(arguments: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    return extra["original_block"](arguments)
