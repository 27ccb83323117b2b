"""Random clips in memory, and the smallest configuration that trains on them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from animatex_core.animate_x.conditioning import MotionFeatures, ReferenceFeatures
from animatex_core.pose.keypoints import POINTS, PoseSequence
from animatex_core.training.animate_x.config import TrainingConfig
from animatex_core.training.data.clip import TrainingClip

SETTINGS: dict[str, Any] = {
    "model": {
        "preset": "tiny",
        "channels": 16,
        "multipliers": [1],
        "attention_levels": [],
        "ipi": {"width": 32, "encoder_hidden": 32, "resampler_layers": 1, "resampler_head_dim": 16},
    },
    "data": {"path": "unused"},
    "epi": None,
    "size": {"width": 32, "height": 48},
    "batches": [{"frames": 1, "batch_size": 3, "share": 0.5}, {"frames": 3, "batch_size": 2, "share": 0.5}],
    "steps": 5,
    "optimizer": {"learning_rate": 1e-3, "learning_rate_ipi": 1e-3},
    "workers": 0,
}


def settings(**changes: Any) -> TrainingConfig:
    return TrainingConfig.from_dict({**SETTINGS, **changes})


@dataclass(frozen=True)
class RandomClips:
    """`TrainingData` of random numbers; `broken` names a clip whose latents hold NaN."""

    clips: int = 7
    broken: int | None = None
    text_context: torch.Tensor = field(
        default_factory=lambda: torch.randn(1, 4, 64, generator=torch.Generator().manual_seed(0))
    )

    def __len__(self) -> int:
        return self.clips

    def clip(self, index: int, frames: int, rng: np.random.Generator) -> TrainingClip:
        own = np.random.default_rng([index, int(rng.integers(4))])
        points = own.random((frames, POINTS, 3), np.float32)
        poses = PoseSequence.from_points(points, 64, 96)
        latents = torch.from_numpy(own.standard_normal((4, frames, 6, 4), np.float32))
        if index == self.broken:
            latents[0, 0, 0, 0] = float("nan")
        reference = ReferenceFeatures(
            own.integers(0, 256, (48, 32, 3), np.uint8),
            torch.from_numpy(own.standard_normal((1, 64), np.float32)),
            latents=torch.from_numpy(own.standard_normal((1, 4, 6, 4), np.float32)),
        )
        clip = torch.from_numpy(own.standard_normal((frames, 64), np.float32))
        return TrainingClip(latents, reference, poses, MotionFeatures(clip, poses, 64, 96))

    def pool(self) -> list[PoseSequence]:
        return [self.clip(index, 2, np.random.default_rng(0)).poses for index in range(self.clips)]
