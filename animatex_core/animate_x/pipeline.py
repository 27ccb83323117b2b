"""The whole way from a picture of a character and a dance to the frames of an animated clip."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np
from einops import rearrange
from torch import Tensor

from ..pose.keypoints import PoseSequence
from ..retarget.retarget import Box, Character, RetargetSettings, plan, retarget
from .components import PipelineComponents
from .conditioning import (
    MotionFeatures,
    ReferenceFeatures,
    clip_conditions,
    encode_motion,
    encode_reference,
    warn_of_stretching,
)
from .puppet_condition import puppet_latents
from .sampling import SamplingSettings, sample_latents
from .shapes import ClipShape
from .training_spec import ReferenceForm

Report = Callable[[str, int, int], None]
"""Called with a stage's name, how much of it is done and how much there is; may raise to stop the work."""


class DrivingSource(Protocol):
    """What is danced: a `Dance` in a file, or frames that are in memory."""

    @property
    def poses(self) -> PoseSequence: ...

    def frames(self) -> Iterable[np.ndarray]:
        """Return the frames that the poses are of, (h, w, 3) uint8 in RGB."""
        ...

    def require_all(self, found: int) -> None:
        """Raise InvalidInput unless `found` is the number of the frames."""
        ...


@dataclass(frozen=True)
class Reference:
    """The character: its picture (h, w, 3) uint8 in RGB, and where known its pose and the box it fills."""

    picture: np.ndarray
    pose: PoseSequence | None = None
    box: Box | None = None

    @property
    def character(self) -> Character:
        """What retargeting needs to know."""
        height, width, _ = self.picture.shape
        return Character(width, height, self.pose, self.box)


@dataclass(frozen=True)
class AnimationSettings:
    """What is made of a reference and a dance.

    width, height: pixels of the generated frames. reference_form: as what the denoiser is shown the
    reference. None stands for what the denoiser was trained on.
    """

    width: int | None = None
    height: int | None = None
    retarget: RetargetSettings = field(default_factory=RetargetSettings)
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    reference_form: ReferenceForm | None = None


@dataclass(frozen=True)
class Animation:
    """frames (f, height, width, 3) uint8 in RGB; poses: what they were made to follow.

    retargeting: in words, how these came of the dance's poses.
    """

    frames: np.ndarray
    poses: PoseSequence
    retargeting: str


@dataclass(frozen=True)
class AnimateXPipeline:
    """Makes characters dance with one set of networks."""

    networks: PipelineComponents
    report: Report

    def animate(self, reference: Reference, dance: DrivingSource, settings: AnimationSettings) -> Animation:
        """Give a character the motion of a dance.

        Raises InvalidInput for sizes and settings that cannot work, OutOfMemory with what to lower, and
        whatever the report raises.
        """
        shape = self._shape(len(dance.poses), settings)
        warn_of_stretching(reference.picture, shape)
        chosen = plan(dance.poses, reference.character, settings.retarget)
        poses = retarget(dance.poses, reference.character, settings.retarget)
        own_pose = chosen.own_pose(reference.character)
        features = self._reference(reference, shape, own_pose, settings.reference_form)
        motion = self._motion(dance)
        puppet = self._puppet(reference, features.pose, poses, shape)
        context = self.networks.text_context
        inputs = clip_conditions(shape, context, features, poses, motion, puppet=puppet)
        latents = sample_latents(
            self.networks.unet,
            inputs,
            settings.sampling,
            lambda info: self.report("sampling", info.index + 1, info.total),
        )
        return Animation(np.stack(list(self._decode(latents))), poses, chosen.description)

    def _shape(self, frames: int, settings: AnimationSettings) -> ClipShape:
        trained_on = self.networks.trained_on
        width = trained_on.width if settings.width is None else settings.width
        height = trained_on.height if settings.height is None else settings.height
        plan = settings.sampling.long_clip
        trained_on.warn_of_length(frames if plan is None else min(frames, plan.size))
        shape = ClipShape(width, height, frames, num_downsamples=self.networks.unet.config.num_downsamples)
        trained_on.warn_of_size(width, height)
        return shape

    def _reference(
        self, reference: Reference, shape: ClipShape, pose: PoseSequence | None, form: ReferenceForm | None
    ) -> ReferenceFeatures:
        encoder, autoencoder = self.networks.image_encoder, self.networks.autoencoder
        form = form or self.networks.trained_on.reference_form
        return encode_reference(encoder, reference.picture, shape, pose, form, autoencoder)

    def _puppet(
        self, reference: Reference, own: PoseSequence | None, poses: PoseSequence, shape: ClipShape
    ) -> Tensor | None:
        if not self.networks.unet.config.puppet:
            return None
        return puppet_latents(self.networks.autoencoder, reference.picture, own, poses, shape)

    def _motion(self, dance: DrivingSource) -> MotionFeatures:
        report = partial(self.report, "features")
        return encode_motion(self.networks.image_encoder, all_frames(dance), dance.poses, report)

    def _decode(self, latents: Tensor) -> Iterator[np.ndarray]:
        frames = rearrange(latents, "1 c f h w -> f c h w")
        for index, latent in enumerate(frames):
            picture = self.networks.autoencoder.decode(latent[None])[0]
            yield _to_bytes(picture)
            self.report("decoding", index + 1, len(frames))


def all_frames(dance: DrivingSource) -> Iterator[np.ndarray]:
    """Yield every frame of a dance; raises InvalidInput where some cannot be read."""
    done = 0
    for frame in dance.frames():
        yield frame
        done += 1
    dance.require_all(done)


def _to_bytes(picture: Tensor) -> np.ndarray:
    """(3, h, w) around -1..1 -> (h, w, 3) uint8, rounded down, as released."""
    unit = (picture.float().cpu() * 0.5 + 0.5).clamp(0, 1)
    return rearrange((unit * 255).byte(), "c h w -> h w c").numpy()
