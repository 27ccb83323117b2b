"""The Animate-X pipeline: from a reference image and a driving video to an animation."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor

from ..hub.bundled import BUNDLED_MODELS
from ..hub.models_dir import ModelsDir
from ..pose.dwpose import DWPose
from ..pose.keypoints import PoseSequence
from ..reference import ImageSource, Reference
from ..retarget.character import Box
from ..retarget.settings import RetargetSettings
from ..utils.devices import choose_device, choose_dtype
from ..utils.ranks import ALONE, Ranks
from ..utils.validation import require_file
from .animation import Animation, DrivingSource, Report, all_frames, no_report
from .animator import Animator, InputOptions
from .components import PipelineComponents, load_components, load_small
from .conditioning import (
    MotionFeatures,
    clip_conditions,
    encode_motion,
    encode_reference,
    warn_of_stretching,
)
from .conditions import ConditionInputs
from .decoding import decode_frames
from .pins import pin_frames
from .presets import AUTOMATIC, PresetName, warn_of_guidance
from .puppet_condition import puppet_or_still
from .sampling import SamplingSettings, sample_latents
from .settings import AnimationSettings
from .windows import warn_of_windows

__all__ = ["AnimateXPipeline", "AnimationSettings"]


@dataclass(frozen=True)
class AnimateXPipeline(Animator[AnimationSettings, ConditionInputs]):
    """Animates characters with one set of models.

    `pipeline(reference, driving)` does everything. `animate` does the same with inputs that are open already;
    `retarget`, `conditions`, `sample` and `decode` are its steps.

    Attributes:
        networks: The models.
        report: Called as the work proceeds.
        sampling: The default settings of `__call__`.
        dwpose: Detects poses that `__call__` is not given.
        ranks: The processes that sample together. The first one calls this, the others `assist`.

    """

    networks: PipelineComponents
    report: Report = no_report
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    dwpose: DWPose = field(default_factory=DWPose)
    ranks: Ranks = ALONE

    @classmethod
    def from_bundle(
        cls,
        model: str | Path = "auto",
        *,
        models_dir: str | Path | None = None,
        device: str = "auto",
        precision: str = "auto",
        report: Report = no_report,
    ) -> "AnimateXPipeline":
        """Load the models.

        Args:
            model: "small" for the small built-in models, a denoiser's file, or "auto": the denoiser in the
                models directory, else the built-in models.
            models_dir: A directory laid out as ComfyUI's `models`; None for $ANIMATEX_MODELS, else
                ~/.cache/animatex.
            device: "auto", "cpu", "cuda", "cuda:1", "mps".
            precision: Of the denoiser's weights: "auto", "fp32", "fp16" or "bf16".
            report: Called with a stage, what is done of it and what there is, as the work proceeds.

        Returns:
            The pipeline.

        Raises:
            InvalidInput: A file is missing, or the device is not available.
            CheckpointError: A file cannot be used.

        """
        folder = ModelsDir.of(models_dir)
        place = choose_device(device)
        dtype = choose_dtype(precision, place)
        dwpose = DWPose.find(folder)
        denoiser = folder.find_denoiser() if model == "auto" else None if model == "small" else Path(model)
        if denoiser is None:
            networks = load_small(BUNDLED_MODELS, dtype, place)
        else:
            require_file(denoiser, "model")
            networks = load_components(folder, denoiser, dtype, place)
        sampling = SamplingSettings().with_preset(AUTOMATIC, networks.trained_on, networks.unet.config.puppet)
        return cls(networks, report, sampling, dwpose)

    def __call__(
        self,
        reference: ImageSource | Reference,
        driving: str | Path | DrivingSource,
        *,
        poses: str | Path | PoseSequence | None = None,
        frames: int | None = 32,
        stride: int = 2,
        start: float = 0.0,
        end: float | None = None,
        seed: int | None = None,
        box: Box | None = None,
        mask: str | Path | np.ndarray | None = None,
        settings: AnimationSettings | None = None,
        retarget: RetargetSettings | None = None,
        size: tuple[int, int] | None = None,
        steps: int | None = None,
        solver: str | None = None,
        guidance: float | None = None,
        progress: Report | None = None,
        preset: PresetName | None = None,
    ) -> Animation:
        """Animate a character.

        Args:
            reference: A file, a Pillow image, an array (h, w, 3) uint8 in RGB, or a `Reference`.
            driving: The driving video: a file, or open already.
            poses: Of a driving file: its poses or a file with them; None to detect them.
            frames: Of a driving file: how many frames to use, None for all.
            stride: Of a driving file: one frame in how many.
            start: Of a driving file: where to begin, in seconds.
            end: Of a driving file: where to end, in seconds; None for its end.
            seed: Of the noise; None for that of the settings.
            box: The box that the character fills, if no pose is detected in the reference.
            mask: A mask of the character, as an alternative to `box`.
            settings: None for `defaults`. `preset` and what follows overrides them, and so does `seed`.
            retarget: How poses are transferred to the character.
            size: Width and height in pixels, multiples of 64 (of 16 with the small models).
            steps: Number of sampling steps.
            solver: "ddim" or "dpm++2m".
            guidance: Guidance scale; 1 disables guidance.
            progress: Called as the work proceeds, instead of `report`.
            preset: "automatic", "draft", "standard" or "official": solver, steps, guidance and windows, as in
                `resolve_preset`, in place of those of the settings.

        Returns:
            The animation; `save` writes it with the audio of the driving video.

        Raises:
            AnimateXError: An input cannot be used; the message says what to do.

        """
        runner = self if progress is None else replace(self, report=progress)
        settings = settings or self.defaults
        if preset is not None:
            trained_on, puppet = self.networks.trained_on, self.networks.unet.config.puppet
            sampling = settings.sampling.with_preset(preset, trained_on, puppet)
            settings = replace(settings, sampling=sampling)
        settings = settings.override(
            size=size, retarget=retarget, seed=seed, steps=steps, solver=solver, guidance=guidance
        )
        settings.check_size(self.networks.unet.config.num_downsamples)
        inputs = InputOptions(poses, frames, stride, start, end, box, mask)
        return runner.animate_files(reference, driving, inputs, settings)

    @property
    def defaults(self) -> AnimationSettings:
        """The default settings of `__call__`."""
        return AnimationSettings(sampling=self.sampling)

    def conditions(
        self,
        reference: Reference,
        driving: DrivingSource,
        poses: PoseSequence,
        own_pose: PoseSequence | None,
        settings: AnimationSettings,
    ) -> ConditionInputs:
        """Return the conditions of the denoiser, see `Animator.conditions`; may raise InvalidInput."""
        networks = self.networks
        shape = settings.shape(len(poses), networks.trained_on, networks.unet.config.num_downsamples)
        warn_of_stretching(reference.picture, shape)
        form = settings.reference_form or networks.trained_on.reference_form
        features = encode_reference(
            networks.image_encoder, reference.picture, shape, own_pose, form, networks.autoencoder
        )
        motion = self.encode_driving(driving)
        puppet = None
        if networks.unet.config.puppet:
            picture = reference.picture
            puppet = puppet_or_still(networks.autoencoder, picture, features.pose, poses, shape)
        made = clip_conditions(shape, networks.text_context, features, poses, motion, puppet=puppet)
        if settings.pinned is None:
            return made
        pins = settings.pinned.encode(networks.autoencoder, shape)
        return pin_frames(made, pins, networks.unet.config.latent_channels)

    def encode_driving(self, driving: DrivingSource) -> MotionFeatures:
        """Return what the implicit pose indicator reads of a driving video; may raise InvalidInput."""
        return encode_motion(
            self.networks.image_encoder, all_frames(driving), driving.poses, partial(self.report, "features")
        )

    def sample(self, conditions: ConditionInputs, settings: SamplingSettings) -> Tensor:
        """Sample latents (1, c, f, h, w) in float32, with the output of `conditions`.

        Raises:
            OutOfMemory: The message says what to lower.
            AnimateXError: Another process failed.

        """
        if self.ranks.is_first:
            config = self.networks.unet.config
            warn_of_guidance(settings.guidance.scale, config.puppet)
            warn_of_windows(settings.long_clip, conditions.shape.frames, config.ignores_noise)
        self.share_sampling(conditions, settings)
        return sample_latents(
            self.networks.unet,
            conditions,
            settings,
            lambda info: self.report("sampling", info.index + 1, info.total),
            self.ranks,
        )

    def decode(self, latents: Tensor) -> np.ndarray:
        """Decode latents (1, c, f, h, w) to frames (f, height, width, 3) uint8 in RGB."""
        return decode_frames(self.networks.autoencoder, latents, partial(self.report, "decoding"))
