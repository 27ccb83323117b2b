"""The denoiser as a native MODEL of ComfyUI: frames ride in the batch of a LATENT."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from comfy.latent_formats import SD15, LatentFormat
from comfy.model_base import BaseModel, ModelType
from comfy.model_management import throw_exception_if_processing_interrupted
from comfy.supported_models_base import BASE
from einops import rearrange
from torch import Tensor

from ...animatex_core.animate_x.conditions import ConditionInputs, Conditions
from ...animatex_core.animate_x.config import DenoiserConfig
from ...animatex_core.animate_x.shapes import ClipShape, activation_bytes
from ...animatex_core.animate_x.training_spec import RELEASED, TrainingSpec
from ...animatex_core.animate_x.unet import AnimateXUNet
from ...animatex_core.diffusion.long_clips import windowed
from ...animatex_core.diffusion.solvers import Denoiser
from ...animatex_core.encoders.autoencoder import LATENT_SCALE
from ...animatex_core.errors import InvalidInput
from .conditions import CONDITION, WINDOWS, clip_condition, zeroed_out
from .encoded import EncodedClip, check_latents, check_whole, encoded, memory_shape, spans_of
from .fit import fitted
from .patches import check_patches


class AnimateXConfig(BASE):
    """What ComfyUI wants to know of the model: v-prediction, zero terminal SNR, latents of SD 1.5's form."""

    unet_extra_config: dict[str, Any] = {}  # noqa: RUF012 - as ComfyUI declares it
    sampling_settings = {  # noqa: RUF012
        "beta_schedule": "linear",
        "linear_start": 0.00085,
        "linear_end": 0.012,
        "timesteps": 1000,
        "zsnr": True,
    }
    latent_format = SD15
    supported_inference_dtypes = [torch.bfloat16, torch.float16, torch.float32]  # noqa: RUF012

    def __init__(self, denoiser: DenoiserConfig) -> None:
        super().__init__({"config": denoiser})
        if denoiser.latent_channels != SD15.latent_channels:
            self.latent_format = WideLatents(denoiser.latent_channels)


class WideLatents(LatentFormat):
    """Latents of other channels than those of SD 1.5, scaled alike; without colours for previews."""

    scale_factor = LATENT_SCALE

    def __init__(self, channels: int) -> None:
        self.latent_channels = channels


class HostedUNet(AnimateXUNet):
    """The denoiser, called as ComfyUI calls its networks; built without memory for its weights."""

    def __init__(self, config: DenoiserConfig, operations: Any, dtype: torch.dtype, device: object) -> None:
        super().__init__(config, operations, "meta", dtype)
        self._dtype = dtype

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights where they compute; in memory they may be as their file has them."""
        return self._dtype

    def forward(
        self,
        x: Tensor,
        timesteps: Tensor,
        context: None = None,
        control: None = None,
        transformer_options: Mapping[str, Any] | None = None,
        *,
        animatex: Conditions,
    ) -> Tensor:
        """Predict v (b*f, c, h, w) from noisy latents of that shape and a timestep for each of them."""
        clips = _clips(x, animatex.batch)
        return _frames(super().forward(clips, timesteps.view(animatex.batch, -1)[:, 0], animatex))


class AnimateXModel(BaseModel):
    """ComfyUI's wrapper of the denoiser.

    text_context: what the model's file holds of the text encoder's answer to "", or None. trained_on: what it
    says of the training.
    """

    def __init__(
        self, config: AnimateXConfig, text_context: Tensor | None, trained_on: TrainingSpec = RELEASED
    ) -> None:
        super().__init__(config, ModelType.V_PREDICTION, unet_model=HostedUNet)
        self.text_context, self.trained_on = text_context, trained_on
        self.run: list[EncodedClip] = []

    @property
    def denoiser(self) -> DenoiserConfig:
        """Sizes of the network."""
        return self.model_config.unet_config["config"]

    @property
    def compute_dtype(self) -> torch.dtype:
        """What the network computes in, whatever its weights are stored in."""
        return self.manual_cast_dtype or self.get_dtype()

    def extra_conds(self, **kwargs: Any) -> dict[str, EncodedClip]:
        """Encode what a conditioning tells; ComfyUI asks once a run and pass, with the model loaded."""
        condition = zeroed_out(clip_condition(kwargs), kwargs.get("cross_attn"))
        check_latents(condition.inputs.shape, kwargs["noise"].shape, self.denoiser.latent_channels)
        encode = partial(self._encode, device=kwargs["device"])
        clip = encoded(condition, kwargs.get(WINDOWS), encode)
        self.run.append(clip)
        return {CONDITION: clip}

    def forget_run(self) -> None:
        """Drop what was encoded for a run: whoever still holds the run's conditioning holds no tensors."""
        for clip in self.run:
            clip.encodings.clear()
        self.run.clear()

    def _encode(self, inputs: ConditionInputs, device: torch.device) -> Conditions:
        told = fitted(inputs, self.text_context, self.denoiser)
        told.check_finite()
        return self.diffusion_model.encode(told.to(device, self.compute_dtype))

    def _apply_model(
        self,
        x: Tensor,
        t: Tensor,
        c_concat: None = None,
        c_crossattn: None = None,
        control: object = None,
        transformer_options: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Tensor:
        if control is not None:
            raise InvalidInput("Animate-X cannot follow a ControlNet: take it out of the conditioning.")
        options = transformer_options or {}
        check_patches(options)
        passes: list[EncodedClip] = kwargs.pop(CONDITION)
        check_whole(passes[0].shape, len(passes), x.shape, self.denoiser.latent_channels)
        apply = partial(super()._apply_model, transformer_options=options, **kwargs)

        def window(index: int) -> Denoiser:
            def denoise(clips: Tensor, sigmas: Tensor) -> Tensor:
                throw_exception_if_processing_interrupted()  # a step of a long clip takes its time
                told = Conditions.stack([each.encodings[index].to(x.device) for each in passes])
                frames = apply(_frames(clips), sigmas.repeat_interleave(told.frames), **{CONDITION: told})
                return _clips(frames, len(passes))

            return denoise

        spans = passes[0].spans
        blended = windowed([window(index) for index in range(len(spans))], spans, passes[0].weights)
        return _frames(blended(_clips(x, len(passes)), t.view(len(passes), -1)[:, 0]))

    def extra_conds_shapes(self, **kwargs: Any) -> dict[str, list[int]]:
        """Tell, before anything is loaded or encoded, what `memory_required` will be asked with."""
        if CONDITION not in kwargs:
            return {}
        shape = clip_condition(kwargs).inputs.shape
        return {CONDITION: memory_shape(shape, spans_of(shape, kwargs.get(WINDOWS)))}

    def memory_required(
        self, input_shape: Sequence[int], cond_shapes: Mapping[str, list[list[int]]] | None = None
    ) -> int:
        """Estimate the bytes that one call takes beside the weights: for a window, where there are such."""
        batch, _, height, width = input_shape
        frames, at_once = max((cond_shapes or {}).get(CONDITION) or [[batch, batch]])
        shape = ClipShape(8 * width, 8 * height, at_once, num_downsamples=0)
        clips = max(1, batch // frames)
        return activation_bytes(self.denoiser, shape, self.compute_dtype, clips)


def _clips(frames: Tensor, clips: int) -> Tensor:
    return rearrange(frames, "(b f) c h w -> b c f h w", b=clips)


def _frames(clips: Tensor) -> Tensor:
    return rearrange(clips, "b c f h w -> (b f) c h w")
