"""How to run a case of reference numbers, by its kind. A runner asserts that the numbers agree."""

import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from animatex_core.animate_x.checkpoint_keys import from_official, official_keys
from animatex_core.animate_x.conditions import ConditionInputs
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.layers import LayerFactory, position_table
from animatex_core.animate_x.part_configs import IpiConfig
from animatex_core.animate_x.pose_indicator import KeypointEncoder, Resampler
from animatex_core.animate_x.shapes import ClipShape
from animatex_core.animate_x.unet import AnimateXUNet
from animatex_core.diffusion.guidance import Guidance, with_guidance
from animatex_core.diffusion.schedule import NoiseSchedule, released_timesteps
from animatex_core.diffusion.solvers import ddim
from tests.animate_x_plus.reference_modules import check_ipi_case, check_pose_convs_case
from tests.animate_x_plus.reference_sampling import (
    check_image_prep_case,
    check_scheduler_case,
    check_teacache_case,
)
from tests.animate_x_plus.reference_wan import check_dit_case, check_lora_case
from tests.encoders.reference_autoencoder import check_autoencoder_case
from tests.pose.reference_draw import check_draw_case
from tests.pose.reference_pose import check_rtmpose_case, check_wholebody_case, check_yolox_case
from tests.support.reference_weights import weight

Numbers = Mapping[str, np.ndarray]
Case = dict[str, Any]


def fill(module: nn.Module) -> nn.Module:
    """Give a module built on the meta device the reference weights, under their released names."""
    released = {key: torch.from_numpy(weight(key, shape)) for key, shape in official_keys(module).items()}
    module.load_state_dict(from_official(released), assign=True)
    return module.eval().requires_grad_(False)


def assert_close(actual: Tensor, expected: np.ndarray, tolerance: float) -> None:
    """Compare by the largest absolute difference."""
    assert tuple(actual.shape) == expected.shape
    assert np.abs(actual.numpy().astype(np.float64) - expected).max() <= tolerance


def unet_config(case: Case) -> DenoiserConfig:
    """Read the sizes of a case's UNet."""
    scales = [2.0**-level for level in range(len(case["dim_mult"]))]
    return DenoiserConfig(
        channels=case["dim"],
        multipliers=tuple(case["dim_mult"]),
        residual_blocks=case["num_res_blocks"],
        attention_levels=tuple(level for level, scale in enumerate(scales) if scale in case["attn_scales"]),
        head_dim=case["head_dim"],
        stem_heads=case["num_heads"] or case["dim"] // 32,
        latent_channels=case["in_dim"],
        context_dim=case["context_dim"],
        image_tokens=case["num_tokens"],
        ipi=IpiConfig(interleaves_batch=True),
    )


def unet_inputs(name: str, numbers: Numbers, case: Case) -> ConditionInputs:
    """Build the conditions that an output such as `out_cond_local_image` was made with."""
    generator = np.random.default_rng(zlib.crc32(b"unet.zero_y"))
    context = generator.standard_normal((1, 77, case["context_dim"]), dtype=np.float32) * np.float32(0.5)
    np.testing.assert_array_equal(context[:, :2], numbers["zero_y_first"])
    inputs = ConditionInputs(
        shape=ClipShape(case["width"], case["height"], case["frames"]),
        text_context=torch.from_numpy(context).expand(case["batch"], -1, -1),
    )
    if name.startswith("out_uncond"):
        return inputs
    given = {key: torch.from_numpy(value) for key, value in numbers.items()}
    return ConditionInputs(
        shape=inputs.shape,
        text_context=inputs.text_context,
        image_embedding=given["image"],
        pose_pictures=given["dwpose"],
        keypoints=given["keypoints"],
        clip_features=given["clip"].view(case["batch"], case["frames"] + 1, -1),
        reference_image=given["local_image"] if "local_image" in name or "both" in name else None,
        reference_latents=given["randomref"] if "randomref" in name or "both" in name else None,
    )


def run_unet(numbers: Numbers, case: Case) -> None:
    """A small UNet with each combination of conditions that the case holds."""
    unet = fill(AnimateXUNet(unet_config(case), device="meta"))
    assert isinstance(unet, AnimateXUNet)
    x, timesteps = torch.from_numpy(numbers["x"]), torch.tensor(case["timesteps"])
    outputs = [name for name in numbers if name.startswith("out_")]
    assert outputs
    for name in outputs:
        inputs = unet_inputs(name, numbers, case)
        assert_close(unet(x, timesteps, unet.encode(inputs)), numbers[name], case["tolerance"])
        if name.startswith("out_cond") and "ipi" in numbers:
            tokens = unet.motion_tokens(inputs)
            assert tokens is not None
            assert_close(tokens[..., :: case["ipi_channel_stride"]], numbers["ipi"], case["tolerance"])


def run_ipi(numbers: Numbers, case: Case) -> None:
    """Keypoint encoder and resampler alone, for one clip and for a batch."""
    config, make = IpiConfig(interleaves_batch=True), LayerFactory(device="meta")
    encoder, resampler = fill(KeypointEncoder(make, config)), fill(Resampler(make, config))
    stride, tolerance = case["channel_stride"], case["tolerance"]
    table = position_table(case["frames"], config.width)
    assert_close(table[:, ::stride], numbers["pos_table"], tolerance)
    for suffix in ("", "2"):
        if f"features{suffix}" not in numbers:
            continue
        query = encoder(torch.from_numpy(numbers[f"keypoints{suffix}"]))
        if f"query{suffix}" in numbers:
            assert_close(query[..., ::stride], numbers[f"query{suffix}"], tolerance)
        features = resampler(torch.from_numpy(numbers[f"clip{suffix}"]), query)
        assert_close(features[..., ::stride], numbers[f"features{suffix}"], tolerance)


def run_ddim(numbers: Numbers, case: Case) -> None:
    """The schedule, the timesteps and whole loops on a toy model."""
    schedule, toy = NoiseSchedule.released(), case["toy"]
    alphas = schedule.alphas_cumprod.numpy()
    assert np.abs(alphas - numbers["alphas_cumprod"]).max() <= case["tolerance"]

    def predict(x: Tensor, t: Tensor, k: float) -> Tensor:
        return toy["a"] * x * k + toy["b"] * t.view(-1, 1, 1, 1, 1) + toy["c"] * k

    passes = partial(predict, k=toy["k_conditional"]), partial(predict, k=toy["k_unconditional"])
    denoiser = with_guidance(*passes, Guidance(case["guide_scale"]))
    for steps in case["steps"]:
        timesteps = released_timesteps(steps)
        assert list(timesteps.visited) == numbers[f"timesteps_{steps}"].tolist()
        latents = ddim(denoiser, torch.from_numpy(numbers["x"]), schedule, timesteps)
        assert_close(latents, numbers[f"out_{steps}"], case["tolerance"])


RUNNERS: dict[str, Callable[[Numbers, Case], None]] = {
    "unet": run_unet,
    "ipi": run_ipi,
    "ddim": run_ddim,
    "autoencoder": check_autoencoder_case,
    "yolox": check_yolox_case,
    "rtmpose": check_rtmpose_case,
    "wholebody": check_wholebody_case,
    "draw": check_draw_case,
    "plus_dit": check_dit_case,
    "plus_lora": check_lora_case,
    "plus_image_prep": check_image_prep_case,
    "plus_scheduler": check_scheduler_case,
    "plus_teacache": check_teacache_case,
    "plus_ipi": check_ipi_case,
    "plus_pose_convs": check_pose_convs_case,
}
