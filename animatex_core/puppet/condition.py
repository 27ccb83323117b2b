"""The puppet as a condition of a denoiser that was trained on it."""

import numpy as np
from torch import Tensor

from ..encoders.preprocess import autoencoder_pictures, resize
from ..encoders.protocols import LatentEncoder
from ..pose.skeleton import PoseSequence, seen
from ..shapes import ClipShape
from .puppet import puppet_frames


def puppet_latents(
    autoencoder: LatentEncoder,
    picture: np.ndarray,
    own: PoseSequence | None,
    poses: PoseSequence,
    shape: ClipShape,
) -> Tensor | None:
    """Carry a reference picture along the bones, and encode what comes out.

    Args:
        autoencoder: The one whose latents the denoiser knows.
        picture: The reference picture, (h, w, 3) uint8 in RGB; stretched to the clip's size.
        own: The pose in it, or None.
        poses: f target poses, already retargeted to the character.
        shape: Size of the clip.

    Returns:
        (f, c, h, w), scaled latents in float32; None where nobody is seen in the picture.

    """
    if own is None or not seen(own.points).any():
        return None
    frames, _ = puppet_frames(resize(picture, shape.width, shape.height), own, poses)
    return autoencoder.encode(autoencoder_pictures(list(frames), shape.width, shape.height)).float()
