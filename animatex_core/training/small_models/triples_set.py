"""Triples as a training data set: rendered, with the errors of a pose estimator, and encoded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from torch.utils.data import DataLoader

from ...animate_x.conditioning import MotionFeatures, ReferenceFeatures, embed_images
from ...animate_x.puppet_condition import PuppetCondition, puppet_condition
from ...animate_x.shapes import ClipShape
from ...encoders.preprocessing import autoencoder_images
from ...pose.keypoints import HANDS, PoseSequence
from ..data.clip import StoredClip
from ..data.header import DatasetHeader
from ..data.preparation import Encoders
from ..data.shards import ShardWriter
from ..synthetic.triples import STRIDES, Triple, draw_triple
from .fit import IndexedDataset

FRAMES = 8
JITTER = 0.006  # of the picture's height: how far a pose net errs
# The same with a puppet, for reference, target and dancer. A video has to show what its poses say: a denoiser
# that cannot rely on them learns to blur edges. So only the dancer's pose is inexact.
PUPPET_JITTER = 0.0, 0.0, 0.003
HANDS_UNSEEN, PUPPET_HANDS_UNSEEN = 0.3, 0.1
# How many times larger than the clip the picture is that the poses are said to be of. Strokes have a fixed
# width in it, and driving clips are of any size.
SIZES, SIZE_SHARES = (1, 2, 4), (0.6, 0.3, 0.1)
REPORT_EVERY = 200


@dataclass(frozen=True)
class TriplesSettings:
    """Settings of the data set.

    Attributes:
        count: Number of triples.
        seed: Seed of the data set.
        frames: Length of the clips.
        width: Width in pixels.
        height: Height in pixels.
        held_out: Whether to use held-out characters and motion.
        strides: Steps between two frames, at 24 frames per second.
        puppet: Whether to store the puppet.
        per_shard: Clips in a file.

    """

    count: int
    seed: int = 0
    frames: int = FRAMES
    width: int = 128
    height: int = 192
    held_out: bool = False
    strides: Sequence[int] = STRIDES
    puppet: bool = False
    per_shard: int = 256


def write_triples(
    folder: Path,
    settings: TriplesSettings,
    encoders: Encoders,
    report: Callable[[str], None],
    workers: int = 1,
) -> None:
    """Write triples as shards; an interrupted data set is continued.

    Args:
        folder: Folder of the data set.
        settings: Settings of the data set.
        encoders: Encode the clips. Their text context is stored as well.
        report: Called with progress messages.
        workers: Rendering processes.

    """
    header = DatasetHeader(
        settings.width,
        settings.height,
        encoders.clip_dim,
        latent_channels=_latent_channels(encoders),
        form="both",
        puppet=settings.puppet,
    )
    with ShardWriter.create(folder, header, encoders.text_context, settings.per_shard) as writer:
        numbers = range(writer.written, settings.count)
        drawn = IndexedDataset(partial(_draw, settings, writer.written), len(numbers))
        for number, triple in zip(
            numbers, DataLoader(drawn, batch_size=None, num_workers=workers), strict=True
        ):
            rng = np.random.default_rng([11, settings.seed, number])
            writer.add(encode_triple(triple, encoders, rng, puppet=settings.puppet))
            if (number + 1) % REPORT_EVERY == 0:
                report(f"{number + 1} of {settings.count} triples")


def encode_triple(
    triple: Triple, encoders: Encoders, rng: np.random.Generator, *, puppet: bool = False
) -> StoredClip:
    """Encode a triple, with the errors of a pose estimator added to its poses.

    Args:
        triple: The triple.
        encoders: Encode the frames.
        rng: Source of the errors.
        puppet: Whether to add the latents of the puppet.

    Returns:
        The encoded clip.

    """
    scale = int(rng.choice(SIZES, p=SIZE_SHARES))
    height, width = triple.target.frames.shape[1:3]
    frames = [*triple.reference.frames, *triple.target.frames]
    latents = encoders.autoencoder.encode(autoencoder_images(frames, width, height)).float()
    embeddings = embed_images(encoders.image, [*triple.reference.frames, *triple.driver.frames])
    scenes = triple.reference, triple.target, triple.driver
    jitter = PUPPET_JITTER if puppet else (JITTER,) * len(scenes)
    unseen = PUPPET_HANDS_UNSEEN if puppet else HANDS_UNSEEN
    poses = [
        _found(scene.poses, rng, scale, most, unseen) for scene, most in zip(scenes, jitter, strict=True)
    ]
    reference = ReferenceFeatures(triple.reference.frames[0], embeddings[:1], poses[0], latents[:1])
    motion = MotionFeatures(embeddings[1:], poses[2], scale * width, scale * height)
    own = _puppet(encoders, reference, poses[1]) if puppet else None
    return StoredClip(latents[1:], poses[1], motion, (reference,), puppet=own)


def _puppet(encoders: Encoders, reference: ReferenceFeatures, poses: PoseSequence) -> PuppetCondition | None:
    height, width, _ = reference.picture.shape
    shape = ClipShape(width, height, len(poses), num_downsamples=0)
    return puppet_condition(encoders.autoencoder, reference.picture, reference.pose, poses, shape)


def _latent_channels(encoders: Encoders) -> int:
    blank = autoencoder_images([np.zeros((64, 64, 3), np.uint8)], 64, 64)
    return encoders.autoencoder.encode(blank).shape[1]


def _draw(settings: TriplesSettings, first: int, number: int) -> Triple:
    return draw_triple(
        settings.seed,
        first + number,
        settings.frames,
        settings.width,
        settings.height,
        held_out=settings.held_out,
        strides=settings.strides,
    )


def _found(
    poses: PoseSequence, rng: np.random.Generator, scale: int, jitter: float, hands_unseen: float
) -> PoseSequence:
    points = poses.points.copy()
    error = rng.uniform(0, jitter) * rng.standard_normal((*points.shape[:2], 2))
    points[..., :2] += error * [poses.height / poses.width, 1]
    if rng.random() < hands_unseen:
        for hand in HANDS:
            points[:, hand] = 0.0
    points[..., :2] *= points[..., 2:] > 0
    return replace(poses.with_points(points), width=scale * poses.width, height=scale * poses.height)
