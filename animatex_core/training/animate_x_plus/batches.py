"""Turns training clips of Animate-X++ into batches of one task each, in the worker processes."""

from dataclasses import dataclass, fields, replace
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...animate_x_plus.modules import PlusInputs
from ...animate_x_plus.preprocessing import inputs_from_poses, with_mask_channels
from ...errors import InvalidInput
from ..animate_x.batches import Epi
from ..data.settings import Task
from ..loop.batch_schedule import BatchPlan, Stream, clip_index, generator
from .clip import DrivingFeatures, WanClip, WanClips
from .config import PlusDropoutConfig, PlusTrainingConfig

POSES = ("pose", "reference_pose", "motion")
"""Conditions of `PlusDropoutConfig` that are dropped after encoding, in the order of `PlusBatch.kept`."""


@dataclass(frozen=True, eq=False)
class PlusBatch:
    """A batch of clips of one task.

    Attributes:
        latents: Normalised video latents (b, 16, f, h, w).
        text_context: Text encoder states (b, text_tokens, text_dim), zero-padded after the prompt.
        clip_features: CLIP states of the reference image (b, image_tokens, image_dim).
        y: Mask and latents of the reference image (b, 20, f, h, w).
        poses: Pose inputs. None in the TI2V task, unless `TrainsConfig.zeroes_poses`.
        kept: (b, 3) of 0 and 1: which of `POSES` each clip keeps.

    """

    latents: Tensor
    text_context: Tensor
    clip_features: Tensor
    y: Tensor
    poses: PlusInputs | None
    kept: Tensor

    def to(self, device: torch.device) -> "PlusBatch":
        """Return a copy on another device."""
        poses = None if self.poses is None else self.poses.to(device)
        tensors = {
            name: getattr(self, name).to(device)
            for name in ("latents", "text_context", "clip_features", "y", "kept")
        }
        return replace(self, poses=poses, **tensors)


