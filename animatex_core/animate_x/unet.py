"""The denoiser: a 3D UNet that predicts v from noisy latents, a timestep and conditions.

Attribute names are those of the official checkpoint.
"""

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .attention import KeyValue
from .blocks import LevelBuilder, SpatialTransformer
from .conditions import BlockContext, ConditionInputs, Conditions
from .config import DenoiserConfig
from .cpu_layers import Conv2d, infers_on_cpu
from .image_conditions import ImageConditionEncoder, LatentConvolutions, PixelTransformer
from .layers import TORCH, LayerFactory, timestep_embedding
from .pose_indicator import KeypointEncoder, Resampler
from .puppet_condition import PuppetEstimate, estimate_from_puppet


class AnimateXUNet(nn.Module):
    """The 3D UNet of Animate-X. `encode` runs once per video, `forward` at every step.

    Args:
        config: Sizes of the network.
        operations: Namespace of layer classes: `layers.TORCH`, `layers.UNINITIALISED` or ComfyUI's.
        device: Where the weights are; "meta" to load them later.
        dtype: Type of the weights; None is torch's default.

    """

    def __init__(
        self,
        config: DenoiserConfig,
        operations: Any = TORCH,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        layers = LayerFactory(operations, device, dtype)
        self._build_condition_encoders(layers)
        self._build_levels(layers)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights."""
        return next(self.parameters()).dtype

    def use_channels_last(self) -> None:
        """Store the weights of the convolutions channels last, which is faster on tensor cores."""
        formats = {4: torch.channels_last, 5: torch.channels_last_3d}
        for parameter in self.parameters():
            if parameter.ndim in formats:
                parameter.data = parameter.data.contiguous(memory_format=formats[parameter.ndim])

    def _build_condition_encoders(self, layers: LayerFactory) -> None:
        config = self.config
        concat, reference = config.concat_channels, config.reference_channels
        context, hidden = config.context_dim, 4 * concat
        image_encoder = partial(ImageConditionEncoder, layers, hidden, pools_first=config.pools_pictures)
        self.pre_image_condition = nn.Sequential(
            layers.linear(context, context), nn.SiLU(), layers.linear(context, context * config.image_tokens)
        )
        if config.ipi is not None:
            has_query = config.ipi.uses_keypoint_query
            self.pose_embedding_before = KeypointEncoder(layers, config.ipi) if has_query else None
            self.pose_embedding_after = Resampler(layers, config.ipi)
        self.local_image_embedding = image_encoder(concat)
        self.local_image_embedding_after = PixelTransformer(layers, concat)
        self.dwpose_embedding = image_encoder(concat)
        self.dwpose_embedding_after = PixelTransformer(layers, concat)
        self.randomref_pose2_embedding = image_encoder(reference)
        self.randomref_pose2_embedding_after = PixelTransformer(layers, reference)
        self.randomref_embedding2 = LatentConvolutions(layers, config.latent_channels, hidden, reference)
        self.randomref_embedding_after2 = PixelTransformer(layers, reference)

    def _build_levels(self, layers: LayerFactory) -> None:
        config = self.config
        time = config.time_dim
        self.time_embed = nn.Sequential(
            layers.linear(config.channels, time), nn.SiLU(), layers.linear(time, time)
        )
        levels = LevelBuilder(layers, config)
        self.input_blocks = nn.ModuleList(levels.down())
        self.middle_block = levels.middle()
        self.output_blocks = nn.ModuleList(levels.up())
        channels = config.widths[0]
        self.out = nn.Sequential(
            layers.group_norm(config.norm_groups, channels),
            nn.SiLU(),
            layers.conv2d(channels, config.latent_channels, 3, padding=1),
        )

    def forward(self, x: Tensor, timesteps: Tensor, conditions: Conditions) -> Tensor:
        """Predict v.

        Args:
            x: Noisy latents, (b, latent_channels, f, h, w).
            timesteps: (b,) in 0..999.
            conditions: From `encode`.

        Returns:
            v, of the shape and dtype of x.

        """
        time = timestep_embedding(timesteps, self.config.channels).to(x.dtype)
        step = BlockContext(self.time_embed(time), conditions)
        estimate = self._puppet_estimate(x, timesteps, conditions)
        latents = x if estimate is None else estimate.correction.to(x.dtype)
        video = torch.cat([conditions.reference, torch.cat([latents, conditions.concat], dim=1)], dim=2)
        hidden = self._in_faster_layout(rearrange(video, "b c f h w -> (b f) c h w"))
        skips = []
        for block in self.input_blocks:
            hidden = block(hidden, step)
            skips.append(hidden)
        hidden = self.middle_block(hidden, step)
        for block in self.output_blocks:
            hidden = block(torch.cat([hidden, skips.pop()], dim=1), step)
        # The output layers treat each frame separately, so the reference frame is dropped before them.
        frames = rearrange(hidden, "(b f) c h w -> b f c h w", f=step.frames)[:, 1:]
        v = rearrange(self.out(frames.flatten(0, 1)), "(b f) c h w -> b c f h w", b=x.shape[0])
        return v if estimate is None else (v.float() + estimate.velocity).to(x.dtype)

    def _in_faster_layout(self, frames: Tensor) -> Tensor:
        """Return frames channels last where that is faster: in inference on a CPU, with our own layers."""
        if infers_on_cpu(frames) and isinstance(self.out[2], Conv2d):
            return frames.contiguous(memory_format=torch.channels_last)
        return frames

    def _puppet_estimate(self, x: Tensor, timesteps: Tensor, conditions: Conditions) -> PuppetEstimate | None:
        if not self.config.puppet:
            return None
        return estimate_from_puppet(x, conditions.concat[:, -self.config.latent_channels :], timesteps)

    def encode(self, inputs: ConditionInputs, pose_strength: float = 1.0) -> Conditions:
        """Encode the conditions of a video, including keys and values of all cross-attentions.

        Args:
            inputs: The conditions, on the device and in the dtype of the weights.
            pose_strength: Factor of the pose features, see `PoseStrength`.

        Returns:
            The encoded conditions.

        Raises:
            InvalidInput: The inputs do not fit this network.

        """
        inputs.validate_for(self.config)
        context, motion = self._context(inputs), self.motion_tokens(inputs)
        transformers = [module for module in self.modules() if isinstance(module, SpatialTransformer)]
        return Conditions(
            concat=self._concat(inputs, pose_strength),
            reference=self._reference(inputs),
            context=tuple(layer.keys_values(context) for layer in transformers),
            motion=()
            if motion is None
            else tuple(_motion_keys_values(layer, motion, pose_strength) for layer in transformers),
        )

    def motion_tokens(self, inputs: ConditionInputs) -> Tensor | None:
        """Return the tokens of the IPI, (b*(f+1), tokens, width), or None without IPI."""
        ipi = self.config.ipi
        if ipi is None:
            return None
        like, frames = inputs.text_context, inputs.shape.frames + 1
        keypoints, clip = inputs.keypoints, inputs.clip_features
        if keypoints is None:
            keypoints = like.new_zeros(inputs.batch, frames, 2, ipi.joints)
        if clip is None:
            clip = like.new_zeros(inputs.batch, frames, ipi.clip_dim)
        clip = rearrange(clip, "b f c -> (b f) 1 c")
        query = self.pose_embedding_before(keypoints) if self.pose_embedding_before is not None else None
        if ipi.variant == "clip_query":
            return self.pose_embedding_after(query, clip)
        return self.pose_embedding_after(clip, query)

    def _context(self, inputs: ConditionInputs) -> Tensor:
        text = inputs.text_context.expand(inputs.batch, -1, -1)
        tokens = self.config.image_tokens
        if inputs.image_embedding is None:
            image = text.new_zeros(inputs.batch, tokens, text.shape[2])
        else:
            image = self.pre_image_condition(inputs.image_embedding).view(-1, tokens, text.shape[2])
        return torch.cat([text, image], dim=1)

    def _concat(self, inputs: ConditionInputs, pose_strength: float) -> Tensor:
        image, pose = self._image(inputs), _scaled(self._pose(inputs), pose_strength)
        parts = [torch.cat([image, pose], dim=1) if self.config.separate_conditions else image + pose]
        if self.config.puppet:
            shape = inputs.shape.latents(inputs.batch, self.config.latent_channels)
            empty = inputs.text_context.new_zeros(shape)
            parts.append(empty if inputs.puppet_latents is None else empty + inputs.puppet_latents)
        return torch.cat(parts, dim=1)

    def _image(self, inputs: ConditionInputs) -> Tensor:
        empty = self._empty_condition(inputs)
        if inputs.reference_image is None:
            return empty
        # Attention over identical frames equals attention over one of them, so it is encoded once.
        images, size = _frames(inputs.reference_image), inputs.shape.latent_size
        frames = self.local_image_embedding(images, size, empty.dtype)
        return empty + self.local_image_embedding_after(frames, inputs.batch)

    def _pose(self, inputs: ConditionInputs) -> Tensor:
        empty = self._empty_condition(inputs)
        if inputs.pose_pictures is None:
            return empty
        images, size = _frames(inputs.pose_pictures[:, :, 1:]), inputs.shape.latent_size
        frames = self.dwpose_embedding(images, size, empty.dtype)
        return empty + self.dwpose_embedding_after(frames, inputs.batch)

    def _empty_condition(self, inputs: ConditionInputs) -> Tensor:
        channels, shape = self.config.concat_channels, inputs.shape
        return inputs.text_context.new_zeros(inputs.batch, channels, shape.frames, *shape.latent_size)

    def _reference(self, inputs: ConditionInputs) -> Tensor:
        size, batch, dtype = inputs.shape.latent_size, inputs.batch, inputs.text_context.dtype
        reference = inputs.text_context.new_zeros(batch, self.config.reference_channels, 1, *size)
        if inputs.reference_latents is None:
            return reference
        latents = self.randomref_embedding2(_frames(inputs.reference_latents))
        reference = reference + self.randomref_embedding_after2(latents, batch)
        if inputs.pose_pictures is not None:
            pose = self.randomref_pose2_embedding(_frames(inputs.pose_pictures[:, :, :1]), size, dtype)
            reference = reference + self.randomref_pose2_embedding_after(pose, batch)
        if self.config.puppet:  # in its own pose the puppet of the reference is the reference itself
            ahead = self.config.reference_channels - self.config.latent_channels
            own = F.pad(inputs.reference_latents.to(dtype), (0, 0, 0, 0, 0, 0, ahead, 0))
            reference = reference + own
        return reference


def _frames(video: Tensor) -> Tensor:
    return rearrange(video, "b c f h w -> (b f) c h w")


def _scaled(features: Tensor, factor: float) -> Tensor:
    return features if factor == 1 else features * factor


def _motion_keys_values(layer: SpatialTransformer, tokens: Tensor, strength: float) -> KeyValue:
    assert layer.pose_attention is not None
    found = layer.pose_attention.keys_values(tokens)
    return KeyValue(found.key, _scaled(found.value, strength))
