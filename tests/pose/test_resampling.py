"""OpenCV where it is installed and right, numpy elsewhere, with the same images."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from animatex_core.pose.detector import letterbox
from animatex_core.pose.estimator import crop, region_around
from animatex_core.pose.resampling import IN_NUMPY, OpenCV, Resampling, agreeing, import_opencv, resampling

CV2 = OpenCV(cv2)
# Installations that cannot be used: what is left of a removed one, and versions for another NumPy or system.
BROKEN = {
    "empty": "",
    "missing library": "raise ImportError('libGL.so.1: cannot open shared object file')",
    "other NumPy": "import sys; print('A module that was compiled', file=sys.stderr); raise AttributeError",
    "other system": "raise OSError('not a valid Win32 application')",
}


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)


def of_numpy(used: Resampling) -> set[str]:
    """The names of the operations that numpy does."""
    return {name for name in ("resize", "warp") if getattr(used, name) is getattr(IN_NUMPY, name)}


def model_inputs(
    frame: np.ndarray, box: tuple[float, ...], how: Resampling | None = None
) -> tuple[np.ndarray, np.ndarray]:
    return letterbox(frame, how), crop(frame, region_around(np.array(box, np.float32)), how)


@pytest.mark.skipif(cv2.__version__ < "5", reason="older versions round places to 1/32 pixel")
def test_this_opencv_is_used_for_both() -> None:
    assert of_numpy(resampling()) == set()


@pytest.mark.parametrize(
    ("height", "width", "box"),
    [
        (1280, 720, (200, 200, 500, 1100)),
        (768, 512, (-40, 100, 700, 900)),
        (541, 963, (10.3, 20.7, 60.1, 90.9)),
        (33, 2000, (0, 0, 2000, 33)),
        (90, 60, (59, 89, 59, 89)),
        (90, 60, (-900, -900, -800, -700)),
        (90, 60, (0, 0, 1e9, 2e9)),
    ],
)
def test_the_inputs_of_the_models_do_not_depend_on_opencv(
    height: int, width: int, box: tuple[float, ...]
) -> None:
    for frame in (noise(height, width), noise(height, width)[..., ::-1], noise(height, 2 * width)[:, ::2]):
        for chosen, alone in zip(model_inputs(frame, box), model_inputs(frame, box, IN_NUMPY), strict=True):
            np.testing.assert_array_equal(chosen, alone)


@pytest.mark.parametrize("place", [float("inf"), 1e12, -1e12])
def test_places_that_opencv_cannot_take_are_left_to_numpy(place: float) -> None:
    assert not CV2.warp(np.full((8, 8, 3), 200, np.uint8), (place, 0.0), (1.0, 1.0), (4, 4)).any()


def test_an_image_that_opencv_cannot_take_is_left_to_numpy() -> None:
    image = noise(2, 40_000)
    np.testing.assert_array_equal(CV2.resize(image, 640, 1), IN_NUMPY.resize(image, 640, 1))
    warped = CV2.warp(image, (30_000.0, 0.0), (1.0, 1.0), (32, 2))
    np.testing.assert_array_equal(warped, image[:2, 30_000:30_032].transpose(2, 0, 1))


@pytest.mark.parametrize("text", BROKEN.values(), ids=list(BROKEN))
def test_a_broken_opencv_is_passed_over(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cv2").mkdir()
    (tmp_path / "cv2/__init__.py").write_text(text)
    monkeypatch.delitem(sys.modules, "cv2")
    monkeypatch.syspath_prepend(tmp_path)
    resampling.cache_clear()
    try:
        assert (import_opencv() is None) == bool(text)
        assert resampling() == IN_NUMPY
    finally:
        resampling.cache_clear()


def test_without_opencv_numpy_does_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert import_opencv() is None


def rounded_to_a_32nd(image: np.ndarray, places: np.ndarray, size: tuple[int, int], flags: int) -> np.ndarray:
    return cv2.warpAffine(image, np.round(places * 32) / 32, size, flags=flags)


@pytest.mark.parametrize(
    ("changes", "numpys"),
    [
        ({"warpAffine": rounded_to_a_32nd}, {"warp"}),
        ({"resize": lambda image, size: cv2.resize(image, size, interpolation=cv2.INTER_AREA)}, {"resize"}),
        ({"resize": lambda image: image}, {"resize"}),
        ({"WARP_INVERSE_MAP": 0}, {"warp"}),
    ],
    ids=["older warp", "other resize", "other arguments", "other flag"],
)
@pytest.mark.skipif(cv2.__version__ < "5", reason="older versions round places to 1/32 pixel")
def test_an_operation_that_differs_is_not_used(changes: dict[str, Any], numpys: set[str]) -> None:
    assert of_numpy(agreeing(OpenCV(SimpleNamespace(**{**vars(cv2), **changes})))) == numpys
