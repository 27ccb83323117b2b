"""Training clips, as a data set returns them and as they are stored."""

from dataclasses import dataclass
from io import BytesIO
from typing import Protocol

import numpy as np
from PIL import Image
from torch import Tensor

from ...animate_x.conditioning import MotionFeatures, ReferenceFeatures, require_pose_per_frame
from ...animate_x.puppet_condition import PuppetCondition
from ...errors import InvalidInput
from ...pose.keypoints import PoseSequence
from ...utils.text import first_sentence
from ...video.image import DAMAGE
from .header import ImageFormat


@dataclass(frozen=True, eq=False)
class TrainingClip:
    """A clip of f frames.

    Attributes:
        latents: Scaled latents (latent_channels, f, h, w) of the target frames.
        reference: The reference image, from the same clip or of the same character elsewhere.
        poses: The character's own poses in the target frames. EPI transforms them; they are drawn as the pose
            video.
        motion: Embeddings and poses of the driving video: the character itself, or another body with the
            same motion.
        puppet: The reference image warped along the bones, or None.

    """

    latents: Tensor
    reference: ReferenceFeatures
    poses: PoseSequence
    motion: MotionFeatures
    puppet: PuppetCondition | None = None

    def __post_init__(self) -> None:
        require_pose_per_frame(self.latents.shape[1], len(self.poses))
        require_pose_per_frame(len(self.poses), len(self.motion.poses))


class ClipDataset(Protocol):
    """A data set of clips. The same index, number of frames and random state give the same clip."""

    def __len__(self) -> int: ...

    def clip(self, index: int, frames: int, rng: np.random.Generator) -> TrainingClip:
        """Return `frames` frames of a clip.

        Args:
            index: Index of the clip.
            frames: Number of frames.
            rng: Chooses the frames and the reference image.

        Returns:
            The clip.

        Raises:
            InvalidInput: If the clip is too short or damaged.

        """
        ...

    def pool(self) -> list[PoseSequence]:
        """Return the poses that EPI draws anchors from, one sequence per clip."""
        ...


def encode_image(image: np.ndarray, form: ImageFormat) -> np.ndarray:
    """Encode an image (h, w, 3) uint8 to bytes (n,) uint8. JPEG has quality 95 without chroma subsampling."""
    if form == "raw":
        return image.reshape(-1)
    file = BytesIO()
    Image.fromarray(image).save(file, "jpeg", quality=95, subsampling=0)
    return np.frombuffer(file.getvalue(), np.uint8)


def decode_image(data: np.ndarray, form: ImageFormat, width: int, height: int) -> np.ndarray:
    """Decode the bytes of `picture_bytes` to an image.

    Args:
        data: Bytes (n,) uint8.
        form: Format of the bytes.
        width: Expected width in pixels.
        height: Expected height in pixels.

    Returns:
        A copy (height, width, 3), uint8 in RGB.

    Raises:
        InvalidInput: If the image is damaged or has another size.

    """
    if form == "raw":
        return data.reshape(height, width, 3).copy()
    try:
        with Image.open(BytesIO(data.tobytes()), formats=("JPEG",)) as image:
            if image.size != (width, height):
                raise ValueError(f"it has {image.width}x{image.height} pixels")
            return np.array(image.convert("RGB"))
    except DAMAGE as error:
        raise InvalidInput(
            f"A reference image of the data set is damaged ({first_sentence(error)}): prepare its clips "
            "again."
        ) from error


@dataclass(frozen=True, eq=False)
class StoredClip:
    """A clip of f frames, in the form that is stored.

    Attributes:
        latents: Scaled latents (f, latent_channels, h, w).
        poses: The character's poses in these frames.
        motion: Embeddings and poses of the driving video. If its poses equal `poses`, they are stored once.
        references: One or more images of the character, from which training draws one. All have latents or
            none has.
        reference_frames: Indices of the references in the clip; empty for images from elsewhere.
        puppet: The reference image warped along the bones, or None.

    """

    latents: Tensor
    poses: PoseSequence
    motion: MotionFeatures
    references: tuple[ReferenceFeatures, ...]
    reference_frames: tuple[int, ...] = ()
    puppet: PuppetCondition | None = None

    def __post_init__(self) -> None:
        require_pose_per_frame(len(self.latents), len(self.poses))
        require_pose_per_frame(len(self.latents), len(self.motion.poses))
        assert self.references
        assert len(self.reference_frames) in (0, len(self.references))
