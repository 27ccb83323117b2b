from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from animatex_core.diffusion.long_clips import Span, chained_segments, sample_segments, with_known_frames
from animatex_core.diffusion.solvers import SOLVERS, StepInfo
from animatex_core.errors import InvalidInput
from tests.diffusion.toy import SCHEDULE, TOY, noise, solve

every_solver = pytest.mark.parametrize("solver", SOLVERS)


def blurring(x: Tensor, t: Tensor) -> Tensor:
    """A denoiser whose frames see each other."""
    return 0.3 * x.mean(2, keepdim=True).expand_as(x) + 0.1 * x


@pytest.mark.parametrize(
    ("frames", "size", "expected"),
    [
        (1, 32, [(0, 1)]),
        (32, 32, [(0, 32)]),
        (63, 32, [(0, 32), (31, 63)]),
        (64, 32, [(0, 32), (31, 63), (32, 64)]),
        (4, 2, [(0, 2), (1, 3), (2, 4)]),
    ],
)
def test_segments(frames: int, size: int, expected: list[tuple[int, int]]) -> None:
    assert chained_segments(frames, size) == tuple(Span(*span) for span in expected)


@given(st.integers(1, 300), st.integers(2, 40))
def test_each_segment_but_the_last_begins_with_the_last_frame_before(frames: int, size: int) -> None:
    spans = chained_segments(frames, size)
    assert spans[-1].stop == frames
    assert all(a.stop - b.start == 1 for a, b in pairwise(spans[:-1]))
    assert all(0 < a.stop - b.start < size for a, b in pairwise(spans))


@pytest.mark.parametrize("size", [1, 0, -3])
def test_segments_of_one_frame_are_rejected(size: int) -> None:
    with pytest.raises(InvalidInput, match=f"^segment size is {size}, "):
        chained_segments(32, size)


@pytest.mark.parametrize("steps", [1, 2, 10, 50])
@pytest.mark.parametrize("known_frames", [1, 3])
def test_dpm_solver_ends_at_the_known_latents(steps: int, known_frames: int) -> None:
    known = noise(2, 4, known_frames, 3, 3, seed=5)
    result = solve("dpm++2m", with_known_frames(blurring, SCHEDULE, known), noise(2, 4, 4, 3, 3), steps)
    assert_close(result[:, :, :known_frames], known, rtol=0, atol=1e-6)


@pytest.mark.parametrize("steps", [2, 10, 50])
def test_ddim_ends_as_close_to_the_known_latents_as_its_last_alpha_allows(steps: int) -> None:
    known, x, told = noise(2, 4, 1, 3, 3, seed=5), noise(2, 4, 4, 3, 3), list[StepInfo]()
    result = solve("ddim", with_known_frames(blurring, SCHEDULE, known), x, steps, told.append)[:, :, :1]
    first = SCHEDULE.alphas_cumprod[told[0].timestep]
    eps = (x[:, :, :1] - first.sqrt() * known) / (1 - first).sqrt()
    assert_close(result, SCHEDULE.noised(known, eps, torch.zeros(2, dtype=torch.int64)), rtol=0, atol=1e-5)
    assert_close(told[-1].x0[:, :, :1], known, rtol=0, atol=1e-6)


def test_only_the_known_frames_are_replaced() -> None:
    x, t, known = noise(2, 4, 5, 3, 3), torch.tensor([700, 700]), noise(2, 4, 2, 3, 3, seed=5)
    v = with_known_frames(blurring, SCHEDULE, known)(x, t)
    assert torch.equal(v[:, :, 2:], blurring(x, t)[:, :, 2:])
    assert_close(SCHEDULE.x0_from_v(x[:, :, :2], v[:, :, :2], t), known, rtol=0, atol=1e-5)


@every_solver
def test_independent_frames_are_unchanged(solver: str) -> None:
    x, known = noise(1, 4, 5, 3, 3), noise(1, 4, 1, 3, 3, seed=5)
    result = solve(solver, with_known_frames(TOY, SCHEDULE, known), x, 10)
    assert torch.equal(result[:, :, 1:], solve(solver, TOY, x, 10)[:, :, 1:])


@every_solver
def test_dependent_frames_follow_the_known_ones(solver: str) -> None:
    x, known = noise(1, 4, 5, 3, 3), torch.full((1, 4, 1, 3, 3), 9.0)
    followed = solve(solver, with_known_frames(blurring, SCHEDULE, known), x, 10)[:, :, 1:]
    assert (followed - solve(solver, blurring, x, 10)[:, :, 1:]).abs().mean() > 0.1


@every_solver
def test_segments_chain_to_a_clip_of_exact_length(solver: str) -> None:
    x = noise(1, 4, 9, 2, 2)
    spans = chained_segments(9, 4)

    def segment(index: int, known: Tensor | None) -> Tensor:
        denoise = TOY if known is None else with_known_frames(TOY, SCHEDULE, known)
        return solve(solver, denoise, spans[index].of(x), 10)

    clip = sample_segments(spans, segment)
    assert clip.shape == x.shape
    assert_close(clip, solve(solver, TOY, x, 10), rtol=0, atol=0.1)


def test_a_segment_gets_all_shared_frames_and_adds_the_new_ones() -> None:
    told: list[list[float] | None] = []

    def segment(index: int, known: Tensor | None) -> Tensor:
        told.append(None if known is None else known.flatten().tolist())
        return 10.0 * index + torch.arange(4.0).view(1, 1, 4, 1, 1)

    clip = sample_segments(chained_segments(8, 4), segment)
    assert clip.flatten().tolist() == [0, 1, 2, 3, 11, 12, 13, 23]
    assert told == [None, [3], [11, 12, 13]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_outputs_are_fixed_in_the_dtype_of_the_latents(dtype: torch.dtype) -> None:
    x, t, known = noise(1, 4, 3, 2, 2), torch.tensor([1]), noise(1, 4, 1, 2, 2, seed=5)
    v = with_known_frames(lambda x, t: TOY(x, t).to(dtype), SCHEDULE, known)(x, t)
    assert v.dtype == torch.float32
    assert_close(SCHEDULE.x0_from_v(x, v, t)[:, :, :1], known, rtol=0, atol=1e-5)
