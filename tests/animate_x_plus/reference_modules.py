"""Run cases of the kinds `plus_ipi` and `plus_pose_convs`: the added modules at their released sizes."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from animatex_core.animate_x.checkpoint_keys import from_official, official_keys
from animatex_core.animate_x.layers import LayerFactory
from animatex_core.animate_x.part_configs import IpiConfig
from animatex_core.animate_x.pose_indicator import KeypointEncoder
from animatex_core.animate_x_plus.conditions import pose_tokens
from animatex_core.animate_x_plus.config import PlusConfig
from animatex_core.animate_x_plus.modules import PlusInputs, PlusModules
from animatex_core.animate_x_plus.pose_indicator import MotionResampler, motion_tokens
from tests.support.reference_weights import weight

Numbers = Mapping[str, np.ndarray]
TOLERANCE = 1e-4


def filled(module: nn.Module, prefix: str = "") -> nn.Module:
    """Give a module built on the meta device the reference weights of its released names behind a prefix."""
    released = {
        key: torch.from_numpy(weight(prefix + key, shape)) for key, shape in official_keys(module).items()
    }
    module.load_state_dict(from_official(released), assign=True)
    return module.eval().requires_grad_(False)


def assert_close(actual: Tensor, expected: np.ndarray, tolerance: float = TOLERANCE) -> None:
    """Compare by the largest absolute difference."""
    assert tuple(actual.shape) == expected.shape
    assert np.abs(actual.numpy().astype(np.float64) - expected).max() <= tolerance


def check_ipi_case(numbers: Numbers, case: dict[str, Any]) -> None:
    """Keypoint encoder and resampler, with the keypoints as they are and as rounded by the release."""
    config = _ipi_config(numbers, case)
    assert config.ipi is not None
    layers = LayerFactory(device="meta")
    encoder = filled(KeypointEncoder(layers, config.ipi), "pose_embedding_before.")
    resampler = filled(MotionResampler(layers, config, config.ipi), "pose_embedding_after.")
    assert isinstance(resampler, MotionResampler)
    tolerance = case.get("tolerance", TOLERANCE)
    keypoints = torch.from_numpy(numbers["keypoints"])[None]
    features = torch.from_numpy(numbers["clip_features"])[None]
    if "encoder_out" in numbers:
        assert_close(encoder(keypoints), numbers["encoder_out"], tolerance)
    for name, given in {"out": keypoints, "out_bf16_keypoints": keypoints.bfloat16().float()}.items():
        if name in numbers:
            tokens = motion_tokens(encoder, resampler, given, features)
            assert_close(tokens.swapaxes(0, 1), numbers[name], tolerance)


def check_pose_convs_case(numbers: Numbers, case: dict[str, Any]) -> None:
    """Both stacks of convolutions on one clip."""
    dim, channels = numbers["dwpose_out"].shape[1], numbers["randomref_out"].shape[1]
    config = PlusConfig(dim=dim, reference_channels=channels)
    networks = PlusModules(config, device="meta")
    assert isinstance(filled(networks), PlusModules)
    picture = torch.from_numpy(numbers["ref_pose"]).permute(2, 0, 1)[None] / 255
    inputs = PlusInputs(torch.from_numpy(numbers["pose_video"])[None] / 255, picture)
    encoded, conditions = networks.dwpose_embedding(inputs.pose_video), networks.encode(inputs)
    tolerance = case.get("tolerance", TOLERANCE)
    assert_close(encoded, numbers["dwpose_out"], tolerance)
    assert_close(conditions.reference_map.unsqueeze(2), numbers["randomref_out"], tolerance)
    first = numbers["condition_first_tokens"]
    assert torch.equal(conditions.pose_tokens, pose_tokens(encoded))
    assert_close(conditions.pose_tokens[:, : first.shape[1]], first, tolerance)


def _ipi_config(numbers: Numbers, case: dict[str, Any]) -> PlusConfig:
    encoder, resampler = case["encoder"], case["resampler"]
    frames, mixed = map(int, re.findall(r"\d+", resampler["conv"].partition("(")[2])[:2])
    ipi = IpiConfig(
        width=encoder["d_model"],
        joints=encoder["input_dim"] // 2,
        tokens=1,
        clip_dim=resampler["embedding_dim"],
        encoder_layers=encoder["layers"],
        encoder_heads=encoder["nhead"],
        encoder_hidden=encoder["ff"],
        resampler_layers=resampler["depth"],
        resampler_heads=resampler["heads"],
        resampler_head_dim=resampler["dim_head"],
    )
    config = PlusConfig(dim=resampler["out"], ipi=ipi, window_frames=frames)
    assert config.window_latents == mixed
    return config
