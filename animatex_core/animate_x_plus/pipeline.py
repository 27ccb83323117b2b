"""The whole way of Animate-X++: from a picture of a character, a dance and a text to the frames of a clip."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..animate_x.animation import Animation, DrivingSource, Report, all_frames, no_report, open_inputs
from ..animate_x.conditioning import encode_motion, warn_of_stretching
from ..animate_x.sampling import require_finite
from ..animate_x.shapes import ClipShape
from ..driving import DrivingClip
from ..errors import warn
from ..hub.catalogue import default_models_folder
from ..hub.models_dir import PLUS_MODULES, ModelsDir
from ..pose.dwpose import DWPose
from ..pose.keypoints import PoseSequence
from ..reference import ImageSource, Reference
from ..retarget.character import Box
from ..retarget.retarget import retarget_with_plan
from ..utils.devices import choose_device, choose_dtype, reraise_oom
from ..utils.validation import require_file
from .checkpoint import read_plus
from .components import AnimateXPlus, PlusFiles, load_animate_x_plus, on_device
from .conditions import PlusConditions
from .config import VARIANTS
from .modules import PlusInputs
from .preprocessing import (
    JPEG_QUALITY,
    inputs_from_poses,
    reference_video,
    select_frames,
    stretch_reference,
    to_uint8_frames,
    wan_clip_image,
    with_mask_channels,
)
from .sampling import PlusSampling, sample_clip
from .settings import PlusSettings
from .shapes import WanShape
from .wan.transformer import WanInputs


@dataclass(frozen=True)
class AnimateXPlusPipeline:
    """Animates characters in front of a background that follows a prompt.

    `pipeline(reference, driving, prompt=...)` does everything; `animate` does the same with open inputs.

    Attributes:
        system: The models.
        report: Called as the work proceeds.
        sampling: The default settings of `__call__`.
        dwpose: Detects poses that `__call__` is not given.

    """

    system: AnimateXPlus
    report: Report = no_report
    sampling: PlusSampling = field(default_factory=PlusSampling)
    dwpose: DWPose = field(default_factory=DWPose)

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
        folder = ModelsDir(default_models_folder() if models_dir is None else Path(models_dir))
        path = _modules_file(model, folder)
        variant = read_plus(path).config.variant
        if wan is not None:
            require_file(Path(wan), "Wan transformer")
        files = PlusFiles.find(folder, path, variant, None if wan is None else Path(wan))
        place = choose_device(device)
        system = load_animate_x_plus(files, choose_dtype(precision, place), place, partial(report, "loading"))
        dwpose = DWPose(*(folder.find_pose_files() or (None, None)))
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
    ) -> Animation:
        """Animate a character; arguments as for `AnimateXPipeline`, and a prompt.

        Args:
            reference: A file, a Pillow image, an array (h, w, 3) uint8 in RGB, or a `Reference`.
            driving: The driving video: a file, or open already.
            prompt: What is seen and how the background moves; None for that of the settings.
            poses: Of a driving file: its poses or a file with them; None to detect them.
            frames: Of a driving file: how many frames to use, None for all.
            stride: Of a driving file: one frame in how many.
            start: Of a driving file: where to begin, in seconds.
            end: Of a driving file: where to end, in seconds; None for its end.
            seed: Of the noise; None for that of the settings.
            box: The box that the character fills, if no pose is detected in the reference.
            mask: A mask of the character, as an alternative to `box`.
            settings: None for `self.sampling` and otherwise defaults.

        Returns:
            The animation; `save` writes it with the audio of the driving video.

        Raises:
            AnimateXError: An input cannot be used; the message says what to do.

        """
        settings = PlusSettings(sampling=self.sampling) if settings is None else settings
        if prompt is not None:
            settings = replace(settings, prompt=prompt)
        if seed is not None:
            settings = replace(settings, sampling=replace(settings.sampling, seed=seed))
        inputs = open_inputs(
            reference,
            driving,
            dwpose=self.dwpose,
            detect_own_pose=settings.retarget.mode != "none",
            poses=poses,
            frames=frames,
            stride=stride,
            start=start,
            end=end,
            box=box,
            mask=mask,
            progress=partial(self.report, "poses"),
        )
        return self.animate(*inputs, settings)

    @torch.no_grad()
    def animate(self, reference: Reference, dance: DrivingSource, settings: PlusSettings) -> Animation:
        """Animate a character whose inputs are open already.

        The last driving frame is repeated until there are 4n + 1 frames.

        Args:
            reference: The character.
            dance: The driving frames with their poses.
            settings: The settings.

        Returns:
            The animation.

        Raises:
            InvalidInput: Sizes or settings are not possible.
            OutOfMemory: The message says what to lower.

        """
        shape = settings.shape(len(dance.poses))
        warn_of_stretching(reference.picture, ClipShape(shape.width, shape.height, num_downsamples=1))
        frames = _filled_up(len(dance.poses), shape.frames)
        retargeted = retarget_with_plan(dance.poses, reference.character, settings.retarget)
        poses = retargeted.poses.select(frames)
        drawn = _drawn(poses, retargeted.own_pose, dance.poses, shape, settings)
        size = f"{shape.frames} frames of {shape.width}x{shape.height}"
        with reraise_oom(f"{size} do not fit into memory: take fewer frames, or lower width and height."):
            shown = self._frames(reference.picture, self._with_motion(drawn, dance, frames), shape, settings)
        source = dance if isinstance(dance, DrivingClip) else None
        return Animation(shown, poses, retargeted.plan.description, source)

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
        shown = stretch_reference(picture, shape.width, shape.height)
        with on_device(system.image_encoder.network, system.device):
            features = system.image_encoder.encode(wan_clip_image(shown))
        with on_device(system.autoencoder.network, system.device):
            latents = system.autoencoder.encode(reference_video(shown, shape.frames))
        return WanInputs(text, self._placed(features), self._placed(with_mask_channels(latents)), plus)

    def _sample(self, inputs: WanInputs, negative: Tensor, shape: WanShape, settings: PlusSampling) -> Tensor:
        transformer, report = self.system.transformer, partial(self.report, "sampling")
        with on_device(transformer, self.system.device, self.system.working_bytes(shape)):
            return require_finite(sample_clip(transformer, inputs, negative, shape, settings, report))

    def _decode(self, latents: Tensor) -> np.ndarray:
        autoencoder = self.system.autoencoder
        with on_device(autoencoder.network, self.system.device):
            return to_uint8_frames(autoencoder.decode(latents, partial(self.report, "decoding"))[0])

    def _placed(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.system.device, self.system.dtype)


def _modules_file(model: str | Path, folder: ModelsDir) -> Path:
    variant = next((variant for variant in VARIANTS if variant == model), None)
    if variant is not None:
        return folder.find_plus(variant) or folder.require(PLUS_MODULES[variant])
    require_file(Path(model), "model")
    return Path(model)


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
    return select_frames(frames, wanted=wanted)
