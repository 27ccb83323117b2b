"""A forward of the full-size denoiser, compared with the official network."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.authors import run_process

from .rows import NotMeasuredError, Options, Source

SIZES = ((128, 192), (256, 384))
FRAMES = 4
FORWARD = "a forward of {} frames of {}x{}, compared with the official network, processor time"
ENCODED = "the same at {1}x{2} with the conditions encoded each time, as the official code does"
ROWS = tuple(row.format(FRAMES, *size) for size in SIZES for row in (FORWARD, ENCODED))


def measure(options: Options) -> dict[str, Sequence[float]]:
    """Return ratios of processor time; each network runs in its own process."""
    if options.authors is None:
        raise NotMeasuredError("give a copy of the official repository with --authors")
    values: dict[str, list[float]] = {row: [] for row in ROWS}
    for _ in range(options.rounds):
        for width, height in SIZES:
            alone, encoded = _ratios(options.authors, width, height)
            values[FORWARD.format(FRAMES, width, height)].append(alone)
            values[ENCODED.format(FRAMES, width, height)].append(encoded)
    return dict(values)


def _ratios(authors: Path, width: int, height: int) -> tuple[float, float]:
    given = {"authors": authors, "width": width, "height": height, "frames": FRAMES, "forwards": 1}
    chosen = [text for name, value in given.items() for text in (f"--{name}", str(value))]
    with TemporaryDirectory() as folder:
        theirs, ours = (run_process(name, chosen, Path(folder)) for name in ("authors", "ours"))
    return theirs.forward / ours.forward, theirs.forward / (ours.forward + ours.encoding)


SOURCE = Source("authors", ROWS, measure, options="--authors DIR")
