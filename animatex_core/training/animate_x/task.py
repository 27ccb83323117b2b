"""The training task of Animate-X: the loss, the timesteps, and the exported denoiser."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from ...animate_x.checkpoint import DenoiserFile, write_denoiser
from ...animate_x.conditions import ConditionInputs, Conditions
from ...animate_x.training_spec import TrainingSpec
from ...animate_x.unet import AnimateXUNet
from ...diffusion.schedule import TIMESTEPS, NoiseSchedule
from ...errors import WrongCheckpoint
from ..loop.checkpoint import AVERAGE, TEXT_CONTEXT, Checkpoint
from ..loop.config import BatchKind
from ..loop.optimizer import checkpoint_layers
from .batches import Batch, DenoiserBatchMaker
from .config import LossConfig, TrainingConfig
from .network import start_unet

# Added to the puppet's error, so that a nearly perfect puppet does not count too much: that of latents, and
# that of the cells of a finer grid.
NO_ERROR, NO_CELL_ERROR = 0.01, 0.002


class DenoisingLoss(nn.Module):
    """The loss, which encodes conditions and denoises in one forward pass.

    For a network with a finer grid, errors are those of its cells, which are pixels in the small models.
    Their latents have the same variance in all channels, so most of an error of latents is not seen.

    Args:
        unet: The denoiser.
        channel_weights: Weight of each latent channel; empty for equal weights.
        relative: Whether to divide the error of each clip by that of its puppet.

    """

    def __init__(
        self, unet: AnimateXUNet, channel_weights: Sequence[float] = (), *, relative: bool = False
    ) -> None:
        super().__init__()
        self.unet, self.relative = unet, relative
        self.schedule = NoiseSchedule.released()
        self.channel_weights = torch.tensor(channel_weights).view(1, -1, 1, 1, 1) if channel_weights else None

    def forward(self, batch: Batch, noise: Tensor, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the loss of a batch, the mean squared error of v.

        Args:
            batch: The batch.
            noise: Noise in the shape of the latents.
            timesteps: (b,) int64 in 0..999.

        Returns:
            The loss, and the unweighted error (b,) of each clip without gradients.

        """
        conditions = Conditions.stack([self.unet.encode(group) for group in batch.groups])
        noised = self.schedule.noised(batch.latents, noise, timesteps)
        predicted = self.unet(noised, timesteps, conditions).float()
        errors = self._squared(predicted - self.schedule.v_from_noise(batch.latents, noise, timesteps))
        weighted = self._weighted(errors, batch)
        if self.relative:
            puppet_errors = self._squared(_puppets(batch.groups, batch.latents) - batch.latents)
            puppet_errors = self._weighted(puppet_errors, batch).mean((1, 2, 3, 4), keepdim=True)
            weighted = weighted / (puppet_errors + (NO_ERROR if self.unet.grid is None else NO_CELL_ERROR))
        return weighted.mean(), errors.detach().mean((1, 2, 3, 4))

    def _squared(self, difference: Tensor) -> Tensor:
        grid = self.unet.grid
        return (difference if grid is None else grid.split(difference)).square()

    def _weighted(self, errors: Tensor, batch: Batch) -> Tensor:
        weighted = errors if batch.weights is None else errors * batch.weights
        if self.channel_weights is not None:
            weighted = weighted * self.channel_weights.to(weighted.device)
        return weighted


def _puppets(groups: Sequence[ConditionInputs], latents: Tensor) -> Tensor:
    """Return the latents of the puppets; zeros for clips without one, as for the denoiser."""
    empty = [torch.zeros_like(latents[: group.batch]) for group in groups]
    given = [group.puppet_latents for group in groups]
    return torch.cat([none if one is None else one.float() for one, none in zip(given, empty, strict=True)])


def draw_noise(latents: Tensor, config: LossConfig) -> Tensor:
    """Draw noise like latents (b, c, f, h, w): standard normal plus an offset per channel and frame.

    Drawn on the CPU from torch's global generator, so that a seed gives the same noise on all devices.
    """
    noise = torch.randn(latents.shape)
    offset = torch.randn(*latents.shape[:3], 1, 1)
    return (noise + config.noise_offset * offset).to(latents.device)


def draw_timesteps(count: int, config: LossConfig) -> Tensor:
    """Draw timesteps (count,) int64 in 0..999 from torch's global generator, as `LossConfig` sets it."""
    quantiles = torch.rand(count, dtype=torch.float64) ** (1 / (1 + config.noise_emphasis))
    timesteps = (quantiles * TIMESTEPS).long().clamp(max=TIMESTEPS - 1)
    if config.pure_noise:
        timesteps[torch.rand(count) < config.pure_noise] = TIMESTEPS - 1
    return timesteps


@dataclass(frozen=True)
class DenoisingTask:
    """`TrainingTask` of the denoiser and the batches of a `BatchMaker`."""

    maker: DenoiserBatchMaker

    def build(self, *, resumed: bool) -> AnimateXUNet:
        """Build the denoiser; raises like `start_unet`."""
        config = self.maker.config
        unet = start_unet(replace(config, initial_weights=None) if resumed else config).train()
        if unet.grid is not None:
            unet.grid.requires_grad_(False)
        if torch.cuda.is_available():  # slower on a CPU
            unet.use_channels_last()
        if config.gradient_checkpointing:
            checkpoint_layers(unet)
        return unet

    def loss(self, network: nn.Module) -> DenoisingLoss:
        """Build the loss."""
        assert isinstance(network, AnimateXUNet)
        loss = self.maker.config.loss
        return DenoisingLoss(network, loss.channel_weights, relative=loss.relative)

    def sample_noise(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Draw noise and timesteps, int64 in 0..999."""
        loss, latents = self.maker.config.loss, batch.latents
        noise = draw_noise(latents, loss)
        return noise, draw_timesteps(len(latents), loss).to(latents.device)

    def set_trainable(self, network: nn.Module, kind: BatchKind) -> None:
        """Do nothing: all parameters are trained on all batches."""

    def constants(self) -> dict[str, Tensor]:
        """Return the text context, which is saved with the denoiser."""
        return {TEXT_CONTEXT: self.maker.dataset.text_context.float()}

    def trained_on(self) -> TrainingSpec:
        """Return the format of the training clips."""
        return self.maker.trained_on()


def export_denoiser(checkpoint: Checkpoint, target: str | Path, dtype: torch.dtype = torch.float16) -> None:
    """Write the averaged weights of a checkpoint as a denoiser file.

    Args:
        checkpoint: A checkpoint of an Animate-X training.
        target: The safetensors file to write.
        dtype: Data type of the weights.

    Raises:
        WrongCheckpoint: If the checkpoint is of another system.
        StorageError: If the file cannot be written.

    """
    write_denoiser(target, to_denoiser_file(checkpoint), dtype)


def to_denoiser_file(checkpoint: Checkpoint, source: str = "The checkpoint") -> DenoiserFile:
    """Convert a checkpoint to the content of a denoiser file.

    Args:
        checkpoint: The checkpoint.
        source: Name of the checkpoint, for the message.

    Returns:
        The content, with the averaged weights.

    Raises:
        WrongCheckpoint: If the checkpoint is of another system.

    """
    config = checkpoint.config
    if not isinstance(config, TrainingConfig):
        raise WrongCheckpoint(f"{source} is of a training of Animate-X++: give one of Animate-X.")
    assert checkpoint.trained_on is not None
    context = checkpoint.tensors[TEXT_CONTEXT]
    return DenoiserFile(config.model, checkpoint.under(AVERAGE), context, checkpoint.trained_on)
