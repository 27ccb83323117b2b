"""The denoiser as a native MODEL of ComfyUI. A video is a LATENT batch, one frame per item."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import torch
from comfy.latent_formats import SD15, LatentFormat
from comfy.model_base import BaseModel, ModelType
from comfy.model_management import throw_exception_if_processing_interrupted
from comfy.model_patcher import ModelPatcher
from comfy.supported_models_base import BASE
from einops import rearrange
from torch import Tensor

from ...animatex_core.animate_x.conditions import ConditionInputs, Conditions
from ...animatex_core.animate_x.config import DenoiserConfig
from ...animatex_core.animate_x.shapes import ClipShape, activation_bytes
from ...animatex_core.animate_x.training_spec import RELEASED, TrainingSpec
from ...animatex_core.animate_x.unet import AnimateXUNet
from ...animatex_core.diffusion.alternating_windows import Layout, nearest_step
from ...animatex_core.diffusion.closed_windows import blend_spans
from ...animatex_core.diffusion.long_clips import Span
from ...animatex_core.diffusion.solvers import Denoiser
from ...animatex_core.encoders.autoencoder import LATENT_SCALE
from ...animatex_core.errors import InvalidInput
from .conditioning import (
    CONDITION,
    WINDOWS,
    CONDAnimateX,
    apply_zero_out,
    check_all_frames,
    check_latents,
    encode_condition,
    get_clip_condition,
    match_to_model,
    memory_shape,
    window_layouts,
)


class AnimateXConfig(BASE):
    """The model's settings for ComfyUI: v-prediction, zero terminal SNR, the latent format of SD 1.5."""

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
            self.latent_format = CustomLatents(denoiser.latent_channels)


class CustomLatents(LatentFormat):
    """Latents with another number of channels than SD 1.5 but the same scale, without preview colors."""

    scale_factor = LATENT_SCALE

    def __init__(self, channels: int) -> None:
        self.latent_channels = channels


