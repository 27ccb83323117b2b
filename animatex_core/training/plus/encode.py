"""From the frames of a part of a clip to what Wan is trained on."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from ...batches import batched
from ...conditioning import MotionFeatures
from ...errors import InvalidInput
from ...plus.preprocess import reference_picture, reference_video
from ...plus.shape import WanShape
from ...pose.skeleton import PoseSequence
from .clip import Dance, WanClip
from .encoders import ClipEncoders

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


def _danced(features: Tensor, poses: PoseSequence, size: tuple[int, int]) -> Dance:
    return Dance(poses, poses.select([0]), MotionFeatures(features, poses, *size))


def _encoded(encoders: ClipEncoders, video: Tensor, caption: str, dance: Dance | None) -> WanClip:
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
