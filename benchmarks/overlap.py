"""Show that decoding, detection and estimation of poses overlap: each only sleeps and needs no processor.

python -m benchmarks.overlap [--frames 40] [--decode 20] [--detect 40] [--estimate 30]

Times are milliseconds per frame. Overlapping stages take about as long as the slowest of them.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from animatex_core.pose.detector import SIGNATURE as DETECTOR_FORM
from animatex_core.pose.estimator import SIGNATURE as LANDMARKS_FORM
from animatex_core.pose.extractor import PoseExtractor

DETECTOR_OUTPUT = DETECTOR_FORM.outputs[0]
LANDMARKS_OUTPUTS = LANDMARKS_FORM.outputs


class WaitingModel:
    """A `PoseModel` that waits and finds nothing.

    Args:
        work: Called in each run.
        outputs: The shape of each output for one image.

    """

    takes_batches = False
    provider = "CPU"

    def __init__(self, work: Callable[[], object], outputs: Sequence[tuple[int, ...]]) -> None:
        self._work, self._outputs = work, outputs

    def run(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See `PoseModel`."""
        self._work()
        return [np.zeros((len(images), *shape), np.float32) for shape in self._outputs]


def decoded(frames: int, work: Callable[[], object]) -> Iterator[np.ndarray]:
    """Yield black frames, each after some work."""
    for _ in range(frames):
        work()
        yield np.zeros((96, 64, 3), np.uint8)


def wall_seconds(frames: int, decode: float, detect: float, estimate: float) -> float:
    """Return the time on the clock for stages that sleep for these seconds per frame."""
    detector = WaitingModel(partial(time.sleep, detect), [DETECTOR_OUTPUT])
    landmarks = WaitingModel(partial(time.sleep, estimate), LANDMARKS_OUTPUTS)
    extractor = PoseExtractor(detector, landmarks)
    start = time.perf_counter()
    extractor.extract(decoded(frames, partial(time.sleep, decode)))
    return time.perf_counter() - start


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--decode", type=float, default=20.0)
    parser.add_argument("--detect", type=float, default=40.0)
    parser.add_argument("--estimate", type=float, default=30.0)
    options = parser.parse_args()
    stages = options.decode, options.detect, options.estimate
    measured = 1000 * wall_seconds(options.frames, *(stage / 1000 for stage in stages)) / options.frames
    print("ms per frame   measured   slowest stage   all stages in turn")
    print(f"{'':12s} {measured:10.1f} {max(stages):15.1f} {sum(stages):20.1f}")


if __name__ == "__main__":
    main()
