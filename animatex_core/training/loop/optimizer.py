"""AdamW over two groups of parameters, each at its own learning rate."""

import torch
from torch import nn

from .config import OptimizerConfig

IPI = {"pose_embedding_before", "pose_embedding_after"}
"""The implicit pose indicator itself: keypoint encoder and resampler. The motion attention of each block,
through which the denoiser reads its tokens, counts as the denoiser's."""


def make_optimizer(network: nn.Module, config: OptimizerConfig, *, fused: bool) -> torch.optim.AdamW:
    """Return AdamW over two groups, the network and its implicit pose indicator, each at its own rate.

    fused: in one kernel. On a GPU the other form takes as much memory again as the weights for a moment.
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
