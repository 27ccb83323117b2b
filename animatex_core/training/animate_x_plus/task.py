"""The training task of Animate-X++: flow matching, and the parts of each task that learn."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ...animate_x.training_spec import TrainingSpec
from ...animate_x_plus.conditions import PlusConditions
from ...animate_x_plus.sampling import TIMESTEPS
from ...animate_x_plus.wan.transformer import WanInputs, predict
from ..loop.config import BatchKind
from . import trainable_parts
from .batches import PlusBatch
from .config import PlusTrainingConfig
from .network import PlusNetwork, frozen_transformer, recompute_blocks, start_network


class FlowLoss(nn.Module):
    """What learns and the transformer that it steers, in one module: both tasks ask the same.

    The mean squared error of the velocity noise - clip at (1 - sigma) * clip + sigma * noise, all timesteps
    alike. UniAnimate-DiT weighs them by a bell; neither the abstract nor the release speaks of it.
    """

    def __init__(self, network: PlusNetwork, transformer: Any) -> None:
        super().__init__()
        self.network, self.transformer = network, transformer
        network.lora.attach(transformer)

    def forward(self, batch: PlusBatch, noise: Tensor, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss, and the mean squared error of each clip (b,), without gradients.

        noise: like the latents; timesteps: (b,) float32 in 0..1000.
        """
        noised = mixed(batch.latents, noise, timesteps)
        inputs = WanInputs(batch.text_context, batch.clip_features, batch.y, self.conditions(batch))
        predicted = predict(self.transformer, noised, timesteps, inputs).float()
        errors = (predicted - (noise - batch.latents)).square()
        return errors.mean(), errors.detach().mean((1, 2, 3, 4))

    def conditions(self, batch: PlusBatch) -> PlusConditions | None:
        """Encode what a batch tells of poses, less what its clips go without; None without poses at all."""
        if batch.poses is None:
            return None
        encoded = self.network.added.encode(batch.poses)
        pose, reference, motion = batch.kept.unbind(1)
        tokens = encoded.motion_tokens
        return replace(
            encoded,
            pose_tokens=encoded.pose_tokens * pose[:, None, None],
            reference_map=encoded.reference_map * reference[:, None, None, None],
            motion_tokens=None if tokens is None else tokens * motion[:, None, None],
        )


def mixed(latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
    """Return latents (b, c, f, h, w) with their share of noise at timesteps (b,) in 0..1000."""
    sigmas = (timesteps / TIMESTEPS)[:, None, None, None, None]
    return (1 - sigmas) * latents + sigmas * noise


def draw_timesteps(count: int, shift: float) -> Tensor:
    """Draw timesteps (count,) float32 from torch's global state, as dense as the sampler's: shifted sigmas.

    The sigma of an even u in 0..1 is shift * u / (1 + (shift - 1) * u). UniAnimate-DiT draws from a thousand
    of them; these are any.
    """
    even = torch.rand(count)
    return TIMESTEPS * shift * even / (1 + (shift - 1) * even)


@dataclass(frozen=True)
class PlusTask:
    """`TrainingTask` of the added modules and the LoRA."""

    config: PlusTrainingConfig

    def build(self, *, resumed: bool) -> PlusNetwork:
        """Build what learns; raises as `start_network`."""
        return start_network(self.config, resumed=resumed)

    def loss(self, network: nn.Module) -> FlowLoss:
        """Return the loss of both tasks; raises as `frozen_transformer`."""
        assert isinstance(network, PlusNetwork)
        device = next(network.parameters()).device
        transformer = network.transformer or frozen_transformer(self.config, device)
        if self.config.gradient_checkpointing:
            recompute_blocks(transformer)
        return FlowLoss(network, transformer)

    def sample_noise(self, batch: PlusBatch) -> tuple[Tensor, Tensor]:
        """Draw noise, and timesteps in 0..1000; on the CPU, so that a seed means the same everywhere."""
        latents = batch.latents
        noise = torch.randn(latents.shape)
        timesteps = draw_timesteps(len(latents), self.config.shift)
        return noise.to(latents.device), timesteps.to(latents.device)

    def set_trainable(self, network: nn.Module, kind: BatchKind) -> None:
        """Let the parts learn that learn from the batch's task."""
        trainable_parts.set_trainable(network, self.config.trains.parts(kind.task_name))

    def constants(self) -> dict[str, Tensor]:
        """Return nothing: the empty prompt belongs to the text encoder."""
        return {}

    def trained_on(self) -> TrainingSpec | None:
        """Return nothing: the released form does not tell."""
        return None
