"""Telling ComfyUI's Wan the conditions of Animate-X++, at every call and without a trace on the MODEL.

ComfyUI holds one function a block, and nodes such as skip-layer guidance put theirs in while it samples. So
nothing is put in beforehand: a wrapper around the call sees what is there by then and wraps it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
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
from .plus_passes import KEY, conditional_passes

BlockPatch = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]
_PATCHES, _BLOCKS = "patches_replace", "dit"


@dataclass(frozen=True)
class Part:
    """A part of the sampling, between two points from 0, its beginning, to 1, its end.

    Raises InvalidInput where it ends before it begins.
    """

    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        if self.start > self.end:
            raise InvalidInput(
                f"start_percent is {self.start:g}, but end_percent is {self.end:g}: end later than you start."
            )

    def has(self, sigma: float, sampling: Any) -> bool:
        """Whether a sigma of ComfyUI's `model_sampling` lies in it."""
        first, last = map(sampling.percent_to_sigma, (self.start, self.end))
        return (self.start <= 0 or sigma <= first) and sigma >= last


@dataclass(frozen=True, eq=False)
class PlusWrapper:
    """Adds conditions to every call of a Wan in a part of the sampling.

    conditions: of the whole clip; they wait where ComfyUI keeps results, and visit the model call by call.
    """

    conditions: PlusConditions
    part: Part = Part()

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
        """Call Wan on noisy latents x (n, 16, f, h, w) with c_concat (n, 20, f, h, w), mask and picture."""
        kinds, options = kwargs.pop(KEY, None), dict(transformer_options or {})
        y = _of_length(c_concat, x.shape[2])
        if self.part.has(float(t.max()), executor.class_obj.model_sampling):
            conditions = self._shown(x, options)
            y = with_reference(y, conditions)
            passes = conditional_passes(kinds, options["cond_or_uncond"])
            blocks = len(executor.class_obj.diffusion_model.blocks)
            options = _with_blocks(options, blocks, conditions, passes)
        return executor(x, t, y, c_crossattn, control, options, **kwargs)

    def _shown(self, x: Tensor, options: Mapping[str, Any]) -> PlusConditions:
        frames, height, width = x.shape[2:]
        _, *size = self.conditions.reference_map.shape[1:]
        whole = self.conditions.grid[0]
        window = _frames_of(options.get("context_window"), whole)
        if [height, width] != size or frames != len(window):
            raise InvalidInput(
                f"Latents of {frames} frames of {height}x{width} are to be denoised, but Apply Animate-X++ "
                f"was told of {whole} of {size[0]}x{size[1]}: wire the LATENT of the same WanImageToVideo, "
                "and set no area."
            )
        return self.conditions if window == list(range(whole)) else self.conditions.select(window)


def require_untold(model: ModelPatcher) -> None:
    """Raise InvalidInput where a wrapper adds conditions to a MODEL already."""
    if model.get_wrappers(WrappersMP.APPLY_MODEL, KEY):
        raise InvalidInput(
            "The MODEL has gone through Apply Animate-X++ already: wire the one in front of it into model."
        )


def with_conditions(model: ModelPatcher, wrapper: PlusWrapper) -> ModelPatcher:
    """Return a clone of a Wan MODEL whose calls a wrapper adds conditions to."""
    told = model.clone()
    told.add_wrapper_with_key(WrappersMP.APPLY_MODEL, KEY, wrapper)
    return told


def _frames_of(window: Any, whole: int) -> list[int]:
    # Asked of the window itself: newer versions of ComfyUI put a frame before those of its list.
    frames = torch.arange(whole)
    return (frames if window is None else window.get_tensor(frames, dim=0)).flatten().tolist()


def _of_length(y: Tensor, frames: int) -> Tensor:
    # Of context windows old versions of ComfyUI cut the latents alone. A window is told what a clip of its
    # length would be: the picture stands in front, and Wan's autoencoder is causal.
    return y[:, :, :frames] if y.shape[2] > frames else y


def _with_blocks(
    options: Mapping[str, Any], blocks: int, conditions: PlusConditions, passes: Sequence[bool]
) -> dict[str, Any]:
    replaced = options.get(_PATCHES, {})
    by_block = dict(replaced.get(_BLOCKS, {}))
    for index in injection_blocks(blocks, conditions):
        if index == 0 and not any(passes):
            continue  # which spares the pose tokens, hundreds of megabytes, their way to the device
        place = ("double_block", index)

        def add(tokens: Tensor, index: int = index) -> Tensor:
            return before_block(tokens, index, blocks, conditions, passes)

        by_block[place] = _wrapped(by_block.get(place, _run_block), add)
    return {**options, _PATCHES: {**replaced, _BLOCKS: by_block}}


def _wrapped(patch: BlockPatch, add: Callable[[Tensor], Tensor]) -> BlockPatch:
    def told(given: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
        return patch({**given, "img": add(given["img"])}, extra)

    return told


def _run_block(given: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    return extra["original_block"](given)
