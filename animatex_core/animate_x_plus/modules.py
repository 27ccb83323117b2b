"""The modules that each variant of Animate-X++ adds to a Wan transformer."""

from dataclasses import dataclass, fields
from itertools import repeat
from typing import Any

import torch
from torch import Tensor, nn

from ..animate_x.layers import TORCH, LayerFactory
from ..animate_x.pose_indicator import KeypointEncoder
from ..errors import InvalidInput
from .conditions import PlusConditions, pose_tokens
from .config import PlusConfig
from .pose_indicator import MotionResampler, motion_tokens
from .shapes import PATCH_PIXELS, TEMPORAL_STRIDE, require_frames

# Three more of the first frame, as released: 4n + 1 frames become 4n + 4, and those halve twice to n + 1.
REPEATS = 3
# Convolutions at full resolution are memory-hungry, so long videos go in parts. A latent frame sees seven
# frames back and seven on: two latent frames before a part and one after it make it the same as in one go.
_LATENTS_AT_ONCE = 7
_REACH_BACK, _REACH_ON = 2, 1
FRAMES_AT_ONCE = TEMPORAL_STRIDE * (_REACH_BACK + _LATENTS_AT_ONCE + _REACH_ON)
_VIDEO_STRIDES = ((1, 1, 1), (1, 1, 1), (1, 1, 1), (1, 2, 2), (2, 2, 2), (2, 2, 2))


class PoseVideoEncoder(nn.Sequential):
    """Seven convolutions over space and time, SiLU between them (the released `dwpose_embedding`)."""

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
        parts = [self._part(frames, start, min(start + _LATENTS_AT_ONCE, latents)) for start in starts]
        return torch.cat(parts, dim=2)

    def _part(self, frames: Tensor, start: int, stop: int) -> Tensor:
        ahead = min(start, _REACH_BACK)
        seen = frames[:, :, TEMPORAL_STRIDE * (start - ahead) : TEMPORAL_STRIDE * (stop + _REACH_ON)]
        return super().forward(seen)[:, :, ahead : ahead + stop - start]


_IMAGE_STRIDES = (1, 1, 1, 2, 2, 2)


class ReferencePoseEncoder(nn.Sequential):
    """Six convolutions, SiLU between them (the released `randomref_embedding_pose`)."""

    def __init__(self, layers: LayerFactory, config: PlusConfig) -> None:
        widths = [3, *[config.hidden] * (len(_IMAGE_STRIDES) - 1), config.reference_channels]
        modules: list[nn.Module] = []
        for inputs, outputs, stride in zip(widths, widths[1:], _IMAGE_STRIDES, strict=False):
            modules += [layers.conv2d(inputs, outputs, 3, stride=stride, padding=1), nn.SiLU()]
        super().__init__(*modules[:-1])

    def forward(self, picture: Tensor) -> Tensor:
        """Encode (b, 3, height, width) in 0..1 to (b, reference_channels, height / 8, width / 8)."""
        return super().forward(picture)


@dataclass(frozen=True, eq=False)
class PlusInputs:
    """The conditions of a clip of f = 4n + 1 frames before they are encoded.

    pose_video: (b, 3, f, height, width), height and width multiples of 16, uint8 or 0..1 in floating point.
    reference_pose: (b, 3, height, width) likewise; None takes the first frame of the pose video, as released.
    keypoints: (b, f, 2, 18) in 0..1 or -1 where unseen, as `PoseSequence.keypoints`; the full one's alone.
    clip_features: (b, f, clip_dim), OpenCLIP's projected embeddings of the driving frames, not normalised;
        the full variant's alone.
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
        """Return a copy that lies elsewhere."""
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
                f"{wanted}): give it for the same clip at the same size."
            )


class PlusModules(nn.Module):
    """The added modules, under the released names.

    operations: namespace of layer classes, `layers.TORCH` or a host's. `encode` runs once a clip, in the type
    of the weights: float32 as released, whose results the release then casts to the transformer's bfloat16.

    Use it in eval mode. The released script never leaves training mode, so that its keypoint encoder drops a
    tenth of its values anew in every run, unseeded; no two of its runs agree, and it cannot be reproduced.
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
        """Encode a clip's conditions. The simple variant ignores keypoints and CLIP features.

        Raises InvalidInput where the full variant's are missing.
        """
        video = _in_units(inputs.pose_video, self.dtype)
        reference = inputs.reference_pose
        picture = video[:, :, 0] if reference is None else _in_units(reference, self.dtype)
        encoded = self.dwpose_embedding(video)
        frames, height, width = encoded.shape[2:]
        return PlusConditions(
            pose_tokens=pose_tokens(encoded),
            reference_map=self.randomref_embedding_pose(picture),
            motion_tokens=self.motion_tokens(inputs),
            grid=(frames, height, width),
        )

    def motion_tokens(self, inputs: PlusInputs) -> Tensor | None:
        """Return the indicator's tokens (b, n + 1, dim), None in the simple variant."""
        if self.config.ipi is None:
            return None
        if inputs.keypoints is None or inputs.clip_features is None:
            raise InvalidInput(
                "The full variant of Animate-X++ reads the motion from the driving frames, but keypoints or "
                "CLIP features are missing: give both, or load the simple variant."
            )
        keypoints, features = inputs.keypoints.to(self.dtype), inputs.clip_features.to(self.dtype)
        return motion_tokens(self.pose_embedding_before, self.pose_embedding_after, keypoints, features)


def _in_units(pictures: Tensor, dtype: torch.dtype) -> Tensor:
    if pictures.is_floating_point():
        return pictures.to(dtype)
    return (pictures.float() / 255).to(dtype)
