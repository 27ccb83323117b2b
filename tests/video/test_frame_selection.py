"""Selection of frames by count, stride and time."""

import warnings

import pytest

from animatex_core.errors import AnimateXWarning, InvalidInput
from animatex_core.video.frame_selection import FrameChoice, choose_frames


@pytest.mark.parametrize(
    ("total", "frames", "stride", "first", "last", "used"),
    [
        (194, 32, 2, 0, 62, 2),  # the released default on a long clip
        (63, 32, 2, 0, 62, 2),  # just enough
        (1, 1, 2, 0, 0, 2),
        (100, 1, 7, 0, 0, 7),
        (10, 2, 9, 0, 9, 9),
    ],
)
def test_frames_are_chosen_as_released(
    total: int, frames: int, stride: int, first: int, last: int, used: int
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        choice = choose_frames(total, frames=frames, stride=stride)
    assert choice == FrameChoice(tuple(range(first, last + 1, used)), used)
    assert len(choice.indices) == frames


@pytest.mark.parametrize(
    ("total", "frames", "stride", "used", "last"),
    [(62, 32, 2, 1, 31), (32, 32, 2, 1, 31), (100, 32, 8, 3, 93), (94, 32, 4, 3, 93), (93, 32, 4, 2, 62)],
)
def test_the_stride_shrinks_when_the_video_is_short(
    total: int, frames: int, stride: int, used: int, last: int
) -> None:
    with pytest.warns(AnimateXWarning, match=f"only {total} there: stride {used} is used"):
        choice = choose_frames(total, frames=frames, stride=stride)
    assert (choice.stride, len(choice.indices), choice.indices[-1]) == (used, frames, last)


@pytest.mark.parametrize("total", [1, 2, 31])
def test_too_few_frames_are_all_used(total: int) -> None:
    with pytest.warns(AnimateXWarning, match=f"^32 frames were requested, but the video has only {total} "):
        choice = choose_frames(total)
    assert choice.indices == tuple(range(total))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0.0, None, range(0, 96, 3)),
        (1.0, None, range(24, 96, 3)),
        (1.0, 2.0, range(24, 48, 3)),
        (0.02, 0.1, range(0, 2, 3)),
        (3.9, 100.0, range(94, 96, 3)),
    ],
)
def test_a_part_is_chosen_by_its_seconds(start: float, end: float | None, expected: range) -> None:
    assert choose_frames(96, frames=None, stride=3, start=start, end=end, fps=24).indices == tuple(expected)


def test_without_a_rate_the_start_is_a_frame() -> None:
    assert choose_frames(96, frames=3, start=5).indices == (5, 7, 9)


def test_a_choice_knows_its_place_in_the_video() -> None:
    choice = choose_frames(240, frames=32, stride=2, start=1.5, fps=24)
    assert (choice.start, choice.duration, choice.fps) == (1.5, 32 / 12, 12)
    assert choice.speed(8) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"total": 0}, "total"),
        ({"frames": 0}, "frames"),
        ({"stride": 0}, "stride"),
        ({"stride": 1.5}, "stride"),
        ({"start": -1.0}, "start"),
        ({"start": float("nan")}, "start"),
        ({"start": 96}, "ends at 96"),
        ({"start": 3.99, "fps": 24}, "ends at 4"),
        ({"end": 0}, "use a later end"),
        ({"end": -1}, "end"),
        ({"fps": 0.0}, "fps"),
    ],
)
def test_impossible_choices_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        choose_frames(**{"total": 96, **change})  # type: ignore[arg-type]