@dataclass(frozen=True)
class PlusBatchMaker:
    """Makes the batch of a plan. The result depends only on the plan, not on the process or the order.

    Sample numbers run through both tasks. Each task shuffles its clips again in every epoch.

    Attributes:
        config: The training configuration.
        clips: The data set.
        epi: Explicit pose indicator. None draws the poses unchanged.

    """

    config: PlusTrainingConfig
    clips: WanClips
    epi: Epi | None = None

    def __call__(self, plan: BatchPlan) -> PlusBatch:
        """Make a batch.

        Raises:
            InvalidInput: If a clip is damaged or does not fit the configuration.

        """
        task = cast(Task, plan.task)
        return join_samples([self.sample(number, plan.frames, task) for number in plan.numbers])

    def sample(self, number: int, frames: int, task: Task) -> PlusBatch:
        """Make a batch of one sample: `frames` frames of a clip of the task.

        Raises:
            InvalidInput: If the clip is damaged or does not fit the configuration.

        """
        config = self.config
        rng = generator(config.seed, Stream.SAMPLE, number)
        dropped = draw_dropped(config.dropout, rng)
        index = clip_index(number, self.clips.count(task), config.seed)
        clip = self.clips.clip(task, index).first(frames)
        self._check(clip, f"Clip {index} of {task}")
        text = self.clips.empty_text if "text" in dropped else clip.text_context
        y, features = with_mask_channels(clip.image_latents[None].float()), clip.clip_features[None].float()
        if "image" in dropped:
            y, features = torch.zeros_like(y), torch.zeros_like(features)
        return PlusBatch(
            latents=clip.latents[None].float(),
            text_context=self._padded(text)[None].float(),
            clip_features=features,
            y=y,
            poses=self._zero_poses(frames) if clip.dance is None else self._poses(clip.dance, rng),
            kept=torch.tensor([[float(name not in dropped) for name in POSES]]),
        )

    def _poses(self, dance: DrivingFeatures, rng: np.random.Generator) -> PlusInputs:
        poses = dance.poses if self.epi is None else self.epi(dance.poses, rng)
        shape, features = self.config.shape(len(poses)), dance.motion.clip.float()
        self._check_features(features.shape[1])
        inputs = inputs_from_poses(poses, shape, dance.reference_pose, features)
        # EPI changes the drawn poses; the queries are the driving video's own keypoints (Animate-X, 3.2).
        keypoints = np.ascontiguousarray(dance.motion.poses.keypoints())
        return replace(inputs, keypoints=torch.from_numpy(keypoints)[None])

    def _zero_poses(self, frames: int) -> PlusInputs | None:
        return zero_poses(self.config, 1, frames) if self.config.trains.zeroes_poses else None

    def _check_features(self, width: int) -> None:
        ipi = self.config.modules.ipi
        if ipi is not None and width != ipi.clip_dim:
            raise InvalidInput(
                f"The embeddings of the driving frames have width {width}, but the full variant needs "
                f"{ipi.clip_dim}: prepare the clips with --system animate-x-plus-full, or set "
                "modules.variant to simple."
            )

    def _padded(self, text: Tensor) -> Tensor:
        missing = self.config.wan.text_tokens - len(text)
        if missing < 0:
            raise InvalidInput(
                f"A caption has {len(text)} tokens, but the transformer accepts at most "
                f"{self.config.wan.text_tokens}: shorten the caption."
            )
        return F.pad(text, (0, 0, 0, missing))

    def _check(self, clip: WanClip, what: str) -> None:
        wan = self.config.wan
        height, width = self.config.shape(1).latent_size
        shapes = {
            "latents": (clip.latents, (wan.out_channels, clip.latents.shape[1], height, width)),
            "CLIP features": (clip.clip_features, (wan.image_tokens, wan.image_dim)),
            "text states": (clip.text_context, (len(clip.text_context), wan.text_dim)),
        }
        for name, (tensor, shape) in shapes.items():
            if tuple(tensor.shape) != shape:
                raise InvalidInput(
                    f"{what} has {name} of shape {tuple(tensor.shape)}, but the configuration needs {shape}: "
                    "set size and wan to the values that the data was encoded with."
                )
            if not tensor.isfinite().all():
                raise InvalidInput(f"{what} has {name} with NaN or infinity: encode it again.")


def draw_dropped(config: PlusDropoutConfig, rng: np.random.Generator) -> frozenset[str]:
    """Draw the names of the conditions that are dropped from a sample."""
    names = [entry.name for entry in fields(config)]
    return frozenset(name for name in names if rng.random() < getattr(config, name))


def zero_poses(config: PlusTrainingConfig, clips: int, frames: int) -> PlusInputs:
    """Return pose inputs of zeros of `clips` clips of `frames` frames, in the configuration's shapes."""
    size, ipi = (config.size.height, config.size.width), config.modules.ipi
    return PlusInputs(
        pose_video=torch.zeros(clips, 3, frames, *size, dtype=torch.uint8),
        reference_pose=torch.zeros(clips, 3, *size, dtype=torch.uint8),
        keypoints=None if ipi is None else torch.zeros(clips, frames, 2, ipi.joints),
        clip_features=None if ipi is None else torch.zeros(clips, frames, ipi.clip_dim),
    )


def join_samples(samples: list[PlusBatch]) -> PlusBatch:
    """Concatenate batches of one task along the batch dimension."""
    joined = {
        name: torch.cat([getattr(sample, name) for sample in samples])
        for name in ("latents", "text_context", "clip_features", "y", "kept")
    }
    poses = [sample.poses for sample in samples if sample.poses is not None]
    return PlusBatch(poses=_join_poses(poses) if poses else None, **joined)


def _join_poses(poses: list[PlusInputs]) -> PlusInputs:
    given = [entry.name for entry in fields(PlusInputs) if getattr(poses[0], entry.name) is not None]
    return PlusInputs(**{name: torch.cat([getattr(each, name) for each in poses]) for name in given})
