"""Turns training clips of Animate-X into batches: conditions, EPI and weights of cells."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
from ..loop.batch_schedule import BatchPlan, Stream, clip_index, generator
from ..loop.config import DataConfig
from .condition_dropout import draw_dropped, drop_conditions, group_by_conditions, join_conditions
from .config import TrainingConfig
from .crops import crop_inputs, crop_latents, draw_corner

Epi = Callable[[PoseSequence, np.random.Generator], PoseSequence]


class TrainingData(ClipDataset, Protocol):
    """A data set of clips, with the text encoder output (1, text_tokens, context_dim) of the empty prompt."""

    @property
    def text_context(self) -> Tensor:
        """The text encoder's output for the empty prompt, (1, text_tokens, context_dim)."""
        ...


class PoseSource(Protocol):
    """A data set with poses."""

    def pool(self) -> list[PoseSequence]:
        """Return the poses that EPI draws anchors from, one sequence per clip."""
        ...


def open_dataset(config: DataConfig) -> TrainingData:
    """Open the data set of a configuration.

    Raises:
        InvalidInput: If it cannot be used.

    """
    from ..data.shards import ShardDataset

    return ShardDataset.open(config.path)


def open_epi(settings: dict[str, Any] | None, dataset: PoseSource) -> Epi | None:
    """Build the explicit pose indicator with the poses of a data set.

    Args:
        settings: Entries of `EpiSettings`, or None to disable it.
        dataset: The data set.

    Returns:
        The indicator, or None.

    Raises:
        InvalidInput: If a setting is invalid, or if there are no anchors.

    """
    if settings is None:
        return None
    from ..epi.indicator import ExplicitPoseIndicator
    from ..epi.pose_pool import PosePool
    from ..epi.settings import EpiSettings

    return ExplicitPoseIndicator(PosePool(dataset.pool()), EpiSettings.from_dict(settings))


@dataclass(frozen=True, eq=False)
class Batch:
    """A batch of clips.

    Attributes:
        latents: Scaled latents (b, c, f, h, w) of the target frames.
        groups: Conditions of the clips, in the order of the latents. The clips of a group keep the same
            conditions and are encoded at once.
        weights: Weight (b, 1, f, h, w) of each cell in the loss, None for equal weights.

    """

    latents: Tensor
    groups: tuple[ConditionInputs, ...]
    weights: Tensor | None = None

    def to(self, device: torch.device) -> "Batch":
        """Return a copy on another device."""
        weights = None if self.weights is None else self.weights.to(device)
        return Batch(self.latents.to(device), tuple(group.to(device) for group in self.groups), weights)


