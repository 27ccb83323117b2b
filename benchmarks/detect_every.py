"""Measure what detecting people only in every n-th frame costs in accuracy.

python -m benchmarks.detect_every [--every 1 2 5] [--strides 1 2 3] [--people 4] [--frames 48]

Four recorded dances pass through the tracking of regions, with their own points in place of the networks'
outputs: the detector returns the box of the points, and the pose model every point inside its region, rounded
to its bins. The built-in networks then find drawn people who dance the one that they were not trained on.
"""

import argparse
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from animatex_core.errors import AnimateXWarning
from animatex_core.pose.dwpose import DWPose
from animatex_core.pose.estimator import BINS_PER_PIXEL, HEIGHT, WIDTH, Region
from animatex_core.pose.keypoints import PoseSequence, seen
from animatex_core.pose.person_region import People, PersonRegionTracker, box_of_points
from animatex_core.training.synthetic.anatomy import Placement, apply_motion
from animatex_core.training.synthetic.backdrop import draw_backdrop
from animatex_core.training.synthetic.dances import real_dance, real_motions
from animatex_core.training.synthetic.look import draw_person_look
from animatex_core.training.synthetic.render import render

DANCES = ("dance_1", "dance_2", "dance_3", "dance_4")
DRAWN_SIZE = 256, 384  # pixels
FPS = 24  # of the recorded dances


@dataclass(frozen=True)
class Followed:
    """A dance as it is found.

    Attributes:
        regions: (f, 4) left, top, right, bottom of what the pose model sees of each frame, in pixels.
        points: (f, 130, 3) of `PoseSequence`.

    """

    regions: np.ndarray
    points: np.ndarray


@dataclass(frozen=True)
class Cost:
    """How far one way of following a dance is from another.

    Attributes:
        missed: Share of the visible points that are not found, 0..1.
        distances: Of the others, as fractions of the person's height.
        overlaps: Intersection over union of the regions of each frame, 0..1.

    """

    missed: float
    distances: np.ndarray
    overlaps: np.ndarray


def recorded_dances(stride: int = 1) -> list[PoseSequence]:
    """Return every n-th frame of the four dances, whose rate is 24 frames per second."""
    dances = map(real_dance, DANCES)
    return [dance.select(range(0, len(dance), stride)) for dance in dances]


def follow(dance: PoseSequence, every: int) -> Followed:
    """Find a dance whose points are known, with the detector in every n-th frame."""
    tracker, regions, found = PersonRegionTracker("best"), [], []
    for index, truth in enumerate(dance.points):
        box = box_of_points(truth, dance.width, dance.height)
        boxes = np.zeros((0, 4)) if box is None else box[None]
        people = People(boxes, np.ones(len(boxes)))
        region = (
            tracker.undetected() if index % every else tracker.detected(people, dance.width, dance.height)
        )
        assert region is not None
        found.append(_points_in(region, truth, dance))
        tracker.update(found[-1], dance.width, dance.height)
        regions.append(np.concatenate([region.centre - region.size / 2, region.centre + region.size / 2]))
    return Followed(np.stack(regions), np.stack(found))


def cost(dance: PoseSequence, found: Followed, reference: Followed) -> Cost:
    """Compare with the true points, and with the regions of another way to follow."""
    visible, kept = seen(dance.points), seen(found.points)
    size = np.array([dance.width, dance.height])
    heights = _heights(dance)[:, None]
    away = np.linalg.norm((found.points - dance.points)[..., :2] * size, axis=-1) / heights
    missed = float((visible & ~kept).sum() / visible.sum())
    return Cost(missed, away[visible & kept], _overlaps(found.regions, reference.regions))


def drawn_dance(seed: int, frames: int, stride: int = 1) -> tuple[PoseSequence, list[np.ndarray]]:
    """Draw a person who dances every n-th frame of the held-out dance; return the true poses too."""
    rng, (width, height) = np.random.default_rng(seed), DRAWN_SIZE
    look, (motion,) = draw_person_look(rng), real_motions(held_out=True)
    stature = 0.75 * height / look.anatomy.height
    where = Placement(width, height, stature, 0.93 * height, width / 2)
    poses = apply_motion(look.anatomy, motion.at(np.arange(frames) * float(stride)), where)
    return poses, list(render(look, poses, stature, draw_backdrop(rng, width, height)))


