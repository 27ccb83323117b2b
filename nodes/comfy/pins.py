"""Given frames of a video, as ComfyUI's own noise mask, and the continuation of a finished animation."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from comfy.sampler_helpers import prepare_mask
from torch import Tensor

from ...animatex_core.animate_x.conditions import ConditionInputs
from ...animatex_core.animate_x.pins import Pins, pin_frames
from ...animatex_core.errors import InvalidInput
from .conditioning import CONDITION, Conditioning, get_clip_condition
from .denoiser import AnimateXModel

Latent = Mapping[str, Any]
OF_EACH_FRAME = ("noise_mask", "batch_index")


def read_pins(first: Latent | None, last: Latent | None, strength: float, extend: int) -> Pins | None:
    """Return the given frames of a video.

    Args:
        first: A LATENT of its first frames, or of the animation that it continues.
        last: A LATENT of its last frames.
        strength: How strongly they are held, 0..1.
        extend: How many frames at the end of `first` are the first ones; 0 for all.

    Returns:
        The frames, in the scale of a LATENT; None without any.

    Raises:
        InvalidInput: There are not so many frames.

    """
    given = None if first is None else first["samples"].float()
    if extend and given is None:
        raise InvalidInput(f"extend is {extend}, but first is not connected: connect the video to continue.")
    if extend and given is not None:
        if extend > len(given):
            raise InvalidInput(
                f"extend is {extend}, but first has only {len(given)} frames: use {len(given)} or less."
            )
        given = given[-extend:]
    if given is None and last is None:
        return None
    return Pins(given, None if last is None else last["samples"].float(), strength)


def join_extension(first: Latent, video: dict[str, Any], extend: int) -> dict[str, Any]:
    """Return an animation with its continuation, without the frames that both have."""
    before = first["samples"].to(video["samples"])
    kept = {name: value for name, value in video.items() if name not in OF_EACH_FRAME}
    return {**kept, "samples": torch.cat([before, video["samples"][extend:]])}


def pin_video(
    model: AnimateXModel,
    conds: tuple[Conditioning, Conditioning],
    samples: Tensor,
    mask: Tensor | None,
    pins: Pins,
) -> tuple[tuple[Conditioning, Conditioning], Tensor, Tensor]:
    """Return the conditionings, the latents and the noise mask with which given frames are held.

    ComfyUI's noise mask noises the latents where it is 0 to the level of each step, and puts them back into
    what the model predicts; between 0 and 1 it mixes.

    Args:
        model: The model, which knows the scale of its latents.
        conds: Positive and negative conditioning.
        samples: (f, c, h, w).
        mask: The noise mask of the LATENT, or None.
        pins: The given frames.

    Returns:
        The same with the given frames; the mask is (f, 1, h, w).

    """
    channels = samples.shape[1]
    shape = get_clip_condition(conds[0][0][1]).inputs.shape
    pins.check_fit(shape, channels)
    scaled = replace(pins, first=_scaled(model, pins.first), last=_scaled(model, pins.last))

    def pinned(conditioning: Conditioning) -> Conditioning:
        return [
            [tensor, {**values, CONDITION: _pinned(values, scaled, channels)}]
            for tensor, values in conditioning
        ]

    free = torch.ones(len(samples), 1, *samples.shape[2:])
    if mask is not None:
        free = prepare_mask(mask, samples.shape, samples.device)[:, :1].clone()
    given = samples.clone()
    for frames, place in pins.placed:
        given[place] = frames.to(given)
        free[place] = free[place].clamp(max=1 - pins.strength)
    return (pinned(conds[0]), pinned(conds[1])), given, free


def _pinned(values: Mapping[str, Any], pins: Pins, channels: int) -> Any:
    condition = get_clip_condition(values)
    inputs: ConditionInputs = pin_frames(condition.inputs, pins, channels)
    # The noise mask holds the frames; only the puppet of the conditions is replaced.
    return replace(condition, inputs=replace(inputs, pinned_latents=None, pin_strength=None))


def _scaled(model: AnimateXModel, frames: Tensor | None) -> Tensor | None:
    return None if frames is None else model.process_latent_in(frames)
