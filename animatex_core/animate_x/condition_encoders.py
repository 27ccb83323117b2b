"""The condition encoders of the denoiser: images, latents, embeddings and keypoints.

Attribute names are those of the official checkpoint.
"""

from functools import partial

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .attention import KeyValue
from .blocks import SpatialTransformer
from .conditions import ConditionInputs, Conditions
from .config import DenoiserConfig
from .finer_grid import fold_images
from .image_conditions import ImageConditionEncoder, LatentConvolutions, average_pool, pixel_transformer
from .layers import LayerFactory
from .pose_indicator import KeypointEncoder, Resampler


class ConditionEncoders(nn.Module):
    """Base of the denoiser with its condition encoders. `encode` runs once per video.

    Args:
        config: Sizes of the network.
        layers: Creates the layers.

    """

    def __init__(self, config: DenoiserConfig, layers: LayerFactory) -> None:
        super().__init__()
        self.config = config
        concat, reference, factor = config.concat_channels, config.reference_channels, config.grid_factor
        context, hidden = config.context_dim, 4 * concat
        image_encoder = partial(
            ImageConditionEncoder, layers, hidden, pools_first=config.pools_pictures, grid_factor=factor
        )
        over_time = partial(pixel_transformer, layers, exists=config.has_temporal_layers(0))
        self.pre_image_condition = nn.Sequential(
            layers.linear(context, context), nn.SiLU(), layers.linear(context, context * config.image_tokens)
        )
        if config.ipi is not None:
            has_query = config.ipi.uses_keypoint_query
            self.pose_embedding_before = KeypointEncoder(layers, config.ipi) if has_query else None
            self.pose_embedding_after = Resampler(layers, config.ipi)
        self.local_image_embedding = image_encoder(concat)
        self.local_image_embedding_after = over_time(concat)
        self.dwpose_embedding = image_encoder(concat)
        self.dwpose_embedding_after = over_time(concat)
        pose_channels = reference if factor == 1 else concat
        self.randomref_pose2_embedding = image_encoder(pose_channels)
        self.randomref_pose2_embedding_after = over_time(pose_channels)
        self.randomref_embedding2 = LatentConvolutions(layers, config.latent_channels, hidden, reference)
        self.randomref_embedding_after2 = over_time(reference)

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
        return torch.cat([*parts, *self._puppet(inputs)], dim=1)

    def _puppet(self, inputs: ConditionInputs) -> list[Tensor]:
        """Return the alpha of the puppet, folded, if the network sees it, and its latents."""
        config, parts = self.config, []
        if config.shows_alpha:
            empty = _zeros(inputs, config.grid_factor**2)
            alpha = inputs.puppet_alpha
            parts.append(empty if alpha is None else empty + self._folded_alpha(alpha, inputs))
        if config.puppet:
            empty = _zeros(inputs, config.latent_channels)
            parts.append(empty if inputs.puppet_latents is None else empty + inputs.puppet_latents)
        return parts

    def _folded_alpha(self, alpha: Tensor, inputs: ConditionInputs) -> Tensor:
        pooled = average_pool(_frames(alpha), self._grid_size(inputs))
        video = rearrange(pooled, "(b f) c h w -> b c f h w", b=alpha.shape[0])
        return fold_images(video, self.config.grid_factor)

    def _image(self, inputs: ConditionInputs) -> Tensor:
        empty = self._empty_condition(inputs)
        if inputs.reference_image is None:
            return empty
        # Attention over identical frames equals attention over one of them, so it is encoded once.
        encoder = self.local_image_embedding, self.local_image_embedding_after
        return empty + self._encoded(*encoder, inputs.reference_image, inputs)

    def _pose(self, inputs: ConditionInputs) -> Tensor:
        empty = self._empty_condition(inputs)
        if inputs.pose_pictures is None:
            return empty
        encoder = self.dwpose_embedding, self.dwpose_embedding_after
        return empty + self._encoded(*encoder, inputs.pose_pictures[:, :, 1:], inputs)

    def _encoded(
        self, encoder: nn.Module, after: nn.Module, images: Tensor, inputs: ConditionInputs
    ) -> Tensor:
        """Encode images (b, 3, f, height, width) to (b, channels, f, h, w), with folded cells as channels."""
        frames = encoder(_frames(images), self._grid_size(inputs), inputs.text_context.dtype)
        return fold_images(after(frames, inputs.batch), self.config.grid_factor)

    def _grid_size(self, inputs: ConditionInputs) -> tuple[int, int]:
        height, width = inputs.shape.latent_size
        return self.config.grid_factor * height, self.config.grid_factor * width

    def _empty_condition(self, inputs: ConditionInputs) -> Tensor:
        return _zeros(inputs, self.config.concat_channels * self.config.grid_factor**2)

    def _reference(self, inputs: ConditionInputs) -> Tensor:
        size, batch, dtype = inputs.shape.latent_size, inputs.batch, inputs.text_context.dtype
        reference = inputs.text_context.new_zeros(batch, self.config.reference_channels, 1, *size)
        if inputs.reference_latents is None:
            return reference
        latents = self.randomref_embedding2(_frames(inputs.reference_latents))
        reference = reference + self.randomref_embedding_after2(latents, batch)
        if inputs.pose_pictures is not None:
            encoder = self.randomref_pose2_embedding, self.randomref_pose2_embedding_after
            pose = self._encoded(*encoder, inputs.pose_pictures[:, :, :1], inputs)
            reference = reference + self._among_channels(pose)
        if self.config.puppet:  # in its own pose the puppet of the reference is the reference itself
            ahead = self.config.reference_channels - self.config.latent_channels
            own = F.pad(inputs.reference_latents.to(dtype), (0, 0, 0, 0, 0, 0, ahead, 0))
            reference = reference + own
        return reference

    def _among_channels(self, pose: Tensor) -> Tensor:
        """Put the reference's encoded pose where a frame has its own; officially it has all channels."""
        config = self.config
        if config.grid_factor == 1:
            return pose
        ahead = config.reference_channels - config.puppet_channels - pose.shape[1]
        return F.pad(pose, (0, 0, 0, 0, 0, 0, ahead, config.puppet_channels))


def _zeros(inputs: ConditionInputs, channels: int) -> Tensor:
    return inputs.text_context.new_zeros(inputs.shape.latents(inputs.batch, channels))


def _frames(video: Tensor) -> Tensor:
    return rearrange(video, "b c f h w -> (b f) c h w")


def _scaled(features: Tensor, factor: float) -> Tensor:
    return features if factor == 1 else features * factor


def _motion_keys_values(layer: SpatialTransformer, tokens: Tensor, strength: float) -> KeyValue:
    assert layer.pose_attention is not None
    found = layer.pose_attention.keys_values(tokens)
    return KeyValue(found.key, _scaled(found.value, strength))
