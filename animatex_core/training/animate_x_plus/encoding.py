"""Encodes videos, images and captions into training clips for Wan."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ...animate_x.conditioning import MotionFeatures, embed_images
from ...animate_x_plus.components import AUTOENCODER, IMAGE_ENCODER, TEXT_ENCODER, on_device
from ...animate_x_plus.preprocessing import reference_video, stretch_reference, wan_clip_image
from ...animate_x_plus.shapes import WanShape
from ...animate_x_plus.wan.autoencoder import WanAutoencoder
from ...animate_x_plus.wan.encoders import WanImageEncoder, WanTextEncoder
from ...encoders.base import ImageEncoder
from ...encoders.open_clip import OpenClipImageEncoder
from ...errors import InvalidInput
from ...hub.models_dir import OPEN_CLIP, ModelsDir
from ...pose.keypoints import PoseSequence
from ...utils.devices import reraise_oom
from ...utils.progress import batched
from .clip import DrivingFeatures, WanClip

_CACHED_CAPTIONS = 8  # parts of one video share a caption, and so do all dances
_BATCH_FRAMES = 16  # frames that are passed to OpenCLIP at once


class ClipEncoders(Protocol):
    """The models that encode a `WanClip`."""

    def latents(self, video: Tensor) -> Tensor:
        """Encode a video (3, 4n + 1, height, width) in -1..1 to (16, n + 1, height / 8, width / 8)."""
        ...

    def image(self, image: Tensor) -> Tensor:
        """Encode an image (3, height, width) in -1..1 to (image_tokens, image_dim)."""
        ...

    def frames(self, frames: Sequence[np.ndarray]) -> Tensor:
        """Encode driving frames (height, width, 3) uint8 in RGB to (f, clip_dim)."""
        ...

    def text(self, caption: str) -> Tensor:
        """Encode a text to (tokens, text_dim), without padding."""
        ...


@dataclass(frozen=True, eq=False)
class WanEncoders:
    """`ClipEncoders` with the models that Animate-X++ uses for inference. Outputs are float32 on the CPU.

    The text encoder, by far the largest, is moved to `device` only for a new caption; the others stay there.

    Attributes:
        autoencoder: Wan's autoencoder.
        image_encoder: Wan's CLIP model.
        text_encoder: umT5.
        driving_encoder: OpenCLIP. None gives embeddings of width 0, for the simple variant and TI2V.
        device: Device of the models.

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
        with reraise_oom(f"{size} do not fit into memory: use fewer frames, or lower width and height."):
            return self.autoencoder.encode(video[None])[0].float().cpu()

    def image(self, image: Tensor) -> Tensor:
        """As `ClipEncoders`."""
        return self.image_encoder.encode(wan_clip_image(image[None]))[0].float().cpu()

    def frames(self, frames: Sequence[np.ndarray]) -> Tensor:
        """As `ClipEncoders`."""
        if self.driving_encoder is None:
            return torch.zeros(len(frames), 0)
        return embed_images(self.driving_encoder, frames).cpu()

    def text(self, caption: str) -> Tensor:
        """As `ClipEncoders`."""
        return self._text(caption)

    @cached_property
    def _text(self) -> Callable[[str], Tensor]:
        return lru_cache(_CACHED_CAPTIONS)(self._encode_text)

    def _encode_text(self, caption: str) -> Tensor:
        encoder = self.text_encoder
        with on_device(encoder.network, self.device):
            states = encoder.encode(caption)[0, : len(encoder.tokens(caption))]
        return states.float().cpu()


def load_wan_encoders(folder: ModelsDir, device: torch.device, *, driving: bool) -> WanEncoders:
    """Load the encoders in the data types of the official code, or all in float32 on a CPU.

    Args:
        folder: Folder of the model files.
        device: Device of the models.
        driving: Whether to load OpenCLIP, which encodes the driving frames.

    Returns:
        The encoders.

    Raises:
        InvalidInput: If a file is missing; the message says how to download it.
        CheckpointError: If a file cannot be used.

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


def encode_clip(
    encoders: ClipEncoders,
    shape: WanShape,
    frames: Iterable[np.ndarray],
    caption: str,
    poses: PoseSequence | None,
) -> WanClip:
    """Encode a clip whose first frame is the reference image, stretched to the shape as in the official code.

    Args:
        encoders: The encoders.
        shape: Size and number of frames of the clip.
        frames: Frames (h, w, 3) uint8 in RGB.
        caption: The prompt.
        poses: Poses of the dancer, who is also the driver. None in the TI2V task.

    Returns:
        The encoded clip.

    Raises:
        InvalidInput: If the number of frames differs from that of the shape, or if an encoder output
            overflows float16.

    """
    images: list[Tensor] = []
    features: list[Tensor] = []
    size = 0, 0
    for batch in batched(frames, _BATCH_FRAMES):
        # Resizes all frames like the reference image, which is then bit-identical to the first frame.
        images += [stretch_reference(frame, shape.width, shape.height)[0] for frame in batch]
        if poses is not None:
            features.append(encoders.frames(batch))
        height, width, _ = batch[-1].shape
        size = width, height
    if len(images) != shape.frames:
        raise InvalidInput(f"Only {len(images)} of {shape.frames} frames can be read: export the clip again.")
    dance = None
    if poses is not None:
        motion = MotionFeatures(_require_half("driving features", torch.cat(features)), poses, *size)
        dance = DrivingFeatures(poses, poses.select([0]), motion)
    return _encode(encoders, torch.stack(images, dim=1), caption, dance)


def _encode(encoders: ClipEncoders, video: Tensor, caption: str, dance: DrivingFeatures | None) -> WanClip:
    image = video[:, 0]
    return WanClip(
        latents=_require_half("latents", encoders.latents(video)),
        image_latents=_require_half(
            "reference latents", encoders.latents(reference_video(image[None], video.shape[1])[0])
        ),
        clip_features=_require_half("CLIP features", encoders.image(image)),
        text_context=_require_half("text states", encoders.text(caption)),
        dance=dance,
    )


def _require_half(what: str, output: Tensor) -> Tensor:
    if not output.half().isfinite().all():
        raise InvalidInput(
            f"The {what} are NaN or too large for float16, in which they are stored: encode the clip on "
            "another device, or leave it out."
        )
    return output
