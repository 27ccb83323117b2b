from itertools import pairwise
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from animatex_core.diffusion.long_clips import (
    Span,
    WindowWeights,
    blend_windows,
    overlapping_windows,
    window_weights,
)
from animatex_core.diffusion.solvers import SOLVERS, Denoiser
from animatex_core.errors import InvalidInput
from tests.diffusion.toy import TOY, noise, solve

every_weighting = pytest.mark.parametrize("weights", get_args(WindowWeights))
T = torch.tensor([500])


def constant(value: float) -> Denoiser:
    return lambda x, t: torch.full_like(x, value)


@st.composite
def layouts(draw: st.DrawFn) -> tuple[int, int, int]:
    """(frames, size, overlap) that can be."""
    size = draw(st.integers(1, 40))
    return draw(st.integers(1, 200)), size, draw(st.integers(0, size - 1))


@pytest.mark.parametrize(
    ("frames", "size", "overlap", "expected"),
    [
        (1, 32, 8, [(0, 1)]),
        (31, 32, 8, [(0, 31)]),
        (32, 32, 8, [(0, 32)]),
        (33, 32, 8, [(0, 32), (1, 33)]),
        (56, 32, 8, [(0, 32), (24, 56)]),
        (57, 32, 8, [(0, 32), (24, 56), (25, 57)]),
        (64, 32, 0, [(0, 32), (32, 64)]),
        (3, 1, 0, [(0, 1), (1, 2), (2, 3)]),
        (5, 3, 2, [(0, 3), (1, 4), (2, 5)]),
    ],
)
def test_windows(frames: int, size: int, overlap: int, expected: list[tuple[int, int]]) -> None:
    assert overlapping_windows(frames, size, overlap) == tuple(Span(*span) for span in expected)


@given(layouts())
def test_windows_cover_the_video_in_order_and_have_one_size(layout: tuple[int, int, int]) -> None:
    frames, size, overlap = layout
    spans = overlapping_windows(*layout)
    assert (spans[0].start, spans[-1].stop) == (0, frames)
    assert {len(span) for span in spans} == {min(size, frames)}
    assert all(a.start < b.start and a.stop - b.start >= overlap for a, b in pairwise(spans))


@given(layouts())
def test_all_windows_but_the_last_have_the_requested_overlap(layout: tuple[int, int, int]) -> None:
    spans = overlapping_windows(*layout)[:-1]
    assert all(a.stop - b.start == layout[2] for a, b in pairwise(spans))


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (-4, 0), (8, 8), (8, 9), (8, -1), (0, -1)])
def test_invalid_windows_are_rejected(size: int, overlap: int) -> None:
    with pytest.raises(InvalidInput, match=f"^window size is {size} and overlap {overlap}, "):
        overlapping_windows(32, size, overlap)


@pytest.mark.parametrize("frames", [0, -1])
def test_videos_without_frames_are_rejected(frames: int) -> None:
    with pytest.raises(InvalidInput, match=f"^frames is {frames}, "):
        overlapping_windows(frames, 8, 2)


@every_weighting
@given(layout=layouts())
def test_shares_sum_to_one_and_are_positive_just_inside_their_window(
    weights: WindowWeights, layout: tuple[int, int, int]
) -> None:
    spans = overlapping_windows(*layout)
    shares = window_weights(spans, weights)
    inside = torch.tensor([[s.start <= frame < s.stop for frame in range(layout[0])] for s in spans])
    assert_close(shares.sum(0), torch.ones(layout[0], dtype=torch.float64), rtol=0, atol=1e-15)
    assert torch.equal(shares > 0, inside)


def test_uniform_shares_are_the_plain_mean() -> None:
    shares = window_weights(overlapping_windows(6, 4, 2), "uniform")
    assert shares.tolist() == [[1, 1, 0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5, 1, 1]]


def test_smooth_shares_fade_from_one_window_to_the_next() -> None:
    first, second = window_weights(overlapping_windows(48, 32, 16), "smooth")
    assert (first[16:32].diff() < 0).all()
    assert_close(first, second.flip(0))
    assert first[16] > 0.99


@every_weighting
@pytest.mark.parametrize("size", [5, 8])
def test_a_single_window_changes_nothing(weights: WindowWeights, size: int) -> None:
    x = noise(2, 4, 5, 3, 3)
    denoise = blend_windows([TOY], overlapping_windows(5, size, 2), weights)
    assert torch.equal(denoise(x, torch.tensor([9, 9])), TOY(x, torch.tensor([9, 9])))


@pytest.mark.parametrize("solver", SOLVERS)
@every_weighting
@pytest.mark.parametrize(("frames", "size", "overlap"), [(7, 4, 2), (7, 1, 0), (1, 4, 3)])
def test_windows_do_not_change_a_frame_wise_denoiser(
    solver: str, weights: WindowWeights, frames: int, size: int, overlap: int
) -> None:
    spans, x = overlapping_windows(frames, size, overlap), noise(2, 4, frames, 2, 2)
    plain, blended = TOY, blend_windows([TOY] * len(spans), spans, weights)
    assert_close(solve(solver, blended, x, 10), solve(solver, plain, x, 10))


def test_every_window_has_its_own_denoiser_and_its_own_frames() -> None:
    x = torch.arange(6.0).view(1, 1, 6, 1, 1)
    seen = []

    def watching(x: Tensor, t: Tensor) -> Tensor:
        seen.append(x.flatten().tolist())
        return torch.full_like(x, len(seen))

    denoise = blend_windows([watching, watching], overlapping_windows(6, 4, 2), "uniform")
    assert denoise(x, T).flatten().tolist() == [1, 1, 1.5, 1.5, 2, 2]
    assert seen == [[0, 1, 2, 3], [2, 3, 4, 5]]


@every_weighting
def test_blends_lie_between_the_windows_and_the_last_frames_belong_to_the_last(
    weights: WindowWeights,
) -> None:
    denoise = blend_windows([constant(0), constant(1)], overlapping_windows(5, 4, 1), weights)
    v = denoise(noise(1, 1, 5, 1, 1), T).flatten()
    assert (v[0], v[-1]) == (0, 1)
    assert (v.diff() >= 0).all()


def test_half_precision_outputs_are_blended_in_the_dtype_of_the_latents() -> None:
    spans, x = overlapping_windows(6, 4, 2), noise(1, 4, 6, 2, 2)
    blended = blend_windows([lambda x, t: TOY(x, t).half()] * 2, spans)(x, T)
    assert blended.dtype == torch.float32
    assert_close(blended, TOY(x, T), rtol=0, atol=2e-3)


def test_a_video_of_another_length_is_an_assertion() -> None:
    with pytest.raises(AssertionError):
        blend_windows([TOY] * 2, overlapping_windows(6, 4, 2))(noise(1, 4, 7, 2, 2), T)
