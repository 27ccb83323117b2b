"""Animate-X++ on ComfyUI's own Wan: argv is the folder of ComfyUI. Prints JSON."""

from dataclasses import replace
from inspect import signature
from typing import Any

import torch
from torch import Tensor

from tests.comfyui.probes.pack import complaint
from tests.comfyui.probes.plus_setting import (
    CASE,
    CFG,
    GIVEN,
    VideoConditions,
    apart,
    applied,
    ask,
    golden,
    little_memory,
    longer,
    nearest,
    released,
    released_run,
    sample,
    schedule,
    wan,
)
from tests.comfyui.probes.reports import report

from comfy.samplers import CFGGuider  # isort: skip
from comfy_extras.nodes_context_windows import WanContextWindowsManualNode  # isort: skip
from comfy_extras.nodes_custom_sampler import DualCFGGuider  # isort: skip
from comfy_extras.nodes_slg import SkipLayerGuidanceDiT, SkipLayerGuidanceDiTSimple  # isort: skip

PLAIN = wan()
SIGMA = CASE["timestep"] / 1000
TOLERANCE = 5e-5


def the_test_itself() -> dict[str, float]:
    conds, simple = golden(), golden(full=False)
    cases = {
        "cond_full": released(PLAIN, conds.latents, SIGMA, conds, True),
        "uncond_full": released(PLAIN, conds.latents, SIGMA, conds, False),
        "cond_simple": released(PLAIN, conds.latents, SIGMA, simple, True),
        "plain_neg": released(PLAIN, conds.latents, SIGMA, simple, False),
    }
    return {name: apart(found, GIVEN[name]) for name, found in cases.items()}


def passes() -> dict[str, Any]:
    full, simple = ask(applied(PLAIN, golden()), golden()), ask(applied(PLAIN, golden(False)), golden(False))
    late = ask(applied(PLAIN, golden()), golden(), CASE["timestep_b"] / 1000)
    with little_memory(PLAIN):
        separate = ask(applied(PLAIN, golden()), golden())
    return {
        "batches": [full.batches, separate.batches],
        "cond_full": nearest(full.passes, GIVEN["cond_full"]),
        "uncond_full": nearest(full.passes, GIVEN["uncond_full"]),
        "cond_simple": nearest(simple.passes, GIVEN["cond_simple"]),
        "plain_neg": nearest(simple.passes, GIVEN["plain_neg"]),
        "cond_full_t12": nearest(late.passes, GIVEN["cond_full_t12"]),
        "separate cond_full": nearest(separate.passes, GIVEN["cond_full"]),
        "separate uncond_full": nearest(separate.passes, GIVEN["uncond_full"]),
    }


def runs() -> dict[str, float]:
    sigmas, found = schedule(PLAIN), {}
    for name, conds in (("full", golden()), ("simple", golden(full=False))):
        model, expected = applied(PLAIN, conds), released_run(PLAIN, conds, sigmas)
        found[name] = apart(sample(model, conds), expected)
        with little_memory(PLAIN):
            found[f"{name}, passes apart"] = apart(sample(model, conds), expected)
        alone = released_run(PLAIN, conds, sigmas, cfg=1.0)
        found[f"{name}, without guidance"] = apart(sample(model, conds, cfg=1.0), alone)
    found["effect"] = apart(sample(PLAIN, conds), expected)
    return found


def samplers() -> dict[str, Any]:
    found = {}
    for name in ("heun", "dpmpp_2m", "uni_pc", "lcm", "euler_ancestral"):
        with_it, without = sample(applied(PLAIN, golden()), golden(), name), sample(PLAIN, golden(), name)
        found[name] = [with_it.isfinite().all().item(), apart(with_it, without)]
    return found


def part_of_the_sampling() -> dict[str, Any]:
    conds, sigmas = golden(), schedule(PLAIN)
    first, last = (PLAIN.get_model_object("model_sampling").percent_to_sigma(p) for p in (0.1, 0.6))
    acts = [last <= sigma <= first for sigma in sigmas[:-1].tolist()]
    expected = released_run(PLAIN, conds, sigmas, on=lambda sigma: last <= sigma <= first)
    return {"steps": acts, "difference": apart(sample(applied(PLAIN, conds, 0.1, 0.6), conds), expected)}


def clones() -> dict[str, Any]:
    before = sample(PLAIN, golden())
    options = str(PLAIN.model_options), str(PLAIN.wrappers), str(PLAIN.patches)
    one, other = applied(PLAIN, golden()), applied(PLAIN, golden(full=False))
    first = sample(one, golden())
    expected = released_run(PLAIN, golden(full=False), schedule(PLAIN))
    return {
        "the other": apart(sample(other.clone(), golden(full=False)), expected),
        "the first again": apart(sample(one, golden()), first),
        "the plain one": apart(sample(PLAIN, golden()), before),
        "untouched": options == (str(PLAIN.model_options), str(PLAIN.wrappers), str(PLAIN.patches)),
    }


