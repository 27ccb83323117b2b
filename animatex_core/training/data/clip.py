"""Training clips: what a data set gives the trainer, and the form in which they are stored."""

from dataclasses import dataclass
from io import BytesIO
from typing import Protocol

import numpy as np
from PIL import Image
from torch import Tensor

from ...animate_x.conditioning import MotionFeatures, ReferenceFeatures, require_a_pose_each
from ...errors import InvalidInput
from ...pose.keypoints import PoseSequence
from ...utils.text import reason_of
from ...video.image import DAMAGE
from .header import PictureFormat


@dataclass(frozen=True, eq=False)
class TrainingClip:
    """A clip of f frames.

    latents: (latent_channels, f, h, w), scaled latents of the true frames.
    reference: the picture of the character, of the same clip or of the same character elsewhere.
    poses: of the character itself in the true frames; EPI transforms these, and they are what is drawn.
    motion: of whoever drives, with his own poses: the character itself, or a body of another shape that
        moves alike.
    puppet: (latent_channels, f, h, w), scaled latents of the reference carried along the bones, or None.
    """

    latents: Tensor
    reference: ReferenceFeatures
    poses: PoseSequence
    motion: MotionFeatures
    puppet: Tensor | None = None

    def __post_init__(self) -> None:
        require_a_pose_each(self.latents.shape[1], len(self.poses))
        require_a_pose_each(len(self.poses), len(self.motion.poses))


class ClipDataset(Protocol):
    """Clips by number. The same number, count of frames and random state give the same clip."""

    def __len__(self) -> int: ...

    def clip(self, index: int, frames: int, rng: np.random.Generator) -> TrainingClip:
        """Return `frames` frames of clip `index`; `rng` chooses which, and which reference.

        Raises InvalidInput for a clip that is too short or damaged.
        """
        ...

    def pool(self) -> list[PoseSequence]:
        """Return the poses that EPI draws its anchors from, a sequence a clip."""
        ...


def picture_bytes(picture: np.ndarray, form: PictureFormat) -> np.ndarray:
    """Turn (h, w, 3) uint8 into (n,) uint8; jpeg is of quality 95 and full colour resolution."""
    if form == "raw":
        return picture.reshape(-1)
    file = BytesIO()
    Image.fromarray(picture).save(file, "jpeg", quality=95, subsampling=0)
    return np.frombuffer(file.getvalue(), np.uint8)


def picture_of(data: np.ndarray, form: PictureFormat, width: int, height: int) -> np.ndarray:
    """Turn what `picture_bytes` made of a picture into (height, width, 3) uint8 in RGB, a copy.

    Raises InvalidInput for what is damaged or of another size.
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
            f"A reference picture of the data set is damaged ({reason_of(error)}): prepare its clips again."
        ) from error


@dataclass(frozen=True, eq=False)
class StoredClip:
    """A clip of f frames.

    latents: (f, latent_channels, h, w), scaled. poses: of the character in these frames. motion: of whoever
    drives; where its poses are `poses` they are stored once.
    references: one picture of the character or more, among which training chooses; all have latents, or none.
    reference_frames: which frames of the clip they are; empty for pictures from elsewhere.
    puppet: (f, latent_channels, h, w), scaled latents of the reference carried along the bones, or None.
    """

    latents: Tensor
    poses: PoseSequence
    motion: MotionFeatures
    references: tuple[ReferenceFeatures, ...]
    reference_frames: tuple[int, ...] = ()
    puppet: Tensor | None = None

    def __post_init__(self) -> None:
        require_a_pose_each(len(self.latents), len(self.poses))
        require_a_pose_each(len(self.latents), len(self.motion.poses))
        assert self.references
        assert len(self.reference_frames) in (0, len(self.references))
