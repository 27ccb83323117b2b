"""The Animate-X++ pipeline: from a reference image, a driving video and a prompt to an animation."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..animate_x.animation import Animation, DrivingSource, Report, no_report
from ..animate_x.animator import Animator, InputOptions
from ..animate_x.sampling import require_finite
from ..hub.models_dir import ModelsDir
from ..pose.dwpose import DWPose
from ..pose.keypoints import PoseSequence
from ..reference import ImageSource, Reference
from ..retarget.character import Box
from ..retarget.settings import RetargetSettings
from ..utils.devices import choose_device, choose_dtype, reraise_oom
from ..utils.ranks import ALONE, Ranks
from ..utils.validation import require_file
from .checkpoint import read_plus
from .components import AnimateXPlus, PlusFiles, find_modules, load_animate_x_plus, on_device
from .conditioning import WanConditions, encode_conditions
from .preprocessing import to_uint8_frames
from .sampling import PlusSampling, sample_clip
from .settings import PlusSettings
from .shapes import WanShape


@dataclass(frozen=True)
class AnimateXPlusPipeline(Animator[PlusSettings, WanConditions]):
    """Animates characters in front of a background that follows a prompt.

    `pipeline(reference, driving, prompt=...)` does everything. `animate` does the same with inputs that are
    open already; `retarget`, `conditions`, `sample` and `decode` are its steps.

    Attributes:
        system: The models.
        report: Called as the work proceeds.
        sampling: The default settings of `__call__`.
        dwpose: Detects poses that `__call__` is not given.
        ranks: The processes that sample together. The first one calls this, the others `assist`.

    """

    system: AnimateXPlus
    report: Report = no_report
    sampling: PlusSampling = field(default_factory=PlusSampling)
    dwpose: DWPose = field(default_factory=DWPose)
    ranks: Ranks = ALONE

    @classmethod
    def from_bundle(
        cls,
        model: str | Path = "simple",
        *,
        models_dir: str | Path | None = None,
        wan: str | Path | None = None,
        device: str = "auto",
        precision: str = "auto",
        report: Report = no_report,
    ) -> "AnimateXPlusPipeline":
        """Load the models.

        Args:
            model: "simple" or "full" for that variant's file in the models directory, or a file.
            models_dir: A directory laid out as ComfyUI's `models`; None for $ANIMATEX_MODELS, else
                ~/.cache/animatex.
            wan: The file of Wan's image-to-video transformer; None for the one in the models directory.
            device: "auto", "cpu", "cuda", "cuda:1", "mps".
            precision: Of the transformer: "auto", "fp32", "fp16" or "bf16".
            report: Called with a stage, what is done of it and what there is, as the work proceeds.

        Returns:
            The pipeline.

        Raises:
            InvalidInput: A file is missing, or the device is not available.
            CheckpointError: A file cannot be used.

        """
        folder = ModelsDir.of(models_dir)
        path = find_modules(model, folder)
        variant = read_plus(path).config.variant
        if wan is not None:
            require_file(Path(wan), "Wan transformer")
        files = PlusFiles.find(folder, path, variant, None if wan is None else Path(wan))
        place = choose_device(device)
        system = load_animate_x_plus(files, choose_dtype(precision, place), place, partial(report, "loading"))
        dwpose = DWPose.find(folder)
        return cls(system, report, PlusSampling.released(variant), dwpose)

    def __call__(
        self,
        reference: ImageSource | Reference,
        driving: str | Path | DrivingSource,
        *,
        prompt: str | None = None,
        poses: str | Path | PoseSequence | None = None,
        frames: int | None = 81,
        stride: int = 1,
        start: float = 0.0,
        end: float | None = None,
        seed: int | None = None,
        box: Box | None = None,
        mask: str | Path | np.ndarray | None = None,
        settings: PlusSettings | None = None,
        retarget: RetargetSettings | None = None,
        size: tuple[int, int] | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        progress: Report | None = None,
    ) -> Animation:
        """Animate a character; arguments are as for `AnimateXPipeline`, but for the prompt.

        Args:
            reference: A file, a Pillow image, an array (h, w, 3) uint8 in RGB, or a `Reference`.
            driving: The driving video: a file, or open already.
            prompt: What is seen and how the background moves; None for that of the settings.
            poses: Poses of a driving file, or a file with them; None to detect them.
            frames: How many frames to use of a driving file, None for all.
            stride: Use one frame in how many.
            start: Where to begin, in seconds.
            end: Where to end, in seconds; None for the end of the file.
            seed: Of the noise.
            box: The box that the character fills, if no pose is detected in the reference.
            mask: A mask of the character, as an alternative to `box`.
            settings: None for `defaults`. What follows overrides them, and so do `prompt` and `seed`.
            retarget: How poses are transferred to the character.
            size: Width and height in pixels, multiples of 16.
            steps: Number of sampling steps.
            guidance: Guidance scale; 1 disables guidance.
            progress: Called as the work proceeds, instead of `report`.

        Returns:
            The animation; `save` writes it with the audio of the driving video.

        Raises:
            AnimateXError: An input cannot be used; the message says what to do.

        """
        runner = self if progress is None else replace(self, report=progress)
        settings = (settings or self.defaults).override(
            prompt=prompt, size=size, retarget=retarget, seed=seed, steps=steps, guidance=guidance
        )
        inputs = InputOptions(poses, frames, stride, start, end, box, mask)
        return runner.animate_files(reference, driving, inputs, settings)

    @property
    def defaults(self) -> PlusSettings:
        """The default settings of `__call__`."""
        return PlusSettings(sampling=self.sampling)

    @torch.no_grad()
    def conditions(
        self,
        reference: Reference,
        driving: DrivingSource,
        poses: PoseSequence,
        own_pose: PoseSequence | None,
        settings: PlusSettings,
    ) -> WanConditions:
        """Return the conditions of Wan's transformer, see `encode_conditions`; may raise OutOfMemory."""
        with reraise_oom(_too_large(settings.shape(len(poses)))):
            return encode_conditions(self.system, reference, driving, poses, own_pose, settings, self.report)

    @torch.no_grad()
    def sample(self, conditions: WanConditions, settings: PlusSampling) -> Tensor:
        """Sample latents (1, 16, f, h, w), in the dtype of the transformer, with the output of `conditions`.

        Raises:
            InvalidInput: The latents are not finite.
            OutOfMemory: The message says what to lower.
            AnimateXError: Another process failed.

        """
        self.share_sampling(conditions, settings)
        transformer, shape = self.system.transformer, conditions.shape
        inputs, negative = conditions.inputs, conditions.negative_context
        with (
            self.ranks.together(),
            reraise_oom(_too_large(shape)),
            on_device(transformer, self.system.device, self.system.working_bytes(shape)),
        ):
            report = partial(self.report, "sampling")
            latents = sample_clip(transformer, inputs, negative, shape, settings, report, self.ranks)
            return require_finite(latents)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> np.ndarray:
        """Decode latents (1, 16, f, h, w) to frames (4 (f - 1) + 1, height, width, 3) uint8 in RGB."""
        autoencoder = self.system.autoencoder
        with (
            reraise_oom("The frames do not fit into memory: use fewer frames, or lower width and height."),
            on_device(autoencoder.network, self.system.device),
        ):
            return to_uint8_frames(autoencoder.decode(latents, partial(self.report, "decoding"))[0])


def _too_large(shape: WanShape) -> str:
    size = f"{shape.frames} frames of {shape.width}x{shape.height}"
    return f"{size} do not fit into memory: use fewer frames, or lower width and height."