def patches_of_others() -> dict[str, float]:
    """A patch that halves what enters a block, set before or after ours: it gets tokens with poses."""
    seen: list[Tensor] = []

    def halve(given: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
        seen.append(given["img"])
        return extra["original_block"]({**given, "img": given["img"] / 2})

    before = PLAIN.clone()
    before.set_model_patch_replace(halve, "dit", "double_block", 0)
    after = applied(PLAIN, golden())
    after.set_model_patch_replace(halve, "dit", "double_block", 0)
    answers = [ask(model, golden(), cfg=1.0).passes[0] for model in (applied(before, golden()), after)]
    return {
        "before": apart(seen[0], GIVEN["block0_in"]),
        "after": apart(seen[1], GIVEN["block0_in"]),
        "differ": apart(*answers),
        "effect": apart(answers[0], GIVEN["cond_full"]),
    }


def skipped_layers() -> dict[str, float]:
    conds, skipped = golden(), (0, 2)
    layers, model = ", ".join(map(str, skipped)), applied(PLAIN, conds)
    guided = SkipLayerGuidanceDiT.execute(model, 3.0, 0.0, 1.0, layers)[0]
    simple = SkipLayerGuidanceDiTSimple.execute(model, 0.0, 1.0, layers)[0]
    conditional, unconditional = (
        released(PLAIN, conds.latents, SIGMA, conds, which, skipped) for which in (True, False)
    )
    return {
        "conditional": nearest(ask(guided, conds).passes[2:], conditional),
        "unconditional": nearest(ask(simple, conds).passes, unconditional),
        "simple's conditional": nearest(ask(simple, conds).passes, GIVEN["cond_full"]),
    }


def windows() -> dict[str, Any]:
    conds = longer(7)
    model = windowed(applied(PLAIN, conds))
    handler, heard = model.model_options["context_handler"], ask(model, conds)
    handler.set_step(torch.tensor([SIGMA]), {"transformer_options": {"sample_sigmas": torch.tensor([SIGMA])}})
    parts = handler.get_context_windows(PLAIN.model, conds.latents, {})
    differences = []
    for part in parts:
        shown = of_window(conds, part)
        expected = [released(PLAIN, shown.latents, SIGMA, shown, which) for which in (True, False)]
        differences += [nearest(heard.passes, velocity) for velocity in expected]
    blended = sample(model, conds)
    return {
        "spans": [part.index_list for part in parts],
        "difference": max(differences),
        "finite": blended.isfinite().all().item(),
    }


NEWER_WINDOWS = {"freenoise": False, "retain_first_frame": True, "split_conds_to_windows": False}
"""What ComfyUI's node has since 0.30, whose windows get the mask and the picture of their own frames."""


def has_newer_windows() -> bool:
    return "freenoise" in signature(WanContextWindowsManualNode.execute).parameters


def windowed(model: Any) -> Any:
    more = NEWER_WINDOWS if has_newer_windows() else {}
    given = (model, 9, 5, "standard_static", 1, False, "flat")
    return WanContextWindowsManualNode.execute(*given, **more)[0]


def of_window(conds: VideoConditions, window: Any) -> VideoConditions:
    """Return the conditions of a window, with the frame in front of it that newer versions add."""
    frames, y = window.index_list, conds.y[:, :, : len(window.index_list)]
    if has_newer_windows():
        frames = [frames[0] - 1, *frames] if frames[0] else frames
        y = torch.cat([conds.y[:, :, :1], conds.y[:, :, frames[1:]]], dim=2)
    return VideoConditions(conds.latents[:, :, frames], y, conds.conditions.select(frames))


def guiders() -> dict[str, Any]:
    """A guider that numbers the positive pass last; and conditionings that say nothing."""
    conds, model = golden(), applied(PLAIN, golden())
    positive, negative = conds.pair()
    guider = DualCFGGuider().get_guider(model, positive, negative, negative, CFG, CFG, "nested")[0]
    heard = ask(model, conds, guider=guider)
    around = CFGGuider(model)
    around.set_conds(*([[text, {**values, "model_conds": {}}]] for ((text, values),) in (positive, negative)))
    around.set_cfg(CFG)
    silent = ask(model, conds, guider=around)
    return {
        "three passes": len(heard.passes),
        "positive": nearest(heard.passes, GIVEN["cond_full"]),
        "pose in one alone": sorted(apart(each, GIVEN["uncond_full"]) < TOLERANCE for each in heard.passes),
        "silent": [nearest(silent.passes, GIVEN[name]) for name in ("cond_full", "uncond_full")],
    }


def several_clips() -> float:
    """Two clips in one batch of latents, as batch_size of WanImageToVideo makes them."""
    conds = golden()
    both = replace(conds, latents=torch.cat([conds.latents, conds.latents.flip(4)]))
    (found, other) = sample(applied(PLAIN, conds), both).split(1)
    return max(
        apart(one, released_run(PLAIN, replace(conds, latents=latents), schedule(PLAIN)))
        for one, latents in zip((found, other), both.latents.split(1), strict=True)
    )


def complaints() -> dict[str, str]:
    conds, model = golden(), applied(PLAIN, golden())
    wide = replace(conds, latents=conds.latents.repeat(1, 1, 1, 1, 2))
    cases = {
        "other length": lambda: sample(model, longer(4)),
        "other size": lambda: sample(model, wide),
    }
    return {name: complaint(case) for name, case in cases.items()}


if __name__ == "__main__":
    report(
        the_test_itself,
        passes,
        runs,
        samplers,
        part_of_the_sampling,
        clones,
        patches_of_others,
        skipped_layers,
        windows,
        guiders,
        several_clips,
        complaints,
    )
