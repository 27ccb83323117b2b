"""The whole way from a picture of a character and a dance to the frames of an animated clip."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from .batches import batched
from .dance import Dance
from .encoders.preprocess import clip_pictures, unit_pictures
from .errors import AnimateXWarning
from .model.conditions import ConditionInputs
from .networks import Networks
from .pose.draw import draw_poses
from .pose.skeleton import PoseSequence
from .retarget.retarget import Box, Character, RetargetSettings, plan, retarget
from .sampling import SamplingSettings, sample_latents
from .shapes import ClipShape

Report = Callable[[str, int, int], None]
"""Called with a stage's name, how much of it is done and how much there is; may raise to stop the work."""

STRETCH = 0.1  # part by which a picture may become wider or narrower without a word
_BATCH = 16  # driving frames that wait for the image encoder at once


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
    """What is made of a reference and a dance. width, height: pixels of the generated frames."""

    width: int = 512
    height: int = 768
    retarget: RetargetSettings = field(default_factory=RetargetSettings)
    sampling: SamplingSettings = field(default_factory=SamplingSettings)


@dataclass(frozen=True)
class Animation:
    """frames (f, height, width, 3) uint8 in RGB; poses: what they were made to follow.

    retargeting: in words, how these came of the dance's poses.
    """

    frames: np.ndarray
    poses: PoseSequence
    retargeting: str


@dataclass(frozen=True)
class Animator:
    """Makes characters dance with one set of networks."""

    networks: Networks
    report: Report

    def animate(self, reference: Reference, dance: Dance, settings: AnimationSettings) -> Animation:
        """Give a character the motion of a dance.

        Raises InvalidInput for sizes and settings that cannot work, OutOfMemory with what to lower, and
        whatever the report raises.
        """
        shape = self._shape(len(dance.poses), settings)
        _warn_of_stretching(reference.picture, shape)
        chosen = plan(dance.poses, reference.character, settings.retarget)
        poses = retarget(dance.poses, reference.character, settings.retarget)
        # Where a pose was of no use for retargeting, it is a detector's guess at what is no human body.
        own_pose = None if chosen.how in ("fitted", "passed on") else reference.pose
        # Poses in their clip's picture are drawn at its size and stretched, as released. A character's
        # picture may be of any size: there the strokes get the width that the denoiser knows.
        stayed = chosen.how in ("as released", "passed on") and dance.shows(poses)
        inputs = self._conditions(reference, own_pose, dance, poses, shape, stayed)
        latents = sample_latents(
            self.networks.unet,
            inputs,
            settings.sampling,
            lambda info: self.report("sampling", info.index + 1, info.total),
        )
        return Animation(np.stack(list(self._decode(latents))), poses, chosen.description)

    def _shape(self, frames: int, settings: AnimationSettings) -> ClipShape:
        halvings = self.networks.unet.config.halvings
        return ClipShape(settings.width, settings.height, frames, halvings=halvings)

    def _conditions(
        self,
        reference: Reference,
        own_pose: PoseSequence | None,
        dance: Dance,
        poses: PoseSequence,
        shape: ClipShape,
        at_own_size: bool,
    ) -> ConditionInputs:
        # Without a pose of its own the reference is given the first one of the dance, as released.
        first = (own_pose or poses).select([0])
        embedding = self._encode([reference.picture])
        features = torch.cat([embedding, *self._features(dance)])
        # The implicit indicator asks the driving frames about the dancer who is in them, whoever is drawn.
        asked = (own_pose or dance.poses).select([0]), dance.poses
        keypoints = np.concatenate([sequence.keypoints() for sequence in asked])
        return ConditionInputs(
            shape=shape,
            text_context=self.networks.text_context,
            image_embedding=embedding[None],
            reference_image=rearrange(
                unit_pictures([reference.picture], shape.width, shape.height), "1 c h w -> 1 c 1 h w"
            ),
            pose_pictures=self._pose_pictures((first, poses), shape, at_own_size),
            keypoints=torch.from_numpy(keypoints)[None],
            clip_features=features[None],
        )

    def _pose_pictures(
        self, sequences: Sequence[PoseSequence], shape: ClipShape, at_own_size: bool
    ) -> Tensor:
        """(1, 3, f, height, width): poses drawn at their pictures' size and stretched, or at this size."""
        frames, dtype = sum(map(len, sequences)), self.networks.unet.dtype
        pictures = torch.empty(3, frames, shape.height, shape.width, dtype=dtype)
        size = () if at_own_size else (shape.width, shape.height)
        drawn = chain.from_iterable(draw_poses(poses, *size) for poses in sequences)
        for index, picture in enumerate(drawn):  # one at a time: those of a long clip are its largest tensor
            pictures[:, index] = unit_pictures([picture], shape.width, shape.height)[0]
        return pictures[None]

    def _features(self, dance: Dance) -> Iterator[Tensor]:
        done, total = 0, len(dance.poses)
        for batch in batched(dance.frames(), _BATCH):
            yield self._encode(batch)
            done += len(batch)
            self.report("features", done, total)
        dance.require_all(done)

    def _encode(self, pictures: list[np.ndarray]) -> Tensor:
        return self.networks.image_encoder.encode(clip_pictures(pictures)).float()

    def _decode(self, latents: Tensor) -> Iterator[np.ndarray]:
        frames = rearrange(latents, "1 c f h w -> f c h w")
        for index, latent in enumerate(frames):
            picture = self.networks.decoder.decode(latent[None])[0]
            yield _to_bytes(picture)
            self.report("decoding", index + 1, len(frames))


def _warn_of_stretching(picture: np.ndarray, shape: ClipShape) -> None:
    height, width, _ = picture.shape
    better = shape.of_aspect(width / height)
    if abs(width / height * shape.height / shape.width - 1) > STRETCH and better != shape:
        sentence = (
            f"The reference has {width}x{height} pixels and is stretched to {shape.width}x{shape.height}, as "
            f"released: a size of {better.width}x{better.height} keeps its shape."
        )
        warnings.warn(AnimateXWarning(sentence), stacklevel=3)


def _to_bytes(picture: Tensor) -> np.ndarray:
    """(3, h, w) around -1..1 -> (h, w, 3) uint8, rounded down, as released."""
    unit = (picture.float().cpu() * 0.5 + 0.5).clamp(0, 1)
    return rearrange((unit * 255).byte(), "c h w -> h w c").numpy()
