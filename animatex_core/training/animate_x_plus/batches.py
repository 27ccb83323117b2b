"""From clips to batches of one task each: what a worker process does, ahead of the training."""

from dataclasses import dataclass, fields, replace
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...animate_x_plus.modules import PlusInputs
from ...animate_x_plus.preprocessing import inputs_from_poses, masked_latents
from ...errors import InvalidInput
from ..animate_x.batches import Epi
from ..loop.batch_schedule import BatchPlan, Stream, clip_of, generator
from .clip import DrivingFeatures, WanClip, WanClips
from .config import PlusDropoutConfig, PlusTrainingConfig
from .trainable_parts import Task

POSES = ("pose", "reference_pose", "motion")
"""The conditions of `PlusDropoutConfig` that are dropped after they are encoded, in the order of `kept`."""


@dataclass(frozen=True, eq=False)
class PlusBatch:
    """Clips of one task that are trained on together.

    latents: (b, 16, f, h, w). text_context: (b, text_tokens, text_dim), zero past the prompts.
    clip_features: (b, image_tokens, image_dim). y: (b, 20, f, h, w), mask and latents of the reference
    picture. poses: None in the TI2V task. kept: (b, 3) of 0 and 1, which clips keep their `POSES`.
    """

    latents: Tensor
    text_context: Tensor
    clip_features: Tensor
    y: Tensor
    poses: PlusInputs | None
    kept: Tensor

    def to(self, device: torch.device) -> "PlusBatch":
        """Return a copy that lies elsewhere."""
        poses = None if self.poses is None else self.poses.to(device)
        tensors = {
            name: getattr(self, name).to(device)
            for name in ("latents", "text_context", "clip_features", "y", "kept")
        }
        return replace(self, poses=poses, **tensors)


@dataclass(frozen=True)
class PlusBatchMaker:
    """Makes the batch of a plan, alike in whichever process and order it is asked.

    epi: None draws the poses as they are. Sample numbers count through both tasks; each task takes its clips
    in an order that every round draws anew.
    """

    config: PlusTrainingConfig
    clips: WanClips
    epi: Epi | None = None

    def __call__(self, plan: BatchPlan) -> PlusBatch:
        """Make a batch; raises InvalidInput for clips that are damaged or do not fit the configuration."""
        task = cast(Task, plan.task)
        return joined([self.sample(number, plan.frames, task) for number in plan.numbers])

    def sample(self, number: int, frames: int, task: Task) -> PlusBatch:
        """Make a batch of one sample of the training."""
        config = self.config
        rng = generator(config.seed, Stream.SAMPLE, number)
        dropped = draw_dropped(config.dropout, rng)
        index = clip_of(number, self.clips.count(task), config.seed)
        clip = self.clips.clip(task, index).first(frames)
        self._check(clip, f"Clip {index} of {task}")
        text = self.clips.empty_text if "text" in dropped else clip.text_context
        y, features = masked_latents(clip.image_latents[None].float()), clip.clip_features[None].float()
        if "image" in dropped:
            y, features = torch.zeros_like(y), torch.zeros_like(features)
        return PlusBatch(
            latents=clip.latents[None].float(),
            text_context=self._filled(text)[None].float(),
            clip_features=features,
            y=y,
            poses=None if clip.dance is None else self._told(clip.dance, rng),
            kept=torch.tensor([[float(name not in dropped) for name in POSES]]),
        )

    def _told(self, dance: DrivingFeatures, rng: np.random.Generator) -> PlusInputs:
        poses = dance.poses if self.epi is None else self.epi(dance.poses, rng)
        shape, features = self.config.shape(len(poses)), dance.motion.clip.float()
        self._check_features(features.shape[1])
        told = inputs_from_poses(poses, shape, dance.reference_pose, features)
        # Whoever is drawn, the driving clip's own keypoints ask (Animate-X, section 3.2).
        asked = np.ascontiguousarray(dance.motion.poses.keypoints())
        return replace(told, keypoints=torch.from_numpy(asked)[None])

    def _check_features(self, width: int) -> None:
        ipi = self.config.modules.ipi
        if ipi is not None and width != ipi.clip_dim:
            raise InvalidInput(
                f"The driving frames have features {width} wide, but the full variant reads {ipi.clip_dim}: "
                "prepare the clips with --system animate-x-plus-full, or set modules.variant to simple."
            )

    def _filled(self, text: Tensor) -> Tensor:
        missing = self.config.wan.text_tokens - len(text)
        if missing < 0:
            raise InvalidInput(
                f"A caption has {len(text)} tokens, but the transformer reads {self.config.wan.text_tokens}: "
                "shorten the caption."
            )
        return F.pad(text, (0, 0, 0, missing))

    def _check(self, clip: WanClip, what: str) -> None:
        wan = self.config.wan
        height, width = self.config.shape(1).latent_size
        forms = {
            "latents": (clip.latents, (wan.out_channels, clip.latents.shape[1], height, width)),
            "CLIP features": (clip.clip_features, (wan.image_tokens, wan.image_dim)),
            "text states": (clip.text_context, (len(clip.text_context), wan.text_dim)),
        }
        for name, (tensor, form) in forms.items():
            if tuple(tensor.shape) != form:
                raise InvalidInput(
                    f"{what} has {name} of {tuple(tensor.shape)}, but the configuration asks for {form}: set "
                    "size and wan to what the data was encoded for."
                )
            if not tensor.isfinite().all():
                raise InvalidInput(f"{what} has {name} with NaN or infinity: encode it again.")


def draw_dropped(config: PlusDropoutConfig, rng: np.random.Generator) -> frozenset[str]:
    """Draw the names of the conditions that a sample goes without."""
    names = [entry.name for entry in fields(config)]
    return frozenset(name for name in names if rng.random() < getattr(config, name))


def joined(samples: list[PlusBatch]) -> PlusBatch:
    """Join batches of one task."""
    together = {
        name: torch.cat([getattr(sample, name) for sample in samples])
        for name in ("latents", "text_context", "clip_features", "y", "kept")
    }
    poses = [sample.poses for sample in samples if sample.poses is not None]
    return PlusBatch(poses=_joined_poses(poses) if poses else None, **together)


def _joined_poses(poses: list[PlusInputs]) -> PlusInputs:
    tensors = {
        entry.name: torch.cat([getattr(each, entry.name) for each in poses]) for entry in fields(PlusInputs)
    }
    return PlusInputs(**tensors)
