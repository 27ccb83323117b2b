"""Networks and steps that turn frames into what Wan is trained on."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ...animate_x.conditioning import MotionFeatures, encode_pictures
from ...animate_x_plus.components import AUTOENCODER, IMAGE_ENCODER, TEXT_ENCODER, on_device
from ...animate_x_plus.preprocessing import reference_picture, reference_video, wan_clip_picture
from ...animate_x_plus.shapes import WanShape
from ...animate_x_plus.wan.autoencoder import WanAutoencoder
from ...animate_x_plus.wan.image_encoder import WanImageEncoder
from ...animate_x_plus.wan.text_encoder import WanTextEncoder
from ...encoders.base import ImageEncoder
from ...encoders.open_clip import OpenClipImageEncoder
from ...errors import InvalidInput
from ...hub.models_dir import OPEN_CLIP, ModelsDir
from ...pose.keypoints import PoseSequence
from ...utils.devices import reraise_oom
from ...utils.iteration import batched
from .clip import DrivingFeatures, WanClip

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
        with reraise_oom(f"{size} do not fit into memory: take fewer frames, or lower width and height."):
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
        with on_device(encoder.network, self.device):
            states = encoder.encode(caption)[0, : len(encoder.tokens(caption))]
        return states.float().cpu()


def load_wan_encoders(folder: ModelsDir, device: torch.device, *, driving: bool) -> WanEncoders:
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


BATCH = 16  # frames that wait for OpenCLIP


def encode_clip(
    encoders: ClipEncoders,
    shape: WanShape,
    frames: Iterable[np.ndarray],
    caption: str,
    poses: PoseSequence | None,
) -> WanClip:
    """Encode a clip whose first frame is the reference picture, stretched to the shape as released.

    frames: (h, w, 3) uint8 in RGB. poses: of whoever dances, who drives itself; None in the TI2V task. Raises
    InvalidInput where there are not as many frames as the shape has, or an answer does not fit into 16 bits.
    """
    pictures: list[Tensor] = []
    features: list[Tensor] = []
    size = 0, 0
    for batch in batched(frames, BATCH):
        # All through the reference's filter, so that its picture is the clip's first one to the bit.
        pictures += [reference_picture(frame, shape.width, shape.height)[0] for frame in batch]
        if poses is not None:
            features.append(encoders.frames(batch))
        height, width, _ = batch[-1].shape
        size = width, height
    if len(pictures) != shape.frames:
        raise InvalidInput(
            f"Only {len(pictures)} of {shape.frames} frames can be read: export the clip again."
        )
    dance = None if poses is None else _danced(_finite("driving features", torch.cat(features)), poses, size)
    return _encoded(encoders, torch.stack(pictures, dim=1), caption, dance)


def _danced(features: Tensor, poses: PoseSequence, size: tuple[int, int]) -> DrivingFeatures:
    return DrivingFeatures(poses, poses.select([0]), MotionFeatures(features, poses, *size))


def _encoded(encoders: ClipEncoders, video: Tensor, caption: str, dance: DrivingFeatures | None) -> WanClip:
    picture = video[:, 0]
    return WanClip(
        latents=_finite("latents", encoders.latents(video)),
        image_latents=_finite(
            "reference latents", encoders.latents(reference_video(picture[None], video.shape[1])[0])
        ),
        clip_features=_finite("CLIP features", encoders.image(picture)),
        text_context=_finite("text states", encoders.text(caption)),
        dance=dance,
    )


def _finite(what: str, answer: Tensor) -> Tensor:
    if not answer.half().isfinite().all():
        raise InvalidInput(
            f"The {what} are NaN or too large for the 16 bits they are kept in: encode the clip on another "
            "device, or leave it out."
        )
    return answer
