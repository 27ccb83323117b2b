"""The networks that clips for Wan are encoded by, from the files of the models folder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ...conditioning import encode_pictures
from ...encoders.open_clip_encoder import OpenClipImageEncoder
from ...encoders.protocols import ImageEncoder
from ...models_folder import OPEN_CLIP, ModelsFolder
from ...out_of_memory import explained
from ...plus.preprocess import wan_clip_picture
from ...plus.standalone import AUTOENCODER, IMAGE_ENCODER, TEXT_ENCODER
from ...plus.visits import visiting
from ...plus.wan_autoencoder import WanAutoencoder
from ...plus.wan_image_encoder import WanImageEncoder
from ...plus.wan_text_encoder import WanTextEncoder

_REMEMBERED = 8  # captions: parts of a clip, and clips of one task, have the same


class ClipEncoders(Protocol):
    """What makes a `WanClip` of pictures and text."""

    def latents(self, video: Tensor) -> Tensor:
        """Map a video (3, 4n + 1, height, width) in -1..1 to (16, n + 1, height / 8, width / 8)."""
        ...

    def image(self, picture: Tensor) -> Tensor:
        """Map a picture (3, height, width) in -1..1 to (image_tokens, image_dim)."""
        ...

    def frames(self, frames: Sequence[np.ndarray]) -> Tensor:
        """Map driving frames (height, width, 3) uint8 in RGB to (f, clip_dim)."""
        ...

    def text(self, caption: str) -> Tensor:
        """Map a text to (tokens, text_dim), its own tokens alone."""
        ...


@dataclass(frozen=True, eq=False)
class WanEncoders:
    """`ClipEncoders` that Animate-X++ runs with; they answer on the CPU in float32.

    The text encoder, by far the largest, visits `device` for a new caption; the others rest there.
    driving_encoder: None where nobody reads the driving frames, which then have features of width 0.
    """

    autoencoder: WanAutoencoder
    image_encoder: WanImageEncoder
    text_encoder: WanTextEncoder
    driving_encoder: ImageEncoder | None
    device: torch.device

    def latents(self, video: Tensor) -> Tensor:
        """As `ClipEncoders`."""
        height, width = video.shape[2:]
        size = f"{video.shape[1]} frames of {width}x{height}"
        with explained(f"{size} do not fit into memory: take fewer frames, or lower width and height."):
            return self.autoencoder.encode(video[None])[0].float().cpu()

    def image(self, picture: Tensor) -> Tensor:
        """As `ClipEncoders`."""
        return self.image_encoder.encode(wan_clip_picture(picture[None]))[0].float().cpu()

    def frames(self, frames: Sequence[np.ndarray]) -> Tensor:
        """As `ClipEncoders`."""
        if self.driving_encoder is None:
            return torch.zeros(len(frames), 0)
        return encode_pictures(self.driving_encoder, frames).cpu()

    def text(self, caption: str) -> Tensor:
        """As `ClipEncoders`."""
        return self._text(caption)

    @cached_property
    def _text(self) -> Callable[[str], Tensor]:
        return lru_cache(_REMEMBERED)(self._encoded)

    def _encoded(self, caption: str) -> Tensor:
        encoder = self.text_encoder
        with visiting(encoder.network, self.device):
            states = encoder.encode(caption)[0, : len(encoder.tokens(caption))]
        return states.float().cpu()


def load_wan_encoders(folder: ModelsFolder, device: torch.device, *, driving: bool) -> WanEncoders:
    """Load what `animate` loads, in the types of the release; on a CPU all in float32.

    driving: whether OpenCLIP is needed. Raises InvalidInput that says how to get a file that is not in the
    folder, and what the loaders raise.
    """
    text, image = folder.require(TEXT_ENCODER), folder.require(IMAGE_ENCODER)
    autoencoder = folder.require(AUTOENCODER)
    open_clip = folder.require(OPEN_CLIP) if driving else None
    dtype = torch.float32 if device.type == "cpu" else torch.bfloat16
    encoder = None if open_clip is None else OpenClipImageEncoder.from_file(open_clip, device=device)
    return WanEncoders(
        autoencoder=WanAutoencoder.from_file(autoencoder, dtype, device),
        image_encoder=WanImageEncoder.from_file(image, device=device),
        driving_encoder=encoder,
        text_encoder=WanTextEncoder.from_file(text, dtype),
        device=device,
    )
