"""Given first and last frames of a video, and the continuation of a finished one."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..encoders.base import LatentEncoder
from ..encoders.preprocessing import autoencoder_images
from ..errors import InvalidInput
from .conditioning import warn_of_stretching
from .conditions import ConditionInputs
from .shapes import ClipShape


@dataclass(frozen=True, eq=False)
class Pins:
    """Frames that a video begins and ends with.

    Attributes:
        first: Scaled latents of the first frames, (k, latent_channels, h, w); None for none.
        last: Of the last ones, in their order.
        strength: 1 holds them exactly, less lets the model change them, 0 ignores them.

    Raises:
        InvalidInput: The strength is out of range.

    """

    first: Tensor | None = None
    last: Tensor | None = None
    strength: float = 1.0

    def __post_init__(self) -> None:
        _check_strength(self.strength)

    @property
    def counts(self) -> tuple[int, int]:
        """How many first and last frames are given."""
        first, last = (0 if frames is None else len(frames) for frames in (self.first, self.last))
        return first, last

    @property
    def placed(self) -> list[tuple[Tensor, slice]]:
        """The given frames, and where in the video they are."""
        first, last = self.counts
        places = (self.first, slice(0, first)), (self.last, slice(-last, None))
        return [(frames, place) for frames, place in places if frames is not None and len(frames)]

    def check_fit(self, shape: ClipShape, channels: int) -> None:
        """Raise InvalidInput unless the frames fit a video and leave at least one to sample."""
        first, last = self.counts
        expected = (channels, *shape.latent_size)
        for name, given in (("first", self.first), ("last", self.last)):
            if given is not None and (given.ndim != 4 or tuple(given.shape[1:]) != expected):
                raise InvalidInput(
                    f"The given {name} frames are latents of {tuple(given.shape)}, but the video has "
                    f"{shape.width}x{shape.height} pixels, which are {expected} per frame: scale the frames "
                    "to that size before encoding them with the VAE of the model."
                )
        if first + last >= shape.frames:
            raise InvalidInput(
                f"{first} first and {last} last frames are given, but the video has only "
                f"{shape.frames} frames: give fewer, or make a longer video."
            )


@dataclass(frozen=True, eq=False)
class PinnedImages:
    """The same as images, before the models are loaded.

    Attributes:
        first: Images (h, w, 3) uint8 in RGB, stretched to the size of the video.
        last: Likewise.
        strength: As in `Pins`.

    Raises:
        InvalidInput: The strength is out of range.

    """

    first: tuple[np.ndarray, ...] = ()
    last: tuple[np.ndarray, ...] = ()
    strength: float = 1.0

    def __post_init__(self) -> None:
        _check_strength(self.strength)

    def encode(self, autoencoder: LatentEncoder, shape: ClipShape) -> Pins:
        """Return the latents of the images for a video; warns where they are stretched much."""

        def encoded(name: str, images: tuple[np.ndarray, ...]) -> Tensor | None:
            if not images:
                return None
            warn_of_stretching(images[0], shape, f"The given {name} frame")
            size = shape.width, shape.height
            return torch.cat(
                [autoencoder.encode(autoencoder_images([each], *size)).float() for each in images]
            )

        return Pins(encoded("first", self.first), encoded("last", self.last), self.strength)


def pin_frames(inputs: ConditionInputs, pins: Pins, channels: int) -> ConditionInputs:
    """Return the conditions of a video whose first and last frames are given.

    A model that starts from the puppet sees the given frames in its place, since in its first step, and with
    few steps in all of them, it sees nothing else.

    Args:
        inputs: The conditions of one video.
        pins: The given frames.
        channels: Of the latents.

    Raises:
        InvalidInput: The frames do not fit the video.

    """
    pins.check_fit(inputs.shape, channels)
    latents = torch.zeros(inputs.shape.latents(1, channels))
    strength = torch.zeros(1, inputs.shape.frames)
    for frames, place in pins.placed:
        latents[0, :, place] = frames.transpose(0, 1)
        strength[:, place] = pins.strength
    puppet, alpha, share = inputs.puppet_latents, inputs.puppet_alpha, strength[:, None, :, None, None]
    if puppet is not None:
        puppet = torch.lerp(puppet, latents.to(puppet), share.to(puppet))
    if alpha is not None:  # it is not known what the figure covers in a given frame
        alpha = alpha * (1 - share).to(alpha)
    pinned = replace(inputs, pinned_latents=latents, pin_strength=strength)
    return replace(pinned, puppet_latents=puppet, puppet_alpha=alpha)


def _check_strength(strength: float) -> None:
    if not 0 <= strength <= 1:
        raise InvalidInput(
            f"The strength of given frames is {strength}, but it must be in 0..1: use 1 to hold them exactly."
        )
