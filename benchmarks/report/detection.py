"""Detecting poses in stages that overlap, compared with frame by frame."""

from collections.abc import Sequence
from functools import partial

from animatex_core.pose.extractor import PoseExtractor
from benchmarks.costs import in_turn
from benchmarks.overlap import wall_seconds
from benchmarks.poses import clip, frame_by_frame, open_nets

from .rows import Options, Source, cpu_ratios, wall_ratios

FRAMES, WIDTH, HEIGHT = 6, 720, 1280
DECODE = 0.005  # seconds
STAGES = 0.02, 0.04, 0.03  # seconds that decoding, detection and estimation sleep
SLEEPING_FRAMES = 60
STAGED = "poses in stages at about the cost of the real models, compared with frame by frame"
EVERY_5 = "the same with `--detect-every 5`"
CPU, WALL = "processor time", "time on the clock"
SLEEPING = "stages that sleep 20, 40 and 30 ms per frame, compared with the slowest alone, time on the clock"
ROWS = (*(f"{what}, {time}" for what in (STAGED, EVERY_5) for time in (CPU, WALL)), SLEEPING)


def measure(options: Options) -> dict[str, Sequence[float]]:
    """Return ratios of both times, and of the time on the clock alone where stages sleep."""
    nets = open_nets(cost=1.0)
    extractor = PoseExtractor(*nets)
    frames = partial(clip, FRAMES, WIDTH, HEIGHT, DECODE)
    alone = partial(frame_by_frame, *nets)
    alone(clip(1, WIDTH, HEIGHT, DECODE))  # so that no round contains the first run
    values: dict[str, Sequence[float]] = {}
    for what, every in ((STAGED, 1), (EVERY_5, 5)):
        extract = partial(extractor.extract, detect_every=every)
        costs = in_turn(partial(_run, extract, frames), partial(_run, alone, frames), options.rounds)
        values |= {f"{what}, {CPU}": cpu_ratios(costs), f"{what}, {WALL}": wall_ratios(costs)}
    least = SLEEPING_FRAMES * max(STAGES)
    values[SLEEPING] = [least / wall_seconds(SLEEPING_FRAMES, *STAGES) for _ in range(options.rounds)]
    return values


def _run(work: partial, frames: partial) -> None:
    work(frames())


SOURCE = Source("detection", ROWS, measure)
