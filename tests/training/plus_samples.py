"""Synthetic clips of both tasks in memory, and the smallest Animate-X++ that trains on them."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from torch import Tensor

from animatex_core.animate_x_plus.shapes import WanShape
from animatex_core.pose.keypoints import PoseSequence
from animatex_core.training.animate_x_plus.batches import PlusBatchMaker
from animatex_core.training.animate_x_plus.clip import WanClip
from animatex_core.training.animate_x_plus.config import PlusTrainingConfig
from animatex_core.training.animate_x_plus.synthetic import DummyEncoders, SyntheticSettings, synthetic_clips
from animatex_core.training.animate_x_plus.task import PlusTask
from animatex_core.training.data.settings import Task
from animatex_core.training.loop.checkpoint import checkpoints, latest_checkpoint
from animatex_core.training.loop.trainer import Trainer
from animatex_core.training.systems import read_checkpoint

SHAPE = WanShape(32, 48, 5)
ENCODERS = DummyEncoders(text_dim=16, image_dim=16, clip_dim=16)
SETTINGS: dict[str, Any] = {
    "system": "animate-x-plus",
    "wan": {
        "preset": "tiny",
        "dim": 48,
        "ffn_dim": 96,
        "heads": 2,
        "blocks": 4,
        "text_dim": 16,
        "text_tokens": 12,
        "image_dim": 16,
        "image_tokens": 17,
    },
    "modules": {
        "preset": "tiny",
        "variant": "full",
        "dim": 48,
        "window_frames": 5,
        "ipi": {"width": 16, "clip_dim": 16, "encoder_hidden": 16},
    },
    "lora": {"rank": 4},
    "data": {"path": "unused"},
    "size": {"width": 32, "height": 48},
    "batches": [
        {"task": "animation", "frames": 5, "batch_size": 2},
        {"task": "ti2v", "frames": 5, "batch_size": 2},
    ],
    "epi": None,
    "steps": 4,
    "optimizer": {"learning_rate": 1e-2, "learning_rate_ipi": 1e-2},
    "workers": 0,
}
KEPT = dict.fromkeys(("pose", "reference_pose", "motion", "image", "text"), 0.0)


def settings(**changes: Any) -> PlusTrainingConfig:
    return PlusTrainingConfig.from_dict({**SETTINGS, **changes})


@cache
def drawn(number: int) -> dict[Task, tuple[WanClip, str]]:
    return synthetic_clips(SyntheticSettings(1, SHAPE), number, ENCODERS)


@dataclass(frozen=True)
class SyntheticWanClips:
    """`WanClips` of each task, drawn on access."""

    clips: int = 3

    @property
    def empty_text(self) -> Tensor:
        return ENCODERS.text("")

    def count(self, task: Task) -> int:
        return self.clips

    def clip(self, task: Task, index: int) -> WanClip:
        return drawn(index)[task][0]

    def pool(self) -> list[PoseSequence]:
        return []


def training(config: PlusTrainingConfig, folder: Path, clips: int = 3) -> Trainer:
    """Start a training, or resume it if the folder has a checkpoint."""
    checkpoint = read_checkpoint(latest_checkpoint(folder)) if checkpoints(folder) else None
    maker = PlusBatchMaker(config, SyntheticWanClips(clips))
    return Trainer(maker, PlusTask(config), folder, Accelerator(cpu=True), checkpoint)
