"""Small modules, conditions and a small Wan of the reference weights."""

from functools import cache

import torch
from torch import Tensor, nn

from animatex_core.animate_x_plus.conditions import PlusConditions
from animatex_core.animate_x_plus.config import PlusConfig, WanConfig
from animatex_core.animate_x_plus.modules import PlusInputs, PlusModules
from animatex_core.animate_x_plus.wan.transformer import WanInputs, load_wan
from animatex_core.hub.models_dir import Variant
from tests.animate_x_plus.reference_modules import filled
from tests.animate_x_plus.reference_wan import wan_weights

WIDTH, HEIGHT, FRAMES = 32, 48, 9
WAN = WanConfig.tiny()
SIMPLE, FULL = PlusConfig.tiny("simple"), PlusConfig.tiny("full")
TINY = {"simple": SIMPLE, "full": FULL}


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def networks(variant: Variant = "full") -> PlusModules:
    module = filled(PlusModules(TINY[variant], device="meta"))
    assert isinstance(module, PlusModules)
    return module


def plus_inputs(frames: int = FRAMES) -> PlusInputs:
    video = drawn(1, 3, frames, HEIGHT, WIDTH).sigmoid()
    return PlusInputs(
        pose_video=video,
        reference_pose=video[:, :, -1],
        keypoints=drawn(1, frames, 2, 18, seed=1).sigmoid(),
        clip_features=drawn(1, frames, 64, seed=2),
    )


def conditions(variant: Variant = "full", frames: int = FRAMES) -> PlusConditions:
    return networks(variant).encode(plus_inputs(frames))


@cache
def wan() -> nn.Module:
    return load_wan(wan_weights(WAN), WAN, dtype=torch.float32)


def wan_inputs(plus: PlusConditions | None) -> WanInputs:
    return WanInputs(
        text_context=drawn(1, 512, 64, seed=3),
        clip_features=drawn(1, 257, 1280, seed=4),
        y=drawn(1, 20, 3, HEIGHT // 8, WIDTH // 8, seed=5),
        plus=plus,
    )
