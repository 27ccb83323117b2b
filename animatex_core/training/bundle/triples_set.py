"""Triples as a data set of the trainer: drawn, seen as a pose net would see them, and encoded."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from torch.utils.data import DataLoader

from ...conditioning import MotionFeatures, ReferenceFeatures, encode_pictures
from ...encoders.preprocess import autoencoder_pictures
from ...pose.skeleton import HANDS, PoseSequence
from ..data.encode import Encoders
from ..data.header import DatasetHeader
from ..data.shards import ShardWriter
from ..data.stored_clip import StoredClip
from ..procedural.triples import Triple, draw_triple
from .fit import Numbered

FRAMES = 8
JITTER = 0.006  # of the picture's height: how far a pose net errs
HANDS_UNSEEN = 0.3
# How many times larger than the clip the picture is that the poses are said to be of. Strokes have a fixed
# width in it, and driving clips are of any size.
SIZES, SIZE_SHARES = (1, 2, 4), (0.6, 0.3, 0.1)
REPORT_EVERY = 200


@dataclass(frozen=True)
class TriplesSettings:
    """What is drawn: `count` triples of `frames` frames from a seed, of pictures of this size."""

    count: int
    seed: int = 0
    frames: int = FRAMES
    width: int = 128
    height: int = 192
    held_out: bool = False


def write_triples(
    folder: Path,
    settings: TriplesSettings,
    encoders: Encoders,
    report: Callable[[str], None],
    workers: int = 1,
) -> None:
    """Write the triples that a folder lacks, in shards; the text context goes along."""
    header = DatasetHeader(settings.width, settings.height, encoders.clip_dim, form="both")
    with ShardWriter.create(folder, header, encoders.text_context) as writer:
        numbers = range(writer.written, settings.count)
        drawn = Numbered(partial(_draw, settings, writer.written), len(numbers))
        for number, triple in zip(
            numbers, DataLoader(drawn, batch_size=None, num_workers=workers), strict=True
        ):
            rng = np.random.default_rng([11, settings.seed, number])
            writer.add(encode_triple(triple, encoders, rng))
            if (number + 1) % REPORT_EVERY == 0:
                report(f"{number + 1} of {settings.count} triples")


def encode_triple(triple: Triple, encoders: Encoders, rng: np.random.Generator) -> StoredClip:
    """Encode a triple; its poses are as a pose net might find them."""
    scale = int(rng.choice(SIZES, p=SIZE_SHARES))
    height, width = triple.target.frames.shape[1:3]
    frames = [*triple.reference.frames, *triple.target.frames]
    latents = encoders.autoencoder.encode(autoencoder_pictures(frames, width, height)).float()
    embeddings = encode_pictures(encoders.image, [*triple.reference.frames, *triple.driver.frames])
    poses = [_found(scene.poses, rng, scale) for scene in (triple.reference, triple.target, triple.driver)]
    reference = ReferenceFeatures(triple.reference.frames[0], embeddings[:1], poses[0], latents[:1])
    motion = MotionFeatures(embeddings[1:], poses[2], scale * width, scale * height)
    return StoredClip(latents[1:], poses[1], motion, (reference,))


def _draw(settings: TriplesSettings, first: int, number: int) -> Triple:
    return draw_triple(
        settings.seed,
        first + number,
        settings.frames,
        settings.width,
        settings.height,
        held_out=settings.held_out,
    )


def _found(poses: PoseSequence, rng: np.random.Generator, scale: int) -> PoseSequence:
    points = poses.points.copy()
    error = rng.uniform(0, JITTER) * rng.standard_normal((*points.shape[:2], 2))
    points[..., :2] += error * [poses.height / poses.width, 1]
    if rng.random() < HANDS_UNSEEN:
        for hand in HANDS:
            points[:, hand] = 0.0
    points[..., :2] *= points[..., 2:] > 0
    return replace(poses.with_points(points), width=scale * poses.width, height=scale * poses.height)