@dataclass(frozen=True)
class DenoiserBatchMaker:
    """Makes the batch of a plan. The result depends only on the plan, not on the process or the order.

    Attributes:
        config: The training configuration.
        dataset: The data set.
        epi: Explicit pose indicator. None draws the poses unchanged.

    """

    config: TrainingConfig
    dataset: TrainingData
    epi: Epi | None = None

    def __call__(self, plan: BatchPlan) -> Batch:
        """Make a batch.

        Raises:
            InvalidInput: If a clip is damaged or does not fit the configuration.

        """
        samples = [self.sample(number, plan.frames) for number in plan.numbers]
        ipi = self.config.model.ipi
        # The official keypoint encoder mixes the clips of a batch.
        together = ipi is None or not ipi.interleaves_batch
        groups = group_by_conditions([sample.groups[0] for sample in samples], together=together)
        return Batch(
            torch.cat([samples[index].latents for group in groups for index in group]),
            tuple(join_conditions([samples[index].groups[0] for index in group]) for group in groups),
            _stacked([samples[index].weights for group in groups for index in group]),
        )

    def trained_on(self) -> TrainingSpec:
        """Return the format of the training clips, from the configuration and the first clip."""
        reference = self.dataset.clip(0, 1, generator(self.config.seed, Stream.SAMPLE, 0)).reference
        form: ReferenceForm = "picture" if reference.latents is None else "both"
        size, frames = self.config.size, max(kind.frames for kind in self.config.batches)
        return TrainingSpec(size.width, size.height, frames, form if reference.shows_picture else "latents")

    def sample(self, number: int, frames: int) -> Batch:
        """Make a batch of one sample: `frames` frames of a clip.

        Raises:
            InvalidInput: If the clip is damaged or does not fit the configuration.

        """
        config = self.config
        rng = generator(config.seed, Stream.SAMPLE, number)
        dropped = draw_dropped(config.dropout, rng)
        index = clip_index(number, len(self.dataset), config.seed)
        clip = self.dataset.clip(index, frames, rng)
        shape = config.shape(frames)
        self._check_latents(index, clip.latents, shape)
        poses = clip.poses if self.epi is None or "pose" in dropped else self.epi(clip.poses, rng)
        inputs = clip_conditions(
            shape,
            self.dataset.text_context,
            clip.reference,
            _empty_poses(poses) if "pose" in dropped else poses,
            clip.motion,
            puppet=clip.puppet if config.model.puppet else None,
        )
        try:
            inputs.check_finite()
        except InvalidInput as error:
            raise InvalidInput(f"Clip {index} is damaged: {error}") from error
        weight = config.loss.moving_weight
        weights = moving_weights(clip, weight) if weight else None
        sample = Batch(clip.latents[None].float(), (inputs,), weights)
        sample = sample if config.size.crop is None else _cropped(sample, config.size.crop, rng)
        return replace(sample, groups=(drop_conditions(sample.groups[0], dropped),))

    def _check_latents(self, index: int, latents: Tensor, shape: ClipShape) -> None:
        expected = shape.latents(1, self.config.model.latent_channels)[1:]
        if len(latents) != expected[0]:
            raise InvalidInput(
                f"Clip {index} has latents of {len(latents)} channels, but the configuration needs "
                f"{expected[0]}: prepare the data with the autoencoder that the denoiser is for."
            )
        if tuple(latents.shape) != expected:
            raise InvalidInput(
                f"Clip {index} has latents of shape {tuple(latents.shape)}, but the configuration needs "
                f"{expected}: set size to the size that the data was prepared with."
            )
        if not latents.isfinite().all():
            raise InvalidInput(f"Clip {index} has latents with NaN or infinity: prepare it again.")


def _cropped(sample: Batch, size: tuple[int, int], rng: np.random.Generator) -> Batch:
    corner = draw_corner(sample.latents, sample.groups[0], size, rng)
    weights = None if sample.weights is None else crop_latents(sample.weights, corner, size)
    inputs = crop_inputs(sample.groups[0], corner, size)
    return Batch(crop_latents(sample.latents, corner, size), (inputs,), weights)


def moving_weights(clip: TrainingClip, weight: float) -> Tensor:
    """Weight cells by how much they change, so that motion counts more in the loss.

    The change is the distance from the mean over time. A single frame is compared with its reference
    image, if that has latents.

    Args:
        clip: The clip.
        weight: Additional weight of the cell that changes most.

    Returns:
        Weights (1, 1, f, h, w) in 1..1 + `weight`.

    """
    latents = clip.latents.float()
    still = latents.mean(1, keepdim=True)
    if latents.shape[1] == 1 and clip.reference.latents is not None:
        still = clip.reference.latents.float().swapaxes(0, 1)
    change = (latents - still).abs().mean(0, keepdim=True)
    return (1 + weight * change / change.max().clamp(min=1e-6))[None]


def _empty_poses(poses: PoseSequence) -> PoseSequence:
    """Poses that need no drawing, because the pose condition is dropped."""
    return replace(PoseSequence.empty(len(poses), poses.width, poses.height), fps=poses.fps)


def _stacked(weights: Sequence[Tensor | None]) -> Tensor | None:
    given = [each for each in weights if each is not None]
    return torch.cat(given) if given else None
