"""From clips to batches: what a worker process does, ahead of the training."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ...conditioning import clip_conditions
from ...errors import InvalidInput
from ...model.conditions import ConditionInputs
from ...model.trained_on import ReferenceForm, TrainedOn
from ...pose.skeleton import PoseSequence
from ...shapes import ClipShape
from ..clip import ClipDataset, TrainingClip
from .config import TrainingConfig
from .dropout import draw_dropped, grouped, joined, without
from .plan import BatchPlan, clip_of
from .run_config import DataConfig
from .seeds import Stream, generator

if TYPE_CHECKING:
    from .denoiser import DenoiserLearner

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
    from ..epi.pool import PosePool
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
class BatchMaker:
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

    def learner(self) -> "DenoiserLearner":
        """Return the denoiser that learns from these batches."""
        from .denoiser import DenoiserLearner

        return DenoiserLearner(self)

    def trained_on(self) -> TrainedOn:
        """Return what a denoiser learns from these clips, by the configuration and the first of them."""
        reference = self.dataset.clip(0, 1, generator(self.config.seed, Stream.SAMPLE, 0)).reference
        form: ReferenceForm = "picture" if reference.latents is None else "both"
        size, frames = self.config.size, max(kind.frames for kind in self.config.batches)
        return TrainedOn(size.width, size.height, frames, form if reference.shows_picture else "latents")

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
