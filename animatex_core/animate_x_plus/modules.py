"""The modules that each variant of Animate-X++ adds to a Wan transformer."""

from dataclasses import dataclass, fields
from itertools import repeat
from typing import Any

import torch
from torch import Tensor, nn

from ..animate_x.layers import TORCH, LayerFactory
from ..animate_x.pose_indicator import KeypointEncoder
from ..encoders.preprocessing import to_unit_floats
from ..errors import InvalidInput
from .conditions import PlusConditions, pose_tokens
from .config import PlusConfig
from .pose_indicator import MotionResampler, motion_tokens
from .shapes import PATCH_PIXELS, TEMPORAL_STRIDE, require_frames

# The official code repeats the first frame three times: 4n + 1 frames become 4n + 4, halved twice to n + 1.
REPEATS = 3
# Convolutions at full resolution take much memory, so long videos are encoded in chunks. A latent frame
# depends on seven frames before and after it, so two latent frames of context before a chunk and one after it
# leave the results unchanged.
_LATENTS_AT_ONCE = 7
_CONTEXT_BEFORE, _CONTEXT_AFTER = 2, 1
FRAMES_AT_ONCE = TEMPORAL_STRIDE * (_CONTEXT_BEFORE + _LATENTS_AT_ONCE + _CONTEXT_AFTER)
_VIDEO_STRIDES = ((1, 1, 1), (1, 1, 1), (1, 1, 1), (1, 2, 2), (2, 2, 2), (2, 2, 2))


class PoseVideoEncoder(nn.Sequential):
    """Seven 3D convolutions with SiLU between them (`dwpose_embedding` in the official code)."""

    def __init__(self, layers: LayerFactory, config: PlusConfig) -> None:
        modules: list[nn.Module] = []
        channels = 3
        for stride in _VIDEO_STRIDES:
            modules += [
                layers.conv3d(channels, config.hidden, (3, 3, 3), stride=stride, padding=1),
                nn.SiLU(),
            ]
            channels = config.hidden
        super().__init__(*modules, layers.conv3d(channels, config.dim, (1, 2, 2), stride=(1, 2, 2)))

    def forward(self, video: Tensor) -> Tensor:
        """Encode (b, 3, 4n + 1, height, width) in 0..1 to (b, dim, n + 1, height / 16, width / 16)."""
        frames = torch.cat([*repeat(video[:, :, :1], REPEATS), video], dim=2)
        if torch.is_grad_enabled():
            return super().forward(frames)
        latents = frames.shape[2] // TEMPORAL_STRIDE
        starts = range(0, latents, _LATENTS_AT_ONCE)
        chunks = [self._chunk(frames, start, min(start + _LATENTS_AT_ONCE, latents)) for start in starts]
        return torch.cat(chunks, dim=2)

    def _chunk(self, frames: Tensor, start: int, stop: int) -> Tensor:
        before = min(start, _CONTEXT_BEFORE)
        chunk = frames[:, :, TEMPORAL_STRIDE * (start - before) : TEMPORAL_STRIDE * (stop + _CONTEXT_AFTER)]
        return super().forward(chunk)[:, :, before : before + stop - start]


_IMAGE_STRIDES = (1, 1, 1, 2, 2, 2)


class ReferencePoseEncoder(nn.Sequential):
    """Six 2D convolutions with SiLU between them (`randomref_embedding_pose` in the official code)."""

    def __init__(self, layers: LayerFactory, config: PlusConfig) -> None:
        widths = [3, *[config.hidden] * (len(_IMAGE_STRIDES) - 1), config.reference_channels]
        modules: list[nn.Module] = []
        for inputs, outputs, stride in zip(widths, widths[1:], _IMAGE_STRIDES, strict=False):
            modules += [layers.conv2d(inputs, outputs, 3, stride=stride, padding=1), nn.SiLU()]
        super().__init__(*modules[:-1])

    def forward(self, image: Tensor) -> Tensor:
        """Encode (b, 3, height, width) in 0..1 to (b, reference_channels, height / 8, width / 8)."""
        return super().forward(image)


