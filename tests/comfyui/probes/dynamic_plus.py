"""Animate-X++ on a Wan that ComfyUI loads dynamically: argv is ComfyUI's folder. Prints JSON."""

from typing import Any

import torch

from tests.comfyui.probes.plus_material import FULL, OWN, applied_by_node, expected_conditions
from tests.comfyui.probes.plus_setting import SHIFT, apart, reference_weights, sample, wan_config
from tests.comfyui.probes.reports import report

import comfy.model_patcher  # isort: skip
from comfy_extras.nodes_model_advanced import ModelSamplingSD3  # isort: skip
from tests.comfyui.probes.memory_card import CARD, memory_card, on_card, rest  # isort: skip


def wan_on_card() -> Any:
    """Load the small Wan as ComfyUI's own loader does."""
    config = wan_config(torch.float32)
    model = config.get_model({}, device=torch.device("cpu"))
    patcher = comfy.model_patcher.CoreModelPatcher(model, CARD, torch.device("cpu"))
    model.load_model_weights(reference_weights(config), "", assign=patcher.is_dynamic())
    rest(model)
    return ModelSamplingSD3().patch(patcher, SHIFT)[0]


def whole_graph() -> dict[str, Any]:
    conds = expected_conditions(FULL, OWN)
    model, *pair = applied_by_node(FULL, reference_pose=OWN)
    expected = sample(model, conds, pair=pair)
    with memory_card():
        plain = wan_on_card()
        model, *pair = applied_by_node(FULL, model=plain, reference_pose=OWN)
        found = sample(model, conds, pair=pair)
        return {
            "difference": apart(found, expected),
            "effect of the LoRA": apart(sample(plain, conds, pair=pair), expected),
            "bytes": on_card(model),
        }


if __name__ == "__main__":
    report(whole_graph)
