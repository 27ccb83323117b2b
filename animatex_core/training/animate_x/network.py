"""Builds and initialises the denoiser for training."""

import math

import torch
from torch import nn

from ...animate_x.blocks import MotionAttention, ResidualBlock, SpatialTransformer
from ...animate_x.checkpoint import read_denoiser
from ...animate_x.image_conditions import ImageConditionEncoder, LatentConvolutions, PixelTransformer
from ...animate_x.pose_indicator import Resampler
from ...animate_x.temporal import Mamba, TemporalTransformer
from ...animate_x.unet import AnimateXUNet
from ...checkpoints.validation import load_strictly
from ...errors import WrongCheckpoint
from ..loop.batch_schedule import Stream, seed_torch
from .config import TrainingConfig

IMAGE_GAIN = 4.0
"""Brings the features of poses, which are thin lines in images of 0..1, to about the scale of latents."""

MIN_TIME_STEP, MAX_TIME_STEP = 1e-3, 1e-1  # range of the initial time steps of Mamba's channels


def start_unet(config: TrainingConfig) -> AnimateXUNet:
    """Build the denoiser in float32, from `initial_weights` or at random from the seed.

    Args:
        config: The training configuration.

    Returns:
        The denoiser on the CPU.

    Raises:
        CheckpointError: If the file cannot be used or has other sizes.

    """
    if config.initial_weights is None:
        seed_torch(config.seed, Stream.WEIGHTS)
        unet = AnimateXUNet(config.model)
        initialise(unet)
        return unet
    file = read_denoiser(config.initial_weights, config.model)
    if file.config != config.model:
        raise WrongCheckpoint(
            f"{config.initial_weights} holds a denoiser of other sizes than the configuration: set model to "
            "its sizes, or remove initial_weights."
        )
    unet = AnimateXUNet(config.model, device="meta")
    tensors = {name: tensor.float().clone() for name, tensor in file.tensors.items()}
    return load_strictly(unet, tensors, "the denoiser", config.initial_weights).requires_grad_(True)


@torch.no_grad()
def initialise(unet: AnimateXUNet) -> None:
    """Initialise a denoiser. Residual branches and the output start at zero, as usual for diffusion UNets.

    Mamba is initialised as by Gu and Dao (2023), the resampler's latents as in Perceiver, and the
    convolutions of images as by He et al. (2015). With torch's default, only a thirtieth of a pose drawn on
    black would get through, which stays below the noise for thousands of steps.
    """
    _zero(unet.out[-1])
    _initialise_stems(unet)
    for module in unet.modules():
        if isinstance(module, ResidualBlock):
            _zero(module.out_layers[-1])
            if module.temopral_conv is not None:
                _zero(module.temopral_conv.get_submodule("conv4")[-1])  # type: ignore[index]  # a Sequential
        elif isinstance(module, TemporalTransformer | SpatialTransformer):
            _zero(module.proj_out)
        elif isinstance(module, MotionAttention):
            _zero(module.proj_out_p)
        elif isinstance(module, Mamba):
            _initialise_mamba(module)
        elif isinstance(module, Resampler) and module.latents is not None:
            weight = module.latents.get_parameter("weight")
            nn.init.normal_(weight, std=weight.shape[1] ** -0.5)


def _initialise_stems(unet: AnimateXUNet) -> None:
    for module in unet.modules():
        if isinstance(module, LatentConvolutions):
            _keep_variance(module)
        elif isinstance(module, ImageConditionEncoder):
            _keep_variance(module)
            module[-1].get_parameter("weight").mul_(IMAGE_GAIN)
        elif isinstance(module, PixelTransformer):
            attention, feed_forward = module.get_submodule("layers.0").children()
            _zero(attention.get_submodule("fn.to_out.0"))
            _zero(feed_forward.get_submodule("net.2"))


def _keep_variance(stem: nn.Module) -> None:
    for layer in stem.children():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)


def _zero(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def _initialise_mamba(mamba: Mamba) -> None:
    rates = torch.arange(1, mamba.state + 1, dtype=torch.float32).log()
    mamba.A_log.get_parameter("weight").copy_(rates.expand(mamba.inner, -1))
    nn.init.ones_(mamba.D.get_parameter("weight"))
    exponents = torch.rand(mamba.inner) * math.log(MAX_TIME_STEP / MIN_TIME_STEP) + math.log(MIN_TIME_STEP)
    steps = exponents.exp()
    # The inverse of the softplus that is applied to the bias.
    mamba.dt_proj.get_parameter("bias").copy_(steps + torch.log(-torch.expm1(-steps)))
    nn.init.uniform_(mamba.dt_proj.get_parameter("weight"), -(mamba.rank**-0.5), mamba.rank**-0.5)
