"""The arrays of a shard: clips of any lengths, one after the other along the first axis.

Latents and CLIP features are float16. Points stay float32: float16 would move them by up to a quarter of a
pixel in a picture of 1024, and they are a thirtieth of what the latents of 512x768 take.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...animate_x.conditioning import ReferenceFeatures
from ...pose.keypoints import POINTS, PoseSequence
from .clip import StoredClip, picture_bytes
from .header import DatasetHeader

POINT_FORM = (POINTS, 3)


def array_forms(header: DatasetHeader) -> dict[str, tuple[int, ...]]:
    """Return what each array of a shard has behind its first axis.

    A row a clip: frames, driver_frames (0 where the driver is the character itself), references (counts),
    sizes (width and height of the pictures of poses, driver's poses and driving frames), fps (of both poses,
    0 if unknown). A row a frame: latents, points, features (of the driving frames), driver_points, puppet
    (only where the header asks for it).
    A row a reference: picture_ends (in the bytes of `pictures`), embeddings, reference_latents (only where
    the form asks for them), reference_points, reference_sizes, reference_frames (-1: none of the clip).
    """
    puppet = {"puppet": header.latent_shape} if header.puppet else {}
    return puppet | {
        "frames": (),
        "driver_frames": (),
        "references": (),
        "sizes": (6,),
        "fps": (2,),
        "latents": header.latent_shape,
        "points": POINT_FORM,
        "features": (header.clip_dim,),
        "driver_points": POINT_FORM,
        "pictures": (),
        "picture_ends": (),
        "embeddings": (header.clip_dim,),
        "reference_latents": header.latent_shape,
        "reference_points": POINT_FORM,
        "reference_sizes": (2,),
        "reference_frames": (),
    }


def shard_arrays(clips: Sequence[StoredClip], header: DatasetHeader) -> dict[str, Tensor]:
    """Return the arrays of `array_forms` for these clips."""
    arrays = {**_clip_arrays(clips), **_reference_arrays(clips, header)}
    if header.puppet:
        arrays["puppet"] = torch.cat([clip.puppet.half() for clip in clips if clip.puppet is not None])
        assert len(arrays["puppet"]) == len(arrays["latents"])
    for name, form in array_forms(header).items():
        assert arrays[name].shape[1:] == form, (name, arrays[name].shape, form)
    return arrays


def _clip_arrays(clips: Sequence[StoredClip]) -> dict[str, Tensor]:
    drivers = [None if _drives_itself(clip) else clip.motion.poses for clip in clips]
    return {
        "frames": torch.tensor([len(clip.poses) for clip in clips]),
        "driver_frames": torch.tensor([0 if poses is None else len(poses) for poses in drivers]),
        "references": torch.tensor([len(clip.references) for clip in clips]),
        "sizes": torch.tensor([_sizes(clip) for clip in clips]),
        "fps": torch.tensor(
            [[clip.poses.fps or 0.0, clip.motion.poses.fps or 0.0] for clip in clips]
        ).double(),
        "latents": torch.cat([clip.latents.half() for clip in clips]),
        "points": _points([clip.poses for clip in clips]),
        "features": torch.cat([clip.motion.clip.half() for clip in clips]),
        "driver_points": _points([poses for poses in drivers if poses is not None]),
    }


def _reference_arrays(clips: Sequence[StoredClip], header: DatasetHeader) -> dict[str, Tensor]:
    references = [reference for clip in clips for reference in clip.references]
    assert all(reference.picture.shape == (header.height, header.width, 3) for reference in references)
    pictures = [picture_bytes(reference.picture, header.pictures) for reference in references]
    poses = [_pose(reference) for reference in references]
    frames = [clip.reference_frames or (-1,) * len(clip.references) for clip in clips]
    return {
        "pictures": torch.from_numpy(np.concatenate(pictures)),
        "picture_ends": torch.tensor([len(data) for data in pictures]).cumsum(0),
        "embeddings": torch.cat([reference.embedding.half() for reference in references]),
        "reference_latents": _latents(references, header),
        "reference_points": _points(poses),
        "reference_sizes": torch.tensor([[pose.width, pose.height] for pose in poses]),
        "reference_frames": torch.tensor([number for numbers in frames for number in numbers]),
    }


def _drives_itself(clip: StoredClip) -> bool:
    mine, driver = clip.poses, clip.motion.poses
    same_picture = (mine.width, mine.height, mine.fps) == (driver.width, driver.height, driver.fps)
    return mine is driver or (same_picture and np.array_equal(mine.points, driver.points))


def _sizes(clip: StoredClip) -> list[int]:
    mine, motion = clip.poses, clip.motion
    return [mine.width, mine.height, motion.poses.width, motion.poses.height, motion.width, motion.height]


def _pose(reference: ReferenceFeatures) -> PoseSequence:
    """The one pose of a reference; nobody where there is none."""
    height, width, _ = reference.picture.shape
    return PoseSequence.empty(1, width, height) if reference.pose is None else reference.pose.first_shown()


def _points(sequences: Sequence[PoseSequence]) -> Tensor:
    none = np.zeros((0, *POINT_FORM), np.float32)
    return torch.from_numpy(np.concatenate([none, *(poses.points for poses in sequences)]))


def _latents(references: Sequence[ReferenceFeatures], header: DatasetHeader) -> Tensor:
    if header.form == "picture":
        return torch.zeros(0, *header.latent_shape, dtype=torch.half)
    found = [reference.latents for reference in references if reference.latents is not None]
    assert len(found) == len(references)
    return torch.cat(found).half()
