import pytest
import torch

from animatex_core.animate_x_plus.conditions import (
    PlusConditions,
    before_block,
    injection_blocks,
    injects_motion,
    with_reference,
)
from animatex_core.errors import InvalidInput
from tests.animate_x_plus.samples import conditions, drawn

GRID = (3, 3, 2)
TOKENS = 18


def given(batch: int = 1, motion: bool = True) -> PlusConditions:
    return PlusConditions(
        drawn(batch, TOKENS, 8), drawn(batch, 20, 6, 4), drawn(batch, 3, 8) if motion else None, GRID
    )


@pytest.mark.parametrize(("blocks", "expected"), [(40, range(2, 21)), (6, range(2, 4)), (3, ()), (1, ())])
def test_motion_is_injected_from_the_third_block_to_the_middle(blocks: int, expected: range) -> None:
    assert [index for index in range(blocks) if injects_motion(index, blocks)] == list(expected)
    assert injection_blocks(blocks, given()) == (0, *expected)
    assert injection_blocks(blocks, given(motion=False)) == (0,)


def test_pose_tokens_are_added_in_conditional_passes_only() -> None:
    told, tokens = given(), drawn(4, TOKENS, 8, seed=1)
    changed = before_block(tokens, 0, 6, told, [False, True]) - tokens
    assert not changed[:2].any()
    torch.testing.assert_close(changed[2:], told.pose_tokens.expand(2, -1, -1))


def test_motion_tokens_are_added_to_whole_frames_in_every_pass() -> None:
    told, tokens = given(), drawn(2, TOKENS, 8, seed=1)
    changed = (before_block(tokens, 2, 6, told, [False, True]) - tokens).unflatten(1, (3, 6))
    assert told.motion_tokens is not None
    torch.testing.assert_close(changed, told.motion_tokens.unsqueeze(2).expand(2, 3, 6, 8))
    assert torch.equal(before_block(tokens, 1, 6, told, [False, True]), tokens)
    assert torch.equal(before_block(tokens, 4, 6, told, [False, True]), tokens)


def test_the_reference_map_is_added_to_all_channels_and_frames() -> None:
    told, y = given(), drawn(2, 20, 3, 6, 4, seed=1)
    expected = told.reference_map.unsqueeze(2).expand(2, -1, 3, -1, -1)
    torch.testing.assert_close(with_reference(y, told) - y, expected)


def test_videos_of_a_batch_keep_their_own_conditions_in_every_pass() -> None:
    told, tokens = given(batch=2), torch.zeros(4, TOKENS, 8)
    changed = before_block(tokens, 0, 6, told, [True, True])
    assert torch.equal(changed[1], told.pose_tokens[1])
    assert torch.equal(changed[:2], changed[2:])
    motion = before_block(tokens, 2, 6, told, [True, True])
    assert torch.equal(motion[:2], motion[2:])
    assert not torch.equal(motion[0], motion[1])


def test_the_tokens_keep_their_dtype() -> None:
    changed = before_block(torch.zeros(1, TOKENS, 8, dtype=torch.bfloat16), 0, 6, given(), [True])
    assert changed.dtype == torch.bfloat16


def test_selected_frames_equal_those_of_the_whole() -> None:
    told, tokens = given(), drawn(1, TOKENS, 8, seed=1)
    part, rest = told.frames(1, 3), tokens[:, 6:]
    assert part.grid == (2, 3, 2)
    for index in (0, 2):
        whole = before_block(tokens, index, 6, told, [True])
        assert torch.equal(before_block(rest, index, 6, part, [True]), whole[:, 6:])
    assert told.select([2, 0]).grid == (2, 3, 2)


def test_strength_scales_every_addition() -> None:
    half = given().scaled(0.5)
    torch.testing.assert_close(half.pose_tokens, given().pose_tokens / 2)
    torch.testing.assert_close(half.reference_map, given().reference_map / 2)
    assert half.motion_tokens is not None
    assert not given().scaled(0).pose_tokens.any()


def test_conditions_of_another_size_are_rejected() -> None:
    with pytest.raises(InvalidInput, match=r"\(18, 8\).*\(12, 8\)"):
        before_block(drawn(1, 12, 8), 0, 6, given(), [True])
    with pytest.raises(InvalidInput, match=r"\(20, 6, 4\).*\(20, 8, 4\)"):
        with_reference(drawn(1, 20, 3, 8, 4), given())


def test_what_is_encoded_fits_together() -> None:
    told = conditions("full")
    frames, height, width = told.grid
    assert told.pose_tokens.shape == (1, frames * height * width, 96)
    assert told.reference_map.shape == (1, 20, 2 * height, 2 * width)
    assert told.motion_tokens is not None
    assert told.motion_tokens.shape == (1, frames, 96)
    assert conditions("simple").motion_tokens is None


def test_conditions_move_together() -> None:
    moved = given().to(dtype=torch.float64)
    assert moved.motion_tokens is not None
    assert moved.pose_tokens.dtype == moved.reference_map.dtype == moved.motion_tokens.dtype == torch.float64
    assert moved.grid == GRID