def find_drawn(frames: Sequence[np.ndarray], every: int) -> PoseSequence:
    """Return the poses that the built-in networks find in drawn frames."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AnimateXWarning)  # backgrounds are taken for further people
        return DWPose(device="cpu").open().extract(frames, detect_every=every)


def distances(poses: PoseSequence, reference: PoseSequence) -> np.ndarray:
    """Return the distances of all points that both show, as fractions of the person's height."""
    both = seen(poses.points) & seen(reference.points)
    size = np.array([reference.width, reference.height])
    away = np.linalg.norm((poses.points - reference.points)[..., :2] * size, axis=-1)
    return (away / _heights(reference)[:, None])[both]


def _points_in(region: Region, points: np.ndarray, dance: PoseSequence) -> np.ndarray:
    """Return the points inside a region, at the middle of the bins of the pose model; others are not seen."""
    scale = np.array([WIDTH, HEIGHT]) * BINS_PER_PIXEL
    corner, size = region.centre - region.size / 2, np.array([dance.width, dance.height])
    bins = np.rint((points[:, :2] * size - corner) / region.size * scale)
    inside = ((bins >= 0) & (bins < scale)).all(axis=1) & seen(points)
    places = (bins / scale * region.size + corner) / size
    return np.where(inside[:, None], np.column_stack([places, points[:, 2]]), 0).astype(np.float32)


def _heights(dance: PoseSequence) -> np.ndarray:
    """Return the height (f,) of the box of all visible points in pixels."""
    rows = np.where(seen(dance.points), dance.points[..., 1], np.nan) * dance.height
    return np.nanmax(rows, axis=1) - np.nanmin(rows, axis=1)


def _overlaps(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    shared = np.minimum(some[:, 2:], others[:, 2:]) - np.maximum(some[:, :2], others[:, :2])
    both = shared.clip(0).prod(axis=1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (some, others)]
    return both / (areas[0] + areas[1] - both)


def _percent(values: np.ndarray) -> str:
    return " ".join(f"{100 * value:7.2f}" for value in np.quantile(values, (0.5, 0.95, 0.99)))


def print_recorded(every: Sequence[int], stride: int) -> None:
    """Print a row for each interval, over all recorded dances."""
    dances = recorded_dances(stride)
    reference = [follow(dance, 1) for dance in dances]
    for interval in every:
        costs = [
            cost(dance, follow(dance, interval), at_1) for dance, at_1 in zip(dances, reference, strict=True)
        ]
        missed = np.mean([each.missed for each in costs])
        overlaps = np.concatenate([each.overlaps for each in costs])
        away = _percent(np.concatenate([each.distances for each in costs]))
        overlap = f"{100 * np.median(overlaps):7.1f} {100 * overlaps.min():7.1f}"
        print(f"{FPS / stride:4.0f} {interval:6d} {100 * missed:9.3f}  {away}   {overlap}", flush=True)


def print_drawn(every: Sequence[int], stride: int, people: int, frames: int) -> None:
    """Print a row for each interval, over all drawn people."""
    dances = [drawn_dance(seed, frames, stride) for seed in range(people)]
    for interval in every:
        found = [find_drawn(images, interval) for _, images in dances]
        pairs = [(poses, truth) for poses, (truth, _) in zip(found, dances, strict=True)]
        missed = np.mean([1 - seen(poses.points)[seen(truth.points)].mean() for poses, truth in pairs])
        away = _percent(np.concatenate([distances(*pair) for pair in pairs]))
        print(f"{FPS / stride:4.0f} {interval:6d} {100 * missed:9.3f}  {away}", flush=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, nargs="+", default=[1, 2, 5])
    parser.add_argument("--strides", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--frames", type=int, default=48)
    options = parser.parse_args()
    print("distances in % of the person's height; overlap with the regions of detection in every frame in %")
    print("recorded dances, known points")
    print(" fps  every  missed %   median    95 %    99 %  overlap: median smallest")
    for stride in options.strides:
        print_recorded(options.every, stride)
    print("\ndrawn people, built-in networks")
    print(" fps  every  missed %   median    95 %    99 %")
    for stride in options.strides:
        print_drawn(options.every, stride, options.people, options.frames)


if __name__ == "__main__":
    main()
