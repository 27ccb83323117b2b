"""The conditions of Animate-X++ and where they are injected into Wan's transformer.

    condition       where it is added                          passes
    pose_tokens     after the patch embedding, before block 0  conditional
    reference_map   the mask and image channels of the input   both
    motion_tokens   before every block 1 < i <= blocks // 2    both

This matches the official code (wan_video.py). All functions are pure: ComfyUI's block patches and the hooks
of `wan` call the same ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from einops import rearrange
from torch import Tensor

from ..errors import InvalidInput


@dataclass(frozen=True, eq=False)
class PlusConditions:
    """The encoded conditions of a video, which stay the same over the denoising steps.

    Args:
        pose_tokens: (b, frames*height*width, dim), in the order of the transformer's tokens.
        reference_map: (b, 20, 2*height, 2*width), at the resolution of the latents.
        motion_tokens: (b, frames, dim); None in the simple variant.
        grid: Number of latent frames, and height and width in tokens.

    """

    pose_tokens: Tensor
    reference_map: Tensor
    motion_tokens: Tensor | None
    grid: tuple[int, int, int]

    @property
    def batch(self) -> int:
        """Number of videos."""
        return self.pose_tokens.shape[0]

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> "PlusConditions":
        """Return a copy on another device or in another dtype; None keeps it."""
        return self._mapped(lambda tensor: tensor.to(device, dtype))

    def scaled(self, strength: float) -> "PlusConditions":
        """Return a copy in which all conditions are multiplied by `strength`; 1 matches the official code."""
        return self._mapped(lambda tensor: tensor * strength)

    def frames(self, start: int, stop: int) -> "PlusConditions":
        """Return the conditions of the latent frames start..stop - 1, for example of a context window."""
        return self.select(range(start, stop))

    def select(self, frames: Sequence[int]) -> "PlusConditions":
        """Return the conditions of the latent frames with these indices, in their order."""
        index = torch.tensor(list(frames), device=self.pose_tokens.device)
        pose = self.pose_tokens.unflatten(1, (self.grid[0], -1)).index_select(1, index).flatten(1, 2)
        motion = self.motion_tokens
        return replace(
            self,
            pose_tokens=pose,
            motion_tokens=None if motion is None else motion.index_select(1, index),
            grid=(len(frames), *self.grid[1:]),
        )

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> "PlusConditions":
        motion = self.motion_tokens
        return replace(
            self,
            pose_tokens=change(self.pose_tokens),
            reference_map=change(self.reference_map),
            motion_tokens=None if motion is None else change(motion),
        )


def injects_motion(index: int, blocks: int) -> bool:
    """Return whether motion tokens are added before block `index` of a transformer of `blocks` blocks."""
    return 1 < index <= blocks // 2


def injection_blocks(blocks: int, conditions: PlusConditions) -> tuple[int, ...]:
    """Return the indices of the blocks that need a hook, before which conditions are added."""
    motion = conditions.motion_tokens is not None
    return tuple(index for index in range(blocks) if index == 0 or (motion and injects_motion(index, blocks)))


def with_reference(y: Tensor, conditions: PlusConditions) -> Tensor:
    """Add the reference map to every frame of the mask and image channels.

    Args:
        y: (n, 20, frames, h, w), n a multiple of the number of videos.
        conditions: The encoded conditions.

    Returns:
        A tensor like y.

    Raises:
        InvalidInput: The conditions were encoded for another size.

    """
    reference = conditions.reference_map.to(y)
    if reference.shape[1] != y.shape[1] or reference.shape[2:] != y.shape[3:]:
        raise InvalidInput(
            f"The reference pose was encoded for {tuple(reference.shape[1:])} (channels, height, width of "
            f"the latents), but the video has {(y.shape[1], *y.shape[3:])}: encode it at that size."
        )
    return _each_pass(y, conditions, lambda part: part + reference.unsqueeze(2))


def before_block(
    tokens: Tensor, index: int, blocks: int, conditions: PlusConditions, conditional: Sequence[bool]
) -> Tensor:
    """Add the conditions to the input of a block.

    Args:
        tokens: Input of the block, (n, frames*height*width, dim).
        index: Index of the block.
        blocks: Number of blocks of the transformer.
        conditions: The encoded conditions.
        conditional: For each pass in the batch, in order, whether it is a conditional one; n is a multiple of
            their number.

    Returns:
        The new input, of the same shape.

    Raises:
        InvalidInput: The conditions were encoded for another size.

    """
    if index == 0:
        tokens = with_pose(tokens, conditions, conditional)
    if conditions.motion_tokens is not None and injects_motion(index, blocks):
        tokens = with_motion(tokens, conditions)
    return tokens


def with_pose(tokens: Tensor, conditions: PlusConditions, conditional: Sequence[bool]) -> Tensor:
    """Add the pose tokens in the conditional passes of a batch.

    Args:
        tokens: Tokens of the video, (n, frames * height * width, dim), one equal part for each pass.
        conditions: The pose tokens.
        conditional: For each part, whether it is a conditional pass.

    Returns:
        The tokens, of the same shape.

    Raises:
        InvalidInput: The pose tokens are for another size.

    """
    pose = conditions.pose_tokens.to(tokens)
    _check_tokens(tokens, conditions)
    parts = tokens.chunk(len(conditional))
    return torch.cat(
        [part + pose if has_pose else part for part, has_pose in zip(parts, conditional, strict=True)]
    )


def with_motion(tokens: Tensor, conditions: PlusConditions) -> Tensor:
    """Add the motion token of each frame to all tokens of the frame, in every pass of the batch."""
    assert conditions.motion_tokens is not None
    _check_tokens(tokens, conditions)
    motion = conditions.motion_tokens.to(tokens).unsqueeze(2)
    frames, height, width = conditions.grid

    def add(part: Tensor) -> Tensor:
        return (part.unflatten(1, (frames, height * width)) + motion).flatten(1, 2)

    return _each_pass(tokens, conditions, add)


def pose_tokens(encoded: Tensor) -> Tensor:
    """Flatten the pose video's (b, dim, frames, height, width) to tokens (b, frames*height*width, dim)."""
    return rearrange(encoded, "b c f h w -> b (f h w) c")


def _each_pass(x: Tensor, conditions: PlusConditions, add: Callable[[Tensor], Tensor]) -> Tensor:
    if conditions.batch == 1:
        return add(x)
    return torch.cat([add(part) for part in x.split(conditions.batch)])


def _check_tokens(tokens: Tensor, conditions: PlusConditions) -> None:
    if tokens.shape[1:] != conditions.pose_tokens.shape[1:]:
        raise InvalidInput(
            f"The conditions were encoded for {tuple(conditions.pose_tokens.shape[1:])} (tokens, width), but "
            f"the transformer has {tuple(tokens.shape[1:])}: encode them at the size and length of the video."
        )
