"""Poses of another video are detected by their size, frame rate or number."""

import warnings

import pytest

from animatex_core.errors import AnimateXWarning, InvalidInput
from animatex_core.pose.formats.reader import poses_from_openpose
from animatex_core.pose.video_match import compare_shapes
from tests.pose.dialect_files import changed, openpose, true_dance

TRUE = true_dance()


def without_size(frames: list[dict]) -> list[dict]:
    return [{"people": frame["people"]} for frame in frames]


def enlarged(times: float) -> list[dict]:
    return without_size(changed(TRUE, lambda rows: rows * (times, times, 1)))


def test_poses_of_the_video_cause_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        poses_from_openpose(enlarged(1), size=(TRUE.width, TRUE.height))
        poses_from_openpose(openpose(TRUE), size=(2 * TRUE.width, 2 * TRUE.height))


def test_poses_of_a_larger_video_are_rejected() -> None:
    with pytest.raises(
        InvalidInput, match=r"\d+% of the joints in clip are outside the 512x758 pixels of the video"
    ):
        poses_from_openpose(enlarged(3), size=(512, 758), source="clip")


def test_poses_that_reach_out_of_the_image_cause_a_warning() -> None:
    with pytest.warns(AnimateXWarning, match=r"\d+% of the joints in clip are outside"):
        poses_from_openpose(enlarged(1.5), size=(TRUE.width, TRUE.height), source="clip")


def test_poses_of_a_smaller_video_cause_a_warning() -> None:
    with pytest.warns(AnimateXWarning, match="are in the upper left of the 1920x2880 pixels of the video"):
        poses_from_openpose(enlarged(1), size=(1920, 2880))


@pytest.mark.parametrize("rate", [24, 29.97, 30])
def test_another_rate_causes_a_warning(rate: float) -> None:
    data = {"fps": rate, "frames": openpose(TRUE)}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        poses_from_openpose(data, fps=30000 / 1001)
    sentences = [str(warning.message) for warning in caught]
    assert bool(sentences) == (rate == 24)
    assert all("24 frames per second, but the video has 29.97" in sentence for sentence in sentences)


@pytest.mark.parametrize(
    ("poses", "images", "outcome"),
    [
        ((512, 768), (1024, 1536), "same"),
        ((512, 768), (1080, 1610), "same"),
        ((512, 512), (1080, 1920), "questioned"),
        ((640, 480), (1920, 1080), "questioned"),
        ((480, 512), (512, 480), "questioned"),
        ((1920, 1080), (1080, 1920), "refused"),
        ((768, 512), (512, 768), "refused"),
    ],
)
def test_shapes(poses: tuple[int, int], images: tuple[int, int], outcome: str) -> None:
    if outcome == "refused":
        with pytest.raises(InvalidInput, match="give poses of the same video in the same orientation"):
            compare_shapes(poses, images, "the video")
    else:
        assert (compare_shapes(poses, images, "the video") is None) == (outcome == "same")
