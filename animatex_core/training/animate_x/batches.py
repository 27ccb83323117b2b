"""From clips to batches: which conditions each keeps, and what a worker process does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ...animate_x.conditioning import clip_conditions
from ...animate_x.conditions import ConditionInputs
from ...animate_x.shapes import ClipShape
from ...animate_x.training_spec import ReferenceForm, TrainingSpec
from ...errors import InvalidInput
from ...pose.keypoints import PoseSequence
from ..data.clip import ClipDataset, TrainingClip
from ..loop.batch_schedule import BatchPlan, Stream, clip_of, generator
from ..loop.config import DataConfig
from .config import DropoutConfig, TrainingConfig

INPUTS = {
    "reference_image": ("reference_image",),
    "reference_latents": ("reference_latents",),
    "pose": ("pose_pictures",),
    "image_embedding": ("image_embedding",),
    "motion": ("keypoints", "clip_features"),
    "puppet": ("puppet_latents",),
}
"""What each entry of `DropoutConfig` drops. All of it dropped is the sampler's unconditional pass."""


def draw_dropped(config: DropoutConfig, rng: np.random.Generator) -> frozenset[str]:
    """Draw the names of the conditions that a sample goes without."""
    fate = rng.random()
    if fate < config.all_dropped:
        return frozenset(INPUTS)
    if fate < config.all_dropped + config.all_kept:
        return frozenset()
    rates = {name: getattr(config, name) for name in INPUTS}
    if not config.puppet:  # without it nothing else is drawn than before there was a puppet
        del rates["puppet"]
    return frozenset(name for name, rate in rates.items() if rng.random() < rate)


def without(inputs: ConditionInputs, dropped: frozenset[str]) -> ConditionInputs:
    """Return the inputs less the conditions of these names."""
    none: dict[str, Any] = dict.fromkeys(entry for name in dropped for entry in INPUTS[name])
    return replace(inputs, **none)


def grouped(clips: Sequence[ConditionInputs], *, together: bool = True) -> list[list[int]]:
    """Return the clips' indices in groups that keep the same conditions: None drops one for a whole batch.

    together=False leaves each clip alone.
    """
    groups: dict[object, list[int]] = {}
    for index, clip in enumerate(clips):
        groups.setdefault(_given(clip) if together else index, []).append(index)
    return list(groups.values())


def joined(clips: Sequence[ConditionInputs]) -> ConditionInputs:
    """Join clips, each a batch of 1, that keep the same conditions."""
    names = ("text_context", *_given(clips[0]))
    tensors = {name: torch.cat([getattr(clip, name) for clip in clips]) for name in names}
    return ConditionInputs(shape=clips[0].shape, **tensors)


def _given(clip: ConditionInputs) -> tuple[str, ...]:
    names = [entry.name for entry in fields(clip) if entry.name not in ("shape", "text_context")]
    return tuple(name for name in names if getattr(clip, name) is not None)


Epi = Callable[[PoseSequence, np.random.Generator], PoseSequence]


class TrainingData(ClipDataset, Protocol):
    """Clips, and the text encoder's answer to "": (1, text_tokens, context_dim)."""

    @property
    def text_context(self) -> Tensor: ...


class Pooled(Protocol):
    """A data set with poses."""

    def pool(self) -> list[PoseSequence]:
        """Return the poses that EPI draws its anchors from, a sequence a clip."""
        ...


def open_dataset(config: DataConfig) -> TrainingData:
    """Open the data set of a configuration; raises InvalidInput where it cannot be used."""
    from ..data.shards import ShardDataset

    return ShardDataset.open(config.path)


def open_epi(settings: dict[str, Any] | None, dataset: Pooled) -> Epi | None:
    """Return the explicit pose indicator over a data set's poses; None for None."""
    if settings is None:
        return None
    from ..epi.indicator import ExplicitPoseIndicator
    from ..epi.pose_pool import PosePool
    from ..epi.settings import EpiSettings

    return ExplicitPoseIndicator(PosePool(dataset.pool()), EpiSettings.from_dict(settings))


@dataclass(frozen=True, eq=False)
class Batch:
    """Clips that are trained on together.

    latents: (b, c, f, h, w), true and scaled. weights: (b, 1, f, h, w), how much each cell counts; None
    where all count alike. groups: the conditions of these clips, as many as can be encoded at once in a
    group, in the order of the latents.
    """

    latents: Tensor
    groups: tuple[ConditionInputs, ...]
    weights: Tensor | None = None

    def to(self, device: torch.device) -> "Batch":
        """Return a copy that lies elsewhere."""
        weights = None if self.weights is None else self.weights.to(device)
        return Batch(self.latents.to(device), tuple(group.to(device) for group in self.groups), weights)


