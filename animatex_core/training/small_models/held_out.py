"""Evaluation of the small bundle on characters and motion that training never uses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from einops import rearrange
from torch import Tensor

from ...animate_x.components import PipelineComponents
from ...animate_x.conditioning import MotionFeatures, clip_conditions, encode_motion, encode_reference
from ...animate_x.decoding import decode_frames
from ...animate_x.puppet_condition import puppet_condition
from ...animate_x.sampling import SamplingSettings, sample_latents
from ...animate_x.shapes import ClipShape
from ...encoders.preprocessing import autoencoder_images
from ...pose.extractor import PoseExtractor
from ...pose.keypoints import PoseSequence, seen
from ...puppet.puppet import puppet_frames
from ...retarget.retarget import Character, RetargetSettings, retarget
from ...utils.progress import no_progress
from ...utils.validation import require_int
from ..synthetic.triples import Triple, draw_triple
from .scores import (
    blur_reference,
    color_overlap,
    flicker,
    gaussian_blur,
    joints_near,
    moving_psnr,
    perceptual_distance,
    perceptual_encoder,
    repeat_reference,
    similarity,
    true_mean,
)

Frames = np.ndarray
REAL, FROZEN, OTHER = "driving pose", "frozen pose", "pose of another clip"
OWN = "own pose"
DRIVEN_BY = REAL, FROZEN, OTHER, OWN
PUPPET, BLURRED_PUPPET, CEILING = "puppet", "puppet blurred", "true clip through the autoencoder"
REPEATED, BLURRED, MEAN = "reference repeated", "reference blurred over its places", "mean of the true clip"
CHARACTER_RETARGETING = RetargetSettings(mode="retarget", ground=True)


@dataclass(frozen=True)
class HeldOutSettings:
    """Settings of the evaluation.

    Attributes:
        pairs: Number of pairs of a character and a motion.
        frames: Length of the clips, 2 or more. Clips longer than a window of `sampling` are sampled in
            overlapping windows, as `animatex animate` does.
        width: Width in pixels.
        height: Height in pixels.
        seed: Seed of the pairs. The seed of the noise is the number of the pair.
        sampling: Settings of the sampler.
        driven_by: Poses that each character is animated with, a selection of DRIVEN_BY. OWN uses the poses of
            the true clip, free of retargeting errors; the puppet is then scored as well.
        sigma: Blur of the blurred puppet in pixels.
        retargeting: Retargeting of the other poses. In mode "align" they keep the dancer's proportions, which
            is the cross setting of the paper.

    Raises:
        InvalidInput: There are fewer than two frames, so that nothing moves.

    """

    pairs: int = 32
    frames: int = 8
    width: int = 128
    height: int = 192
    seed: int = 0
    sampling: SamplingSettings = field(default_factory=SamplingSettings.for_small_bundle)
    driven_by: Sequence[str] = DRIVEN_BY
    sigma: float = 0.4
    retargeting: RetargetSettings = CHARACTER_RETARGETING

    def __post_init__(self) -> None:
        require_int("frames", self.frames, least=2)


@dataclass(frozen=True, eq=False)
class HeldOutCase:
    """One pair: its triple, and the clips to be compared with the true clip, by name."""

    triple: Triple
    clips: Mapping[str, Frames]


@dataclass(frozen=True)
class HeldOut:
    """Animates held-out characters with one set of components.

    Attributes:
        networks: Components of the pipeline.
        settings: Settings of the evaluation.
        extractor: Detects poses in the results, to score joints; None skips these scores.

    """

    networks: PipelineComponents
    settings: HeldOutSettings
    extractor: PoseExtractor | None = None

    def case(self, number: int) -> HeldOutCase:
        """Animate a pair with every selected pose and add the baselines."""
        triple = self._triple(number)
        clips = {
            name: self._animated(
                number,
                triple,
                self._motion(name, number, triple),
                triple.target.poses if name == OWN else None,
            )
            for name in self.settings.driven_by
        }
        if OWN in self.settings.driven_by:
            clips |= self._controls(triple)
        clips[REPEATED] = repeat_reference(triple)
        clips[BLURRED] = blur_reference(triple)
        clips[MEAN] = true_mean(triple)
        return HeldOutCase(triple, clips)

    def _controls(self, triple: Triple) -> dict[str, Frames]:
        scene = triple.reference
        puppet, _ = puppet_frames(scene.frames[0], scene.poses, triple.target.poses)
        height, width = puppet.shape[1:3]
        true = autoencoder_images(list(triple.target.frames), width, height)
        return {
            PUPPET: puppet,
            BLURRED_PUPPET: gaussian_blur(puppet, self.settings.sigma),
            CEILING: self._decoded(rearrange(self.networks.autoencoder.encode(true), "f c h w -> 1 c f h w")),
        }

    def scores(self, case: HeldOutCase) -> dict[str, dict[str, float]]:
        """Score every clip of a case: clip -> score -> value."""
        return {name: self._scored(case.triple, frames) for name, frames in case.clips.items()}

    def _triple(self, number: int) -> Triple:
        settings = self.settings
        size = settings.frames, settings.width, settings.height
        return draw_triple(settings.seed, number, *size, held_out=True)

    def _motion(self, name: str, number: int, triple: Triple) -> MotionFeatures:
        """Return the motion of the pair's dancer, its repeated first frame, or that of the next pair."""
        driver = self._triple(number + 1).driver if name == OTHER else triple.driver
        motion = encode_motion(self.networks.image_encoder, driver.frames, driver.poses)
        if name != FROZEN:
            return motion
        first = [0] * self.settings.frames
        return MotionFeatures(motion.clip[first], motion.poses.select(first), motion.width, motion.height)

    def _animated(
        self, number: int, triple: Triple, motion: MotionFeatures, poses: PoseSequence | None
    ) -> Frames:
        networks, settings, own = self.networks, self.settings, triple.reference.poses
        num_downsamples = networks.unet.config.num_downsamples
        shape = ClipShape(settings.width, settings.height, settings.frames, num_downsamples=num_downsamples)
        character = Character(settings.width, settings.height, own)
        reference = encode_reference(
            networks.image_encoder,
            triple.reference.frames[0],
            shape,
            own,
            networks.trained_on.reference_form,
            networks.autoencoder,
        )
        if poses is None:
            poses = retarget(motion.poses, character, settings.retargeting)
        puppet = None
        if networks.unet.config.puppet:
            picture = triple.reference.frames[0]
            puppet = puppet_condition(networks.autoencoder, picture, own, poses, shape)
        inputs = clip_conditions(shape, networks.text_context, reference, poses, motion, puppet=puppet)
        latents = sample_latents(networks.unet, inputs, replace(settings.sampling, seed=number))
        return self._decoded(latents)

    def _decoded(self, latents: Tensor) -> Frames:
        return decode_frames(self.networks.autoencoder, latents, no_progress)

    def _scored(self, triple: Triple, frames: Frames) -> dict[str, float]:
        true = triple.target.frames
        psnr, ssim = similarity(frames, true)
        scores = {
            "PSNR": psnr,
            "SSIM": ssim,
            "perceptual": perceptual_distance(perceptual_encoder(), frames, true),
            "moving PSNR": moving_psnr(frames, true),
            "colours": color_overlap(frames, true, _character_mask(triple)),
            "flicker": flicker(frames, true),
        }
        return scores | self._joints(triple, frames)

    def _joints(self, triple: Triple, frames: Frames) -> dict[str, float]:
        if self.extractor is None:
            return {}
        found = self.extractor.extract(frames)
        near, distance = joints_near(found, triple.target)
        return {"joints near": near, "joint distance": distance}


def _character_mask(triple: Triple) -> np.ndarray:
    """Return the bounding boxes of the character's joints in the true clip, (f, h, w) bool."""
    poses = triple.target.poses
    present = seen(poses.body)
    joints = np.where(present[..., None], poses.body[..., :2], np.nan) * [poses.width, poses.height]
    low, high = np.nanmin(joints, axis=1), np.nanmax(joints, axis=1)
    rows, columns = np.mgrid[: poses.height, : poses.width]
    pixels = np.stack([columns, rows], axis=-1)
    inside = (pixels >= low[:, None, None]) & (pixels <= high[:, None, None])
    return inside.all(axis=-1)
