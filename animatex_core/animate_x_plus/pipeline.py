"""The whole way of Animate-X++: from a picture of a character, a dance and a text to the frames of a clip."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ..animate_x.animation import Animation, DrivingSource, Report, all_frames
from ..animate_x.conditioning import encode_motion, warn_of_stretching
from ..animate_x.sampling import finite_clip
from ..animate_x.shapes import ClipShape
from ..errors import warn
from ..pose.keypoints import PoseSequence
from ..reference import Reference
from ..retarget.retarget import RetargetSettings, plan, retarget
from ..utils.devices import reraise_oom
from .components import AnimateXPlus, on_device
from .conditions import PlusConditions
from .modules import PlusInputs
from .preprocessing import (
    JPEG_QUALITY,
    NEGATIVE_PROMPT,
    TYPICAL_PROMPT,
    chosen_frames,
    inputs_from_poses,
    masked_latents,
    reference_picture,
    reference_video,
    shown_frames,
    wan_clip_picture,
)
from .sampling import PlusSampling, sample_clip
from .shapes import WanShape, fitting_frames
from .wan.transformer import WanInputs


@dataclass(frozen=True)
class PlusSettings:
    """What is made of a reference, a dance and a text.

    prompt: what is seen and how the background moves; negative_prompt: what shall not be seen.
    width, height: pixels, multiples of 16. jpeg_noise: whether the pictures of poses go through JPEG, as the
    release's do.
    """

    prompt: str = TYPICAL_PROMPT
    negative_prompt: str = NEGATIVE_PROMPT
    width: int = 480
    height: int = 832
    retarget: RetargetSettings = field(default_factory=RetargetSettings)
    sampling: PlusSampling = field(default_factory=PlusSampling)
    jpeg_noise: bool = True

    def __post_init__(self) -> None:
        _ = self.shape(1)  # refuses sizes that cannot be

    def shape(self, frames: int) -> WanShape:
        """Return the shape of a clip for a dance of some frames, which become the next 4n + 1."""
        return WanShape(self.width, self.height, fitting_frames(frames))


@dataclass(frozen=True)
class AnimateXPlusPipeline:
    """Makes characters dance before backgrounds that move as a text says."""

    system: AnimateXPlus
    report: Report

    @torch.no_grad()
    def animate(self, reference: Reference, dance: DrivingSource, settings: PlusSettings) -> Animation:
        """Give a character the motion of a dance, whose last frame is repeated until there are 4n + 1.

        Raises InvalidInput for sizes and settings that cannot work, OutOfMemory with what to lower, and
        whatever the report raises.
        """
        shape = settings.shape(len(dance.poses))
        warn_of_stretching(reference.picture, ClipShape(shape.width, shape.height, num_downsamples=1))
        frames = _filled_up(len(dance.poses), shape.frames)
        chosen = plan(dance.poses, reference.character, settings.retarget)
        poses = retarget(dance.poses, reference.character, settings.retarget).select(frames)
        drawn = _drawn(poses, chosen.own_pose(reference.character), dance.poses, shape, settings)
        size = f"{shape.frames} frames of {shape.width}x{shape.height}"
        with reraise_oom(f"{size} do not fit into memory: take fewer frames, or lower width and height."):
            shown = self._frames(reference.picture, self._with_motion(drawn, dance, frames), shape, settings)
        return Animation(shown, poses, chosen.description)

    def _frames(
        self, picture: np.ndarray, drawn: PlusInputs, shape: WanShape, settings: PlusSettings
    ) -> np.ndarray:
        text, negative = self._texts(settings.prompt, settings.negative_prompt)
        inputs = self._inputs(picture, shape, text, self._conditions(drawn))
        return self._decode(self._sample(inputs, negative, shape, settings.sampling))

    def _texts(self, *prompts: str) -> Iterator[Tensor]:
        encoder = self.system.text_encoder
        with on_device(encoder.network, self.system.device):
            return map(self._placed, [encoder.encode(prompt) for prompt in prompts])

    def _with_motion(self, inputs: PlusInputs, dance: DrivingSource, frames: list[int]) -> PlusInputs:
        """Add what the full variant's indicator reads of the dance, whoever is drawn."""
        encoder = self.system.driving_encoder
        if encoder is None:
            return inputs
        motion = encode_motion(encoder, all_frames(dance), dance.poses, partial(self.report, "features"))
        keypoints = torch.from_numpy(motion.poses.keypoints()[None, frames])
        return replace(inputs, keypoints=keypoints, clip_features=motion.clip[None, frames])

    def _conditions(self, inputs: PlusInputs) -> PlusConditions:
        device = self.system.device
        with on_device(self.system.networks, device):
            return self.system.networks.encode(inputs.to(device)).to(device, self.system.dtype)

    def _inputs(self, picture: np.ndarray, shape: WanShape, text: Tensor, plus: PlusConditions) -> WanInputs:
        system = self.system
        shown = reference_picture(picture, shape.width, shape.height)
        with on_device(system.image_encoder.network, system.device):
            features = system.image_encoder.encode(wan_clip_picture(shown))
        with on_device(system.autoencoder.network, system.device):
            latents = system.autoencoder.encode(reference_video(shown, shape.frames))
        return WanInputs(text, self._placed(features), self._placed(masked_latents(latents)), plus)

    def _sample(self, inputs: WanInputs, negative: Tensor, shape: WanShape, settings: PlusSampling) -> Tensor:
        transformer, report = self.system.transformer, partial(self.report, "sampling")
        with on_device(transformer, self.system.device, self.system.working_bytes(shape)):
            return finite_clip(sample_clip(transformer, inputs, negative, shape, settings, report))

    def _decode(self, latents: Tensor) -> np.ndarray:
        autoencoder = self.system.autoencoder
        with on_device(autoencoder.network, self.system.device):
            return shown_frames(autoencoder.decode(latents, partial(self.report, "decoding"))[0])

    def _placed(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.system.device, self.system.dtype)


def _drawn(
    poses: PoseSequence,
    own_pose: PoseSequence | None,
    danced: PoseSequence,
    shape: WanShape,
    settings: PlusSettings,
) -> PlusInputs:
    # Poses in their clip's picture are drawn at its size and stretched, as released. A character's picture
    # may be of any size: there the strokes get the width that they have in the clip.
    stayed = (poses.width, poses.height) == (danced.width, danced.height)

    quality = JPEG_QUALITY if settings.jpeg_noise else None
    return inputs_from_poses(poses, shape, own_pose, jpeg_quality=quality, at_own_size=stayed)


def _filled_up(frames: int, wanted: int) -> list[int]:
    """Return which frame of a dance each frame of the clip shows."""
    if frames != wanted:
        sentence = (
            f"The dance has {frames} frames, but Wan makes clips of 4n + 1: the last one is repeated to "
            f"{wanted}."
        )
        warn(sentence, stacklevel=3)
    return chosen_frames(frames, wanted=wanted)