@dataclass(frozen=True, eq=False)
class PlusInputs:
    """The conditions of a video of f = 4n + 1 frames before they are encoded.

    Args:
        pose_video: (b, 3, f, height, width), sides multiples of 16, uint8, or floats in 0..1.
        reference_pose: (b, 3, height, width) likewise; None uses the first frame of the pose video, as the
            official code does.
        keypoints: (b, f, 2, 18) in 0..1, or -1 where undetected, as from `PoseSequence.keypoints`; full
            variant only.
        clip_features: (b, f, clip_dim), OpenCLIP's projected embeddings of the driving frames, not
            normalised; full variant only.

    Raises:
        InvalidInput: A condition does not fit the pose video.

    """

    pose_video: Tensor
    reference_pose: Tensor | None = None
    keypoints: Tensor | None = None
    clip_features: Tensor | None = None

    def __post_init__(self) -> None:
        video = self.pose_video
        if video.ndim != 5 or video.shape[1] != 3 or any(side % PATCH_PIXELS for side in video.shape[3:]):
            raise InvalidInput(
                f"pose_video is {tuple(video.shape)}, but it must be (b, 3, frames, height, width) with "
                f"sides that are multiples of {PATCH_PIXELS}: resize it."
            )
        require_frames(video.shape[2], "the length of pose_video")
        frames, size = video.shape[2], tuple(video.shape[3:])
        self._check("reference_pose", self.reference_pose, (3, *size))
        self._check("keypoints", self.keypoints, (frames, 2, 18))
        self._check("clip_features", self.clip_features, (frames, None))

    def to(self, device: torch.device | str) -> "PlusInputs":
        """Return a copy on another device."""
        tensors = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        moved: dict[str, Any] = {name: x if x is None else x.to(device) for name, x in tensors.items()}
        return PlusInputs(**moved)

    def _check(self, name: str, tensor: Tensor | None, form: tuple[int | None, ...]) -> None:
        if tensor is None:
            return
        batch, *rest = tensor.shape
        fits = len(rest) == len(form) and all(b in (None, a) for a, b in zip(rest, form, strict=True))
        if not fits or batch != self.pose_video.shape[0]:
            wanted = ", ".join("any" if length is None else str(length) for length in form)
            raise InvalidInput(
                f"{name} is {tuple(tensor.shape)}, but the pose video needs ({self.pose_video.shape[0]}, "
                f"{wanted}): use that of the same video at the same size."
            )


class PlusModules(nn.Module):
    """The added modules, under the official names. `encode` runs once per video.

    Use it in eval mode. The official script stays in training mode: its keypoint encoder drops a tenth of its
    values at random, unseeded, so no two runs agree and its results cannot be reproduced exactly.

    Args:
        config: Sizes of the modules.
        operations: Namespace of layer classes: `layers.TORCH`, `layers.UNINITIALISED` or ComfyUI's.
        device: Where the weights are; "meta" to load them later.
        dtype: Type of the weights and of the computation. The official code uses float32 and casts the
            results to the transformer's bfloat16.

    """

    def __init__(
        self,
        config: PlusConfig,
        operations: Any = TORCH,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        layers = LayerFactory(operations, device, dtype)
        self.dwpose_embedding = PoseVideoEncoder(layers, config)
        self.randomref_embedding_pose = ReferencePoseEncoder(layers, config)
        if config.ipi is not None:
            self.pose_embedding_before = KeypointEncoder(layers, config.ipi)
            self.pose_embedding_after = MotionResampler(layers, config, config.ipi)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights."""
        return next(self.parameters()).dtype

    def encode(self, inputs: PlusInputs) -> PlusConditions:
        """Encode the conditions of a video.

        Args:
            inputs: The conditions. The simple variant ignores keypoints and CLIP features.

        Returns:
            The encoded conditions, in the dtype of the weights.

        Raises:
            InvalidInput: Keypoints or CLIP features are missing in the full variant.

        """
        video = to_unit_floats(inputs.pose_video, self.dtype)
        reference = inputs.reference_pose
        image = video[:, :, 0] if reference is None else to_unit_floats(reference, self.dtype)
        encoded = self.dwpose_embedding(video)
        frames, height, width = encoded.shape[2:]
        return PlusConditions(
            pose_tokens=pose_tokens(encoded),
            reference_map=self.randomref_embedding_pose(image),
            motion_tokens=self.motion_tokens(inputs),
            grid=(frames, height, width),
        )

    def motion_tokens(self, inputs: PlusInputs) -> Tensor | None:
        """Return the tokens of the pose indicator, (b, n + 1, dim); None in the simple variant."""
        if self.config.ipi is None:
            return None
        if inputs.keypoints is None or inputs.clip_features is None:
            raise InvalidInput(
                "The full variant of Animate-X++ reads the motion from the driving frames, but keypoints or "
                "CLIP features are missing: pass both, or load the simple variant."
            )
        keypoints, features = inputs.keypoints.to(self.dtype), inputs.clip_features.to(self.dtype)
        return motion_tokens(self.pose_embedding_before, self.pose_embedding_after, keypoints, features)
