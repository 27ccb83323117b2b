"""Run the reference cases of pose detection."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from animatex_core.pose.detector import CELLS, decode_people, letterbox, letterbox_ratio
from animatex_core.pose.estimator import Region, crop, decode_points, region_around
from animatex_core.pose.keypoints import PoseSequence, openpose_from_133, poses_from_133, seen

Numbers = Mapping[str, np.ndarray]
Case = dict[str, Any]
EVERY = 8  # the cases hold every eighth pixel of the models' images


def assert_near(actual: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Compare by the largest absolute difference."""
    assert actual.shape == expected.shape
    assert np.abs(actual.astype(np.float64) - expected).max(initial=0) <= tolerance


def check_yolox_case(numbers: Numbers, case: Case) -> None:
    """The detector's image, and the boxes of its output."""
    frame = numbers["image"][..., ::-1]  # the cases are in blue, green, red, as OpenCV reads images
    ratio = letterbox_ratio(*frame.shape[:2])
    assert_near(letterbox(frame)[:, ::EVERY, ::EVERY], numbers["input_crop"], case["tolerance"])
    assert_near(np.array(ratio), numbers["ratio"], case["tolerance"])
    output = np.zeros((CELLS, 85), np.float32)
    output[numbers["raw_index"]] = numbers["raw"]
    boxes, _ = decode_people(output, ratio)
    assert_near(boxes, numbers["boxes"].reshape(-1, 4), case["tolerance"])


def check_rtmpose_case(numbers: Numbers, case: Case) -> None:
    """The pose model's image of the first box, and the points of its output for every box."""
    frame, tolerance = numbers["image"][..., ::-1], case["tolerance"]
    regions = [region_around(box) for box in numbers["boxes"]]
    image = crop(frame, regions[0]).transpose(1, 2, 0)
    assert_near(image[::EVERY, ::EVERY], numbers["crop0"], tolerance)
    assert_near(np.stack([region.centre for region in regions]), numbers["center"], tolerance)
    assert_near(np.stack([region.size for region in regions]), numbers["scale"], tolerance)
    for index, region in enumerate(regions):
        points, scores = _decoded(numbers, index, region)
        assert_near(points, numbers["keypoints"][index], tolerance)
        assert_near(scores, numbers["scores"][index], tolerance)


def check_wholebody_case(numbers: Numbers, case: Case) -> None:
    """OpenPose's order, and the first person's parts as they are drawn and passed to the model."""
    keypoints, scores = numbers["keypoints133"], numbers["scores133"]
    points, tolerance = openpose_from_133(keypoints, scores), case["tolerance"]
    assert_near(points[..., :2], numbers["openpose_keypoints"], tolerance)
    assert_near(points[..., 2], numbers["openpose_scores"], tolerance)
    width, height = _picture_size(numbers)
    poses = PoseSequence.from_points(poses_from_133(keypoints[:1], scores[:1], width, height), width, height)
    assert_near(_as_released(poses.body[0]), numbers["body"], tolerance)
    assert_near(_as_released(poses.hands[0]), numbers["hands"], tolerance)
    assert_near(_as_released(poses.face), numbers["faces"], tolerance)
    assert_near(poses.keypoints()[0].T, numbers["body"][:18], tolerance)
    indices = np.where(seen(poses.body), np.arange(20), -1)
    assert_near(indices, numbers["body_index"], tolerance)


def _decoded(numbers: Numbers, index: int, region: Region) -> tuple[np.ndarray, np.ndarray]:
    """Read the output for one box; a case may hold a single output for all."""
    outputs = (numbers[name].astype(np.float32) for name in ("simcc_x", "simcc_y"))
    x, y = (output[min(index, len(output) - 1)] for output in outputs)
    return decode_points(x, y, region)


def _as_released(points: np.ndarray) -> np.ndarray:
    """Return points (..., 3) as (..., 2), -1 where the score is below 0.3."""
    return np.where(points[..., 2:] < 0.3, -1, points[..., :2])


def _picture_size(numbers: Numbers) -> tuple[int, int]:
    """Width and height that the points in pixels were divided by; the cases do not name them."""
    body, pixels = numbers["body"][:18], numbers["openpose_keypoints"][0, :18]
    visible = numbers["body_index"][0, :18] >= 0
    width, height = np.median(pixels[visible] / body[visible], axis=0).round()
    return int(width), int(height)
