"""Packs clips of any lengths into the arrays of a shard, concatenated along the first axis.

Latents and CLIP features are float16. Keypoints stay float32: float16 would move them by up to a quarter of a
pixel in a 1024 pixel image, and they take a thirtieth of the space of the latents at 512x768.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...animate_x.conditioning import ReferenceFeatures
from ...pose.keypoints import POINTS, PoseSequence
from .clip import StoredClip, encode_image
from .header import DatasetHeader

POINT_SHAPE = (POINTS, 3)


def array_shapes(header: DatasetHeader) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array in a shard, without the first axis.

    One row per clip: frames, driver_frames (0 if the character drives itself) and references are counts;
    sizes holds width and height of the images of the poses, the driver's poses and the driving frames; fps
    is that of both pose sequences, 0 if unknown.
    One row per frame: latents, points, features (of the driving frames), driver_points, and puppet and
    puppet_alpha if the header has a puppet.
    One row per reference: picture_ends (in the bytes of `pictures`), embeddings, reference_latents (only if
    the form has latents), reference_points, reference_sizes, reference_frames (-1: not a frame of the clip).
    """
    alpha = {"puppet_alpha": (header.height, header.width)}
    puppet = {"puppet": header.latent_shape, **alpha} if header.puppet else {}
    return puppet | {
        "frames": (),
        "driver_frames": (),
        "references": (),
        "sizes": (6,),
        "fps": (2,),
        "latents": header.latent_shape,
        "points": POINT_SHAPE,
        "features": (header.clip_dim,),
        "driver_points": POINT_SHAPE,
        "pictures": (),
        "picture_ends": (),
        "embeddings": (header.clip_dim,),
        "reference_latents": header.latent_shape,
        "reference_points": POINT_SHAPE,
        "reference_sizes": (2,),
        "reference_frames": (),
    }


def shard_arrays(clips: Sequence[StoredClip], header: DatasetHeader) -> dict[str, Tensor]:
    """Pack clips into the arrays that `array_forms` describes."""
    arrays = {**_clip_arrays(clips), **_reference_arrays(clips, header)}
    if header.puppet:
        puppets = [clip.puppet for clip in clips if clip.puppet is not None]
        arrays["puppet"] = torch.cat([puppet.latents.half() for puppet in puppets])
        arrays["puppet_alpha"] = torch.cat([(puppet.alpha * 255).round().byte() for puppet in puppets])
        assert len(arrays["puppet"]) == len(arrays["latents"])
    for name, shape in array_shapes(header).items():
        assert arrays[name].shape[1:] == shape, (name, arrays[name].shape, shape)
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
    images = [encode_image(reference.picture, header.pictures) for reference in references]
    poses = [_pose(reference) for reference in references]
    frames = [clip.reference_frames or (-1,) * len(clip.references) for clip in clips]
    return {
        "pictures": torch.from_numpy(np.concatenate(images)),
        "picture_ends": torch.tensor([len(data) for data in images]).cumsum(0),
        "embeddings": torch.cat([reference.embedding.half() for reference in references]),
        "reference_latents": _latents(references, header),
        "reference_points": _points(poses),
        "reference_sizes": torch.tensor([[pose.width, pose.height] for pose in poses]),
        "reference_frames": torch.tensor([number for numbers in frames for number in numbers]),
    }


def _drives_itself(clip: StoredClip) -> bool:
    own, driver = clip.poses, clip.motion.poses
    same_video = (own.width, own.height, own.fps) == (driver.width, driver.height, driver.fps)
    return own is driver or (same_video and np.array_equal(own.points, driver.points))


def _sizes(clip: StoredClip) -> list[int]:
    own, motion = clip.poses, clip.motion
    return [own.width, own.height, motion.poses.width, motion.poses.height, motion.width, motion.height]


def _pose(reference: ReferenceFeatures) -> PoseSequence:
    """The pose of a reference, or an empty one if it has none."""
    height, width, _ = reference.picture.shape
    return PoseSequence.empty(1, width, height) if reference.pose is None else reference.pose.first_shown()


def _points(sequences: Sequence[PoseSequence]) -> Tensor:
    empty = np.zeros((0, *POINT_SHAPE), np.float32)  # for a shard without drivers
    return torch.from_numpy(np.concatenate([empty, *(poses.points for poses in sequences)]))


def _latents(references: Sequence[ReferenceFeatures], header: DatasetHeader) -> Tensor:
    if header.form == "picture":
        return torch.zeros(0, *header.latent_shape, dtype=torch.half)
    latents = [reference.latents for reference in references if reference.latents is not None]
    assert len(latents) == len(references)
    return torch.cat(latents).half()