class ComfyUNet(AnimateXUNet):
    """The denoiser with the call signature of ComfyUI's networks, built on the meta device."""

    def __init__(self, config: DenoiserConfig, operations: Any, dtype: torch.dtype, device: object) -> None:
        super().__init__(config, operations, "meta", dtype)
        self._dtype = dtype

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the weights when they compute; in memory they may have the dtype of their file."""
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
        """Predict v (b*f, c, h, w) from noisy latents of that shape with one timestep per frame."""
        videos = _to_videos(x, animatex.batch)
        return _to_frames(super().forward(videos, timesteps.view(animatex.batch, -1)[:, 0], animatex))


class AnimateXModel(BaseModel):
    """ComfyUI's wrapper of the denoiser.

    Attributes:
        text_context: The embedding of the empty text from the model's file, None if it has none.
        trained_on: The training settings stored in the file.
        active_conds: The encoded conditions of the current run.

    """

    def __init__(
        self, config: AnimateXConfig, text_context: Tensor | None, trained_on: TrainingSpec = RELEASED
    ) -> None:
        super().__init__(config, ModelType.V_PREDICTION, unet_model=ComfyUNet)
        self.text_context, self.trained_on = text_context, trained_on
        self.active_conds: list[CONDAnimateX] = []

    @property
    def denoiser(self) -> DenoiserConfig:
        """Sizes of the network."""
        return self.model_config.unet_config["config"]

    @property
    def compute_dtype(self) -> torch.dtype:
        """The dtype in which the network computes, whatever its weights are stored in."""
        return self.manual_cast_dtype or self.get_dtype()

    def extra_conds(self, **kwargs: Any) -> dict[str, CONDAnimateX]:
        """Encode a conditioning; ComfyUI calls this once per run and pass, with the model loaded."""
        condition = apply_zero_out(get_clip_condition(kwargs), kwargs.get("cross_attn"))
        check_latents(condition.inputs.shape, kwargs["noise"].shape, self.denoiser.latent_channels)

        def encode(inputs: ConditionInputs, pose_strength: float) -> Conditions:
            matched = match_to_model(inputs, self.text_context, self.denoiser)
            matched.check_finite()
            moved = matched.to(kwargs["device"], self.compute_dtype)
            return self.diffusion_model.encode(moved, pose_strength)

        cond = encode_condition(condition, kwargs.get(WINDOWS), encode)
        self.active_conds.append(cond)
        return {CONDITION: cond}

    def clear_conds(self) -> None:
        """Free the encoded conditions of a run, even if its conditioning is still referenced."""
        for cond in self.active_conds:
            cond.encodings.clear()
        self.active_conds.clear()

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
            raise InvalidInput("Animate-X does not support ControlNet: remove it from the conditioning.")
        options = transformer_options or {}
        check_patches(options)
        passes: list[CONDAnimateX] = kwargs.pop(CONDITION)
        check_all_frames(passes[0].shape, len(passes), x.shape, self.denoiser.latent_channels)
        apply = partial(super()._apply_model, transformer_options=options, **kwargs)

        @cache
        def timestep() -> float:  # only asked where poses are used for a part, since it waits for the device
            return float(self.model_sampling.timestep(t[:1]).item())

        def window(span: Span) -> Denoiser:
            def denoise(videos: Tensor, sigmas: Tensor) -> Tensor:
                throw_exception_if_processing_interrupted()  # a step of a long video takes a while
                conds = Conditions.stack([each.encoding(span, timestep).to(x.device) for each in passes])
                if self.current_patcher is not None and self.current_patcher.current_hooks is not None:
                    conds = replace(conds, kept=())  # a scheduled LoRA changes the weights between steps
                each_sigma = sigmas.repeat_interleave(conds.frames)
                return _to_videos(apply(_to_frames(videos), each_sigma, **{CONDITION: conds}), len(passes))

            return denoise

        layout = _layout_of_step(passes[0].layouts, options, t)
        windows = [window(span) for span in layout]
        blended = blend_spans(windows, layout, passes[0].shape.frames, passes[0].weights)
        return _to_frames(blended(_to_videos(x, len(passes)), t.view(len(passes), -1)[:, 0]))

    def extra_conds_shapes(self, **kwargs: Any) -> dict[str, list[int]]:
        """Return what `memory_required` needs, before anything is loaded or encoded."""
        if CONDITION not in kwargs:
            return {}
        shape = get_clip_condition(kwargs).inputs.shape
        return {CONDITION: memory_shape(shape, window_layouts(shape, kwargs.get(WINDOWS)))}

    def memory_required(
        self, input_shape: Sequence[int], cond_shapes: Mapping[str, list[list[int]]] | None = None
    ) -> int:
        """Estimate the bytes of one call besides the weights; for long videos, those of one window."""
        batch, _, height, width = input_shape
        frames, at_once = max((cond_shapes or {}).get(CONDITION) or [[batch, batch]])
        shape = ClipShape(8 * width, 8 * height, at_once, num_downsamples=0)
        videos = max(1, batch // frames)
        return activation_bytes(self.denoiser, shape, self.compute_dtype, videos)


def require_animatex(model: ModelPatcher) -> AnimateXModel:
    """Return the model of a MODEL; raises InvalidInput unless it is Animate-X."""
    if not isinstance(model.model, AnimateXModel):
        raise InvalidInput("The MODEL is not Animate-X: connect the MODEL of Load Animate-X Model.")
    return model.model


def check_patches(transformer_options: Mapping[str, Any]) -> None:
    """Raise InvalidInput if a node patched layers, which Animate-X's network would ignore.

    Perturbed-attention and self-attention guidance, HyperTile, token merging and Kohya Deep Shrink do so.
    """
    kinds = [transformer_options.get(kind) or {} for kind in ("patches", "patches_replace")]
    named = {name for patched in kinds for name, patches in patched.items() if patches}
    if named:
        raise InvalidInput(
            f"A node patched {', '.join(sorted(named))} of the MODEL, which Animate-X's network does not "
            "have: remove nodes such as attention guidance, HyperTile or token merging before the sampler."
        )


def _layout_of_step(layouts: Sequence[Layout], options: Mapping[str, Any], sigmas: Tensor) -> Layout:
    """Return the windows of the step that is nearest to the sigma, of those that ComfyUI samples."""
    if len(layouts) == 1:
        return layouts[0]
    step = nearest_step(options["sample_sigmas"].to(sigmas.device), sigmas[0].item())
    return layouts[step % len(layouts)]


def _to_videos(frames: Tensor, videos: int) -> Tensor:
    return rearrange(frames, "(b f) c h w -> b c f h w", b=videos)


def _to_frames(videos: Tensor) -> Tensor:
    return rearrange(videos, "b c f h w -> (b f) c h w")
