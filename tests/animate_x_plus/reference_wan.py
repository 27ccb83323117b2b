"""Run cases of the kinds `plus_dit` and `plus_lora`: a small Wan of diffusers, told and merged."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from animatex_core.animate_x_plus.conditions import PlusConditions
from animatex_core.animate_x_plus.config import WanConfig
from animatex_core.animate_x_plus.lora import merge_lora, read_lora
from animatex_core.animate_x_plus.wan.keys import wan_shapes
from animatex_core.animate_x_plus.wan.transformer import WanInputs, load_wan, predict
from tests.animate_x_plus.reference_modules import assert_close
from tests.support.reference_weights import weight

Numbers = Mapping[str, np.ndarray]
Case = dict[str, Any]
OWN = Path(__file__).parents[1] / "reference" / "animate_x_plus"
TOLERANCE = 5e-5
ROUNDING = 3e-7  # of generated weights, which the last bit tells from those of the release's run


def beside(case: Case, name: str) -> Path:
    """Return a file that a case refers to: beside the case, or else among the project's own."""
    path = Path(case["directory"]) / name
    return path if path.exists() else OWN / name


def wan_config(model: Case, image_dim: int, image_tokens: int) -> WanConfig:
    """Read the sizes of a case's transformer."""
    assert model["has_image_input"]
    assert tuple(model["patch_size"]) == (1, 2, 2)
    return WanConfig(
        dim=model["dim"],
        ffn_dim=model["ffn_dim"],
        heads=model["num_heads"],
        blocks=model["num_layers"],
        in_channels=model["in_dim"],
        out_channels=model["out_dim"],
        freq_dim=model["freq_dim"],
        text_dim=model["text_dim"],
        image_dim=image_dim,
        image_tokens=image_tokens,
        eps=model["eps"],
    )


def wan_weights(config: WanConfig) -> dict[str, Tensor]:
    """The reference weights under their official names."""
    return {key: torch.from_numpy(weight(key, shape)) for key, shape in wan_shapes(config).items()}


def inputs_of(output: str, numbers: Numbers) -> WanInputs:
    """Build what an output such as `cond_full` was told."""
    given = {key: torch.from_numpy(value) for key, value in numbers.items()}
    conditional, y = not output.startswith("uncond"), given["y"]
    negative = output.startswith("uncond") or output.endswith("neg")
    motion = given["pose_emb"].swapaxes(0, 1) if "full" in output else None
    plus = PlusConditions(
        pose_tokens=given["add_condition"],
        reference_map=torch.zeros(1, y.shape[1], *y.shape[3:]),  # y holds it already
        motion_tokens=motion,
        grid=(y.shape[2], y.shape[3] // 2, y.shape[4] // 2),
    )
    return WanInputs(
        text_context=given["context_neg" if negative else "context_pos"],
        clip_features=given["clip_feature"],
        y=y,
        plus=None if output.startswith("plain") else plus,
        conditional=conditional,
    )


def check_dit_case(numbers: Numbers, case: Case) -> None:
    """Every combination of conditions, and what each block is given in the conditional pass."""
    config = wan_config(case["model"], numbers["clip_feature"].shape[2], numbers["clip_feature"].shape[1])
    transformer = load_wan(wan_weights(config), config, dtype=torch.float32)
    tolerance = case.get("tolerance", TOLERANCE)
    seen: dict[str, Tensor] = {}
    for output in case["outputs"]:
        timestep = case["timestep_b"] if output.endswith("t12") else case["timestep"]
        watched = _watch(transformer, seen) if output == "cond_full" else []
        velocity = _predict(transformer, numbers, output, timestep)
        for handle in watched:
            handle.remove()
        assert_close(velocity, numbers[output], tolerance)
    for name, tokens in seen.items():
        if name in numbers:
            assert_close(tokens, numbers[name], tolerance * max(1, np.abs(numbers[name]).max()))


def check_lora_case(numbers: Numbers, case: Case) -> None:
    """The merged weights, and the merged transformer on the inputs of `dit_small`."""
    named = re.search(r"those of (\w+\.npz) \(timestep ([\d.]+)\)", case["notes"])
    assert named
    with np.load(beside(case, named[1])) as given:
        inputs = dict(given)
    image = inputs["clip_feature"].shape
    config = wan_config(case["model"], image[2], image[1])
    weights = wan_weights(config)
    lora = read_lora(_lora_tensors(config, case))
    changed = merge_lora(weights, lora, case.get("lora_alpha", 1.0))
    assert sum(changed[key] is not weights[key] for key in weights) == case["tensors_changed"]
    for name, expected in numbers.items():
        if name.startswith("merged."):
            assert_close(changed[name.removeprefix("merged.")], expected, ROUNDING)
    transformer = load_wan(changed, config, dtype=torch.float32)
    for output in ("cond_full", "plain_pos"):
        velocity = _predict(transformer, inputs, output, float(named[2]))
        assert_close(velocity, numbers[output], case.get("tolerance", TOLERANCE))


def _predict(transformer: nn.Module, numbers: Numbers, output: str, timestep: float) -> Tensor:
    latents = torch.from_numpy(numbers["latents"])
    with torch.no_grad():
        return predict(transformer, latents, torch.tensor([timestep]), inputs_of(output, numbers))


def _lora_tensors(config: WanConfig, case: Case) -> dict[str, Tensor]:
    shapes, tensors = wan_shapes(config), {}
    for block in range(config.blocks):
        for module in case["modules"]:
            outputs, inputs = shapes[f"blocks.{block}.{module}.weight"]
            for half, shape in (("A", (case["rank"], inputs)), ("B", (outputs, case["rank"]))):
                key = f"pipe.dit.blocks.{block}.{module}.lora_{half}.default.weight"
                tensors[key] = torch.from_numpy(weight(key, shape))
    return tensors


def _watch(transformer: Any, seen: dict[str, Tensor]) -> list[Any]:
    """Note what each block is given once the hooks of the pass are done, at the first thing inside it."""

    def note(name: str) -> Any:
        def hook(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
            seen[name] = arguments[0]

        return hook

    handles = []
    for index, block in enumerate(transformer.blocks):
        handles.append(block.norm1.register_forward_pre_hook(note(f"block{index}_in")))
    return [*handles, transformer.norm_out.register_forward_pre_hook(note("head_in"))]
