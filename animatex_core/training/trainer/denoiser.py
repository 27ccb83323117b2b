"""The denoiser of Animate-X as what learns: all of it, from every batch."""

from dataclasses import dataclass, replace

from torch import Tensor, nn

from ...model.trained_on import TrainedOn
from ...model.unet import AnimateXUNet
from .checkpoint import TEXT_CONTEXT
from .loss import DenoisingLoss, draw_noise, draw_timesteps
from .network import start_unet
from .recompute import recompute_layers
from .run_config import BatchKind
from .samples import Batch, BatchMaker


@dataclass(frozen=True)
class DenoiserLearner:
    """`Learner` of the denoiser and the batches of a `BatchMaker`."""

    maker: BatchMaker

    def start(self, *, resumed: bool) -> AnimateXUNet:
        """Build the denoiser; raises as `start_unet`."""
        config = self.maker.config
        unet = start_unet(replace(config, initial_weights=None) if resumed else config).train()
        unet.use_channels_last()
        if config.gradient_checkpointing:
            recompute_layers(unet)
        return unet

    def loss(self, network: nn.Module) -> DenoisingLoss:
        """Return the paper's loss."""
        assert isinstance(network, AnimateXUNet)
        return DenoisingLoss(network, self.maker.config.loss.channel_weights)

    def draw(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Draw noise and timesteps, int64 in 0..999."""
        loss, latents = self.maker.config.loss, batch.latents
        noise = draw_noise(latents, loss)
        return noise, draw_timesteps(len(latents), loss).to(latents.device)

    def choose(self, network: nn.Module, kind: BatchKind) -> None:
        """Let everything learn."""

    def constants(self) -> dict[str, Tensor]:
        """Return the text context, which goes along with the denoiser."""
        return {TEXT_CONTEXT: self.maker.dataset.text_context.float()}

    def trained_on(self) -> TrainedOn:
        """Return what the denoiser learns from these clips."""
        return self.maker.trained_on()
