"""AdamW with a learning rate of its own for the implicit pose indicator."""

import torch
from torch import nn

from .config import OptimizerConfig

IPI = {"pose_embedding_before", "pose_embedding_after"}
"""Keypoint encoder and resampler of the implicit pose indicator. The motion attention in each block, which
reads their tokens, uses the learning rate of the denoiser."""


def make_optimizer(network: nn.Module, config: OptimizerConfig, *, fused: bool) -> torch.optim.AdamW:
    """Build AdamW with one parameter group for the implicit pose indicator and one for the rest.

    Args:
        network: The trained parameters.
        config: The settings.
        fused: Whether to use the fused kernel. The other implementation briefly needs as much memory as the
            weights on a GPU.

    Returns:
        The optimizer. Each group has its base learning rate under "rate".

    """
    others: list[nn.Parameter] = []
    indicator: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        (others if IPI.isdisjoint(name.split(".")) else indicator).append(parameter)
    groups = [
        {"params": others, "rate": config.learning_rate},
        {"params": indicator, "rate": config.learning_rate_ipi},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        betas=config.betas,
        weight_decay=config.weight_decay,
        fused=fused,
        foreach=not fused,
    )
