from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from animatex_core.diffusion.closed_windows import blend_closed_windows, blend_spans, closed_windows
from animatex_core.diffusion.long_clips import Span, blend_windows, overlapping_windows
from animatex_core.errors import InvalidInput
from tests.diffusion.toy import TOY, noise

T = torch.tensor([500])


@st.composite
def layouts(draw: st.DrawFn) -> tuple[int, int, int]:
    """(frames, size, overlap) that can be."""
    size = draw(st.integers(2, 40))
    return draw(st.integers(2, 200)), size, draw(st.integers(0, size - 1))


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ((24, 8, 4), [(0, 8), (4, 12), (8, 16), (12, 20), (16, 24), (20, 28)]),
        ((10, 6, 2), [(0, 6), (3, 9), (6, 12)]),
        ((8, 8, 4), [(0, 8), (4, 12)]),
        ((7, 32, 8), [(0, 7), (3, 10)]),
        ((32, 16, 0), [(0, 16), (10, 26), (21, 37)]),
    ],
)
def test_windows_lie_on_a_circle(layout: tuple[int, int, int], expected: list[tuple[int, int]]) -> None:
    assert closed_windows(*layout) == tuple(Span(*span) for span in expected)


@given(layouts())
def test_each_pair_of_neighbours_shares_a_window_also_across_the_seam(layout: tuple[int, int, int]) -> None:
    frames, size, overlap = layout
    spans = closed_windows(*layout)
    starts = [span.start for span in spans] + [spans[0].start + frames]
    assert {len(span) for span in spans} == {min(size, frames)}
    assert max(b - a for a, b in pairwise(starts)) <= max(size - overlap, frames // 2 + 1)
    inside = (frame for span in spans for frame in range(span.start, span.stop - 1))
    pairs = {(frame % frames, (frame + 1) % frames) for frame in inside}
    assert pairs == {(frame, (frame + 1) % frames) for frame in range(frames)}
    assert spans[-1].stop > frames  # by which `blend_spans` knows them


@pytest.mark.parametrize(("size", "overlap"), [(4, 2), (5, 1), (9, 3), (32, 8)])
def test_a_denoiser_of_single_frames_is_not_changed(size: int, overlap: int) -> None:
    spans, x = closed_windows(9, size, overlap), noise(1, 4, 9, 2, 2)
    blended = blend_closed_windows([TOY] * len(spans), spans, 9)
    assert_close(blended(x, T), TOY(x, T))


def test_windows_that_are_not_closed_are_blended_as_ever() -> None:
    spans, x = overlapping_windows(9, 4, 1), noise(1, 4, 9, 2, 2)
    denoisers = [TOY] * len(spans)
    assert torch.equal(blend_spans(denoisers, spans, 9)(x, T), blend_windows(denoisers, spans)(x, T))


def test_a_loop_has_two_frames_at_least() -> None:
    with pytest.raises(InvalidInput, match="a loop has at least 2"):
        closed_windows(1, 8, 4)


def test_the_windows_of_a_loop_have_two_frames_at_least() -> None:
    with pytest.raises(InvalidInput, match="windows have 1 frame"):
        closed_windows(8, 1, 0)
