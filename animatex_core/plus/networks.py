"""The modules that a variant of Animate-X++ adds to a Wan transformer."""

from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InvalidInput
from ..model.ipi import KeypointEncoder
from ..model.layers import TORCH, LayerFactory
from .conditions import PlusConditions, pose_tokens
from .config import PlusConfig
from .indicator import MotionResampler, motion_tokens
from .pose_video import PoseVideoEncoder
from .reference_pose import ReferencePoseEncoder
from .shape import PIXELS_A_TOKEN, require_frames


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
        if video.ndim != 5 or video.shape[1] != 3 or any(side % PIXELS_A_TOKEN for side in video.shape[3:]):
            raise InvalidInput(
                f"pose_video is {tuple(video.shape)}, but it must be (b, 3, frames, height, width) with "
                f"sides that are multiples of {PIXELS_A_TOKEN}: resize it."
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


class PlusNetworks(nn.Module):
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
        make = LayerFactory(operations, device, dtype)
        self.dwpose_embedding = PoseVideoEncoder(make, config)
        self.randomref_embedding_pose = ReferencePoseEncoder(make, config)
        if config.ipi is not None:
            self.pose_embedding_before = KeypointEncoder(make, config.ipi)
            self.pose_embedding_after = MotionResampler(make, config, config.ipi)

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
