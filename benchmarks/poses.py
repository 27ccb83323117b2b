"""Compare parallel pose extraction with the official frame-by-frame loop, and measure its memory.

python -m benchmarks.poses [--frames 16] [--rounds 3] [--width 720] [--height 1280] [--cost 1] [--decode 5]
                           [--long 0]

The ONNX files have the real shapes and generated convolutions; --cost 1 is about the cost of the real models.
Frames are generated on the fly, each after a delay of --decode milliseconds that represents a decoder. The
best of --rounds alternating rounds is printed. --long adds a video of this many frames, which should need no
more memory than a short one.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from animatex_core.pose.detector import SIGNATURE as DETECTOR_FORM
from animatex_core.pose.detector import decode_people, letterbox, letterbox_ratio
from animatex_core.pose.estimator import SIGNATURE as LANDMARKS_FORM
from animatex_core.pose.estimator import crop, decode_points, region_around
from animatex_core.pose.extractor import PoseExtractor
from animatex_core.pose.keypoints import poses_from_133
from animatex_core.pose.onnx_model import OnnxModel, open_model
from benchmarks.measure import Measurement, measured
from tests.pose.onnx_files import CONVOLUTIONS, draw_people, write_detector, write_landmarks


def clip(frames: int, width: int, height: int, decode: float) -> Iterator[np.ndarray]:
    """Generate frames of a walking person, each after a delay in seconds that represents a decoder."""
    for index in range(frames):
        left = (index * 3) % (width // 2)
        time.sleep(decode)
        yield draw_people(height, width, (left, height // 5, left + width // 3, height * 4 // 5, "r", 220))


def frame_by_frame(detector: OnnxModel, landmarks: OnnxModel, frames: Iterator[np.ndarray]) -> np.ndarray:
    """Extract poses (f, 130, 3) sequentially: read, detect, estimate."""
    poses = []
    for frame in frames:
        height, width = frame.shape[:2]
        (output,) = detector.run([letterbox(frame)])
        boxes, _ = decode_people(output[0], letterbox_ratio(height, width))
        region = region_around(boxes[0])
        x, y = landmarks.run([crop(frame, region)])
        points, scores = decode_points(x[0], y[0], region)
        poses.append(poses_from_133(points[None], scores[None], width, height)[0])
    return np.stack(poses)


def open_nets(cost: float) -> tuple[OnnxModel, OnnxModel]:
    """Write both models and open them on the CPU."""
    with tempfile.TemporaryDirectory() as folder:
        detector, landmarks = Path(folder, "detector.onnx"), Path(folder, "landmarks.onnx")
        write_detector(detector, convolutions=round(CONVOLUTIONS["detector"] * cost))
        write_landmarks(landmarks, convolutions=round(CONVOLUTIONS["landmarks"] * cost))
        return open_model(detector, DETECTOR_FORM, "cpu"), open_model(landmarks, LANDMARKS_FORM, "cpu")


def measure(work: Callable[[Iterator[np.ndarray]], object], frames: Iterator[np.ndarray]) -> Measurement:
    """Measure one implementation."""
    with measured() as result:
        work(frames)
    return result


def report(name: str, frames: int, results: list[Measurement]) -> None:
    """Print a row with the best speed and the highest memory."""
    seconds = min(result.seconds for result in results)
    peak = max(result.peak_bytes for result in results) / 2**20
    print(f"{name:30s} {frames / seconds:8.2f} {peak:9.0f}", flush=True)


def main() -> None:
    """Run the benchmark and print a row for every implementation."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--width", type=int, default=720)
    parser.add_argument("--height", type=int, default=1280)
    parser.add_argument("--cost", type=float, default=1.0)
    parser.add_argument("--decode", type=float, default=5.0)
    parser.add_argument("--long", type=int, default=0)
    options = parser.parse_args()
    frames = partial(clip, width=options.width, height=options.height, decode=options.decode / 1000)
    nets = open_nets(options.cost)
    extractor = PoseExtractor(*nets)
    methods: dict[str, Callable[[Iterator[np.ndarray]], object]] = {
        "frame by frame": partial(frame_by_frame, *nets),
        "stages": extractor.extract,
        "stages, detect_every 2": partial(extractor.extract, detect_every=2),
        "stages, detect_every 5": partial(extractor.extract, detect_every=5),
    }
    np.testing.assert_array_equal(extractor.extract(frames(3)).points, frame_by_frame(*nets, frames(3)))
    results: dict[str, list[Measurement]] = {name: [] for name in methods}
    for _ in range(options.rounds):
        for name, work in methods.items():
            results[name].append(measure(work, frames(options.frames)))
    print("method                         frames/s  peak MiB above the start")
    for name in methods:
        report(name, options.frames, results[name])
    if options.long:
        result = measure(extractor.extract, frames(options.long))
        report(f"stages, {options.long} frames", options.long, [result])


if __name__ == "__main__":
    main()
