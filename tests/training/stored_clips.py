"""Stored clips of random numbers."""

import numpy as np
import torch

from animatex_core.animate_x.conditioning import MotionFeatures, ReferenceFeatures
from animatex_core.pose.keypoints import POINTS, PoseSequence
from animatex_core.training.data.clip import StoredClip
from animatex_core.training.data.header import DatasetHeader

HEADER = DatasetHeader(width=128, height=192, clip_dim=64)
CONTEXT = torch.arange(24.0).reshape(1, 4, 6)


def random_poses(frames: int, rng: np.random.Generator, fps: float | None = 24.0) -> PoseSequence:
    return PoseSequence.from_points(rng.random((frames, POINTS, 3), np.float32), 640, 480, fps)


def random_reference(rng: np.random.Generator, header: DatasetHeader = HEADER) -> ReferenceFeatures:
    latents = None
    if header.form != "picture":
        latents = torch.from_numpy(rng.random((1, *header.latent_shape), np.float32))
    return ReferenceFeatures(
        rng.integers(0, 256, (header.height, header.width, 3), np.uint8),
        torch.from_numpy(rng.random((1, header.clip_dim), np.float32)),
        random_poses(1, rng),
        latents,
        header.form != "latents",
    )


def folder_clip(frames: int, seed: int = 0, header: DatasetHeader = HEADER) -> StoredClip:
    """A clip whose character drives itself, with three of its frames as references."""
    rng = np.random.default_rng(seed)
    poses = random_poses(frames, rng)
    features = torch.from_numpy(rng.random((frames, header.clip_dim), np.float32))
    latents = torch.from_numpy(rng.random((frames, *header.latent_shape), np.float32))
    references = tuple(random_reference(rng, header) for _ in range(3))
    return StoredClip(
        latents, poses, MotionFeatures(features, poses, 640, 480), references, (0, frames // 2, frames - 1)
    )


def triple(frames: int = 8, seed: int = 0, header: DatasetHeader = HEADER) -> StoredClip:
    """A clip that another body drives, with one reference from elsewhere."""
    rng = np.random.default_rng(seed)
    whole = folder_clip(frames, seed, header)
    motion = MotionFeatures(whole.motion.clip, random_poses(frames, rng, None), 320, 240)
    return StoredClip(whole.latents, whole.poses, motion, whole.references[:1])