@dataclass(frozen=True)
class DenoiserBatchMaker:
    """Makes the batch of a plan, alike in whichever process and order it is asked.

    epi: None draws the poses as they are.
    """

    config: TrainingConfig
    dataset: TrainingData
    epi: Epi | None = None

    def __call__(self, plan: BatchPlan) -> Batch:
        """Make a batch; raises InvalidInput for clips that are damaged or do not fit the configuration."""
        samples = [self.sample(number, plan.frames) for number in plan.numbers]
        ipi = self.config.model.ipi
        # The released keypoint encoder mixes the clips of a batch.
        together = ipi is None or not ipi.interleaves_batch
        groups = grouped([sample.groups[0] for sample in samples], together=together)
        return Batch(
            torch.cat([samples[index].latents for group in groups for index in group]),
            tuple(joined([samples[index].groups[0] for index in group]) for group in groups),
            _stacked([samples[index].weights for group in groups for index in group]),
        )

    def trained_on(self) -> TrainingSpec:
        """Return what a denoiser learns from these clips, by the configuration and the first of them."""
        reference = self.dataset.clip(0, 1, generator(self.config.seed, Stream.SAMPLE, 0)).reference
        form: ReferenceForm = "picture" if reference.latents is None else "both"
        size, frames = self.config.size, max(kind.frames for kind in self.config.batches)
        return TrainingSpec(size.width, size.height, frames, form if reference.shows_picture else "latents")

    def sample(self, number: int, frames: int) -> Batch:
        """Make a batch of one sample of the training."""
        config = self.config
        rng = generator(config.seed, Stream.SAMPLE, number)
        dropped = draw_dropped(config.dropout, rng)
        index = clip_of(number, len(self.dataset), config.seed)
        clip = self.dataset.clip(index, frames, rng)
        shape = config.shape(frames)
        self._check_latents(index, clip.latents, shape)
        poses = self._poses(clip.poses, rng) if "pose" not in dropped else _nobody(clip.poses)
        inputs = clip_conditions(
            shape,
            self.dataset.text_context,
            clip.reference,
            poses,
            clip.motion,
            puppet=None if clip.puppet is None or not config.model.puppet else clip.puppet.swapaxes(0, 1),
        )
        try:
            inputs.check_finite()
        except InvalidInput as error:
            raise InvalidInput(f"Clip {index} is damaged: {error}") from error
        weight = config.loss.moving_weight
        weights = moving_weights(clip, weight) if weight else None
        return Batch(clip.latents[None].float(), (without(inputs, dropped),), weights)

    def _poses(self, poses: PoseSequence, rng: np.random.Generator) -> PoseSequence:
        return poses if self.epi is None else self.epi(poses, rng)

    def _check_latents(self, index: int, latents: Tensor, shape: ClipShape) -> None:
        expected = shape.latents(1, self.config.model.latent_channels)[1:]
        if tuple(latents.shape) != expected:
            raise InvalidInput(
                f"Clip {index} has latents of {tuple(latents.shape)}, but the configuration asks for "
                f"{expected}: set size to what the data was prepared for."
            )
        if not latents.isfinite().all():
            raise InvalidInput(f"Clip {index} has latents with NaN or infinity: prepare it again.")


def moving_weights(clip: TrainingClip, weight: float) -> Tensor:
    """Return (1, 1, f, h, w): 1, and up to 1 + `weight` where a clip differs from its still.

    The still is the clip's mean over time; a single frame is compared with its reference, where that has
    latents.
    """
    latents = clip.latents.float()
    still = latents.mean(1, keepdim=True)
    if latents.shape[1] == 1 and clip.reference.latents is not None:
        still = clip.reference.latents.float().swapaxes(0, 1)
    change = (latents - still).abs().mean(0, keepdim=True)
    return (1 + weight * change / change.max().clamp(min=1e-6))[None]


def _nobody(poses: PoseSequence) -> PoseSequence:
    """Poses that cost no drawing, where what is drawn is dropped."""
    return replace(PoseSequence.empty(len(poses), poses.width, poses.height), fps=poses.fps)


def _stacked(weights: Sequence[Tensor | None]) -> Tensor | None:
    given = [each for each in weights if each is not None]
    return torch.cat(given) if given else None
