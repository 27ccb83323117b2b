from collections.abc import Sequence
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from animatex_core.diffusion.alternating_windows import (
    Layout,
    alternate,
    alternating_windows,
    closed_alternating_windows,
    nearest_step,
)
from animatex_core.diffusion.closed_windows import blend_spans
from animatex_core.diffusion.long_clips import overlapping_windows
from animatex_core.diffusion.schedule import Timesteps
from animatex_core.diffusion.solvers import SOLVER_TIMESTEPS, SOLVERS, Denoiser
from animatex_core.errors import InvalidInput
from tests.diffusion.toy import SCHEDULE, TOY, noise

STEPS = Timesteps((900, 600, 300, 1), None)


def spans_of(layouts: Sequence[Layout]) -> list[list[tuple[int, int]]]:
    return [[(span.start, span.stop) for span in layout] for layout in layouts]


def neighbours(layout: Layout, frames: int) -> set[tuple[int, int]]:
    """Neighbouring frames that are in the same window."""
    inside = (frame for span in layout for frame in range(span.start, span.stop - 1))
    return {(frame % frames, (frame + 1) % frames) for frame in inside}


@pytest.mark.parametrize(
    ("frames", "size", "expected"),
    [
        (1, 32, [[(0, 1)]]),
        (32, 32, [[(0, 32)]]),
        (64, 32, [[(0, 32), (32, 64)], [(0, 32), (16, 48), (32, 64)]]),
        (33, 32, [[(0, 32), (1, 33)]]),
        (56, 32, [[(0, 32), (24, 56)]]),
        (57, 32, [[(0, 32), (25, 57)], [(0, 32), (16, 48), (25, 57)]]),
        (80, 32, [[(0, 32), (32, 64), (48, 80)], [(0, 32), (16, 48), (48, 80)]]),
        (9, 3, [[(0, 3), (3, 6), (6, 9)], [(0, 3), (1, 4), (4, 7), (6, 9)]]),
        (5, 2, [[(0, 2), (2, 4), (3, 5)], [(0, 2), (1, 3), (3, 5)]]),
    ],
)
def test_windows(frames: int, size: int, expected: list[list[tuple[int, int]]]) -> None:
    assert spans_of(alternating_windows(frames, size)) == expected


@pytest.mark.parametrize(
    ("frames", "size", "expected"),
    [
        (8, 8, [[(0, 8)], [(4, 12)]]),
        (7, 32, [[(0, 7)], [(3, 10)]]),
        (24, 8, [[(0, 8), (8, 16), (16, 24)], [(4, 12), (12, 20), (20, 28)]]),
        (10, 6, [[(0, 6), (5, 11)], [(2, 8), (7, 13)]]),
    ],
)
def test_windows_of_a_loop(frames: int, size: int, expected: list[list[tuple[int, int]]]) -> None:
    assert spans_of(closed_alternating_windows(frames, size)) == expected


@given(st.integers(1, 300), st.integers(2, 40))
def test_windows_have_one_size_and_cover_the_video_in_every_step(frames: int, size: int) -> None:
    layouts = alternating_windows(frames, size)
    for layout in layouts:
        assert {len(span) for span in layout} == {min(size, frames)}
        assert (layout[0].start, layout[-1].stop) == (0, frames)
        assert all(a.start < b.start <= a.stop for a, b in pairwise(layout))
    together = set[tuple[int, int]]().union(*(neighbours(layout, frames) for layout in layouts))
    assert together == {(frame, frame + 1) for frame in range(frames - 1)}


@given(st.integers(2, 300), st.integers(2, 40))
def test_windows_of_a_loop_also_join_its_seam(frames: int, size: int) -> None:
    layouts = closed_alternating_windows(frames, size)
    for layout in layouts:
        assert {len(span) for span in layout} == {min(size, frames)}
        shown = {frame % frames for span in layout for frame in range(span.start, span.stop)}
        assert shown == {*range(frames)}
    together = set[tuple[int, int]]().union(*(neighbours(layout, frames) for layout in layouts))
    assert together == {(frame, (frame + 1) % frames) for frame in range(frames)}


@given(st.integers(33, 2000))
def test_a_long_video_takes_fewer_windows_than_with_an_overlap(frames: int) -> None:
    """Half a window more than would cover it, on average of both layouts, so at most as many."""
    layouts = alternating_windows(frames, 32)
    alternating = sum(map(len, layouts)) / len(layouts)
    overlapping = len(overlapping_windows(frames, 32, 8))
    assert alternating <= overlapping
    if frames >= 320:
        assert alternating <= 0.85 * overlapping


@pytest.mark.parametrize("cover", [alternating_windows, closed_alternating_windows])
def test_windows_of_one_frame_cannot_move_by_half(cover: type) -> None:
    with pytest.raises(InvalidInput, match="The windows have 1 frame, but"):
        cover(9, 1)
    with pytest.raises(InvalidInput, match="frames is 0, but"):
        cover(0, 8)


def test_a_loop_has_two_frames_at_least() -> None:
    with pytest.raises(InvalidInput, match="a loop has at least 2"):
        closed_alternating_windows(1, 8)


def constant(value: float) -> Denoiser:
    return lambda x, t: torch.full_like(x, value)


@pytest.mark.parametrize(("timestep", "expected"), [(900, 0), (600, 1), (300, 0), (1, 1), (610, 1), (290, 0)])
def test_denoisers_take_turns_by_the_timestep(timestep: int, expected: int) -> None:
    denoise = alternate([constant(0), constant(1)], STEPS)
    for _ in range(2):  # the same again, however often a step asks
        assert denoise(torch.ones(1), torch.tensor([timestep])).item() == expected


def test_the_nearest_step_is_found_on_any_scale() -> None:
    sigmas = torch.tensor([4518.8, 12.1, 1.3, 0.03, 0.0])
    assert [nearest_step(sigmas, each) for each in (4518.9, 12.1000004, 1.2, 0.029999)] == [0, 1, 2, 3]


def mean_of_window(x: Tensor, t: Tensor) -> Tensor:
    """A denoiser to which a clip is still: it predicts the mean of the frames that it sees."""
    return SCHEDULE.v_from_x0(x, x.mean(2, keepdim=True).expand_as(x), t)


@pytest.mark.parametrize("solver", SOLVERS)
def test_frames_of_all_windows_agree_at_last(solver: str) -> None:
    """Windows side by side never agree; those that move hand on what each of them decides."""

    def spread(layouts: Sequence[Layout]) -> float:
        timesteps, x = SOLVER_TIMESTEPS[solver](20), noise(1, 1, 12, 1, 1)
        denoisers = [blend_spans([mean_of_window] * len(each), each, 12) for each in layouts]
        return SOLVERS[solver](alternate(denoisers, timesteps), x, SCHEDULE, timesteps).std().item()

    assert spread(alternating_windows(12, 4)) < 0.6 * spread([overlapping_windows(12, 4, 0)])


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("layouts", [alternating_windows(9, 4), closed_alternating_windows(9, 4)])
def test_a_denoiser_of_single_frames_is_not_changed(solver: str, layouts: tuple[Layout, ...]) -> None:
    timesteps, x = SOLVER_TIMESTEPS[solver](10), noise(1, 4, 9, 2, 2)
    denoisers = [blend_spans([TOY] * len(layout), layout, 9) for layout in layouts]
    found = SOLVERS[solver](alternate(denoisers, timesteps), x, SCHEDULE, timesteps)
    assert_close(found, SOLVERS[solver](TOY, x, SCHEDULE, timesteps))
