"""The native model under ComfyUI's samplers: argv is the folder of ComfyUI. Prints JSON."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tests.comfyui.probes.model_setting import (
    FILE,
    SHAPE,
    WINDOWS,
    apart,
    conditions,
    core_guess,
    guess,
    inputs,
    latents,
    load,
    noise,
    pair,
    sample,
    sampling,
)
from tests.comfyui.probes.pack import complaint
from tests.comfyui.probes.reports import report

import comfy.model_management  # isort: skip
import comfy.samplers  # isort: skip
from nodes import ConditioningZeroOut  # type: ignore[attr-defined] # isort: skip


def samplers() -> dict[str, Any]:
    plans = {"ddim": "ddim_uniform", "euler": "normal", "dpmpp_2m": "karras", "uni_pc": "simple"}
    found = {name: sample(load(), pair(), name, plan) for name, plan in plans.items()}
    return {name: [list(x.shape), x.isfinite().all().item()] for name, x in found.items()}


def equals_the_core() -> dict[str, float]:
    return {str(t): apart(guess(load(), pair(), t), core_guess(t)) for t in (1, 500, 999)}


def without_guidance() -> float:
    return apart(guess(load(), pair(), cfg=1.0), core_guess(cfg=1.0))


def windows() -> dict[str, float]:
    patcher = load()
    blended, whole = guess(patcher, pair(WINDOWS)), guess(patcher, pair())
    return {
        "from the core": apart(blended, core_guess(windows=WINDOWS)),
        "from the whole": apart(blended, whole),
        "larger than the clip": apart(guess(patcher, pair(sampling.Windows(9, 2))), whole),
    }


def window_of() -> float:
    patcher, shorter = load(), replace(SHAPE, frames=3)
    cut = [conditions.slice_frames(conds, 1, 4) for conds in pair()]
    expected = list(conditions.conditioning_pair(inputs().window(1, 4)))
    return apart(*(sample(patcher, conds, shape=shorter) for conds in (cut, expected)))


def separate_passes() -> dict[str, Any]:
    patcher, free, seen = load(), comfy.model_management.get_free_memory, []

    def count(apply: Callable[..., Tensor], given: dict[str, Any]) -> Tensor:
        seen.append(len(given["input"]))
        return apply(given["input"], given["timestep"], **given["c"])

    patcher.set_model_unet_function_wrapper(count)
    together = guess(patcher, pair())
    comfy.model_management.get_free_memory = lambda *_: 1
    try:
        separate = guess(patcher, pair())
    finally:
        comfy.model_management.get_free_memory = free
    return {"batches": seen, "difference": apart(together, separate)}


def zeroed_out() -> dict[str, float]:
    patcher, (positive, negative) = load(), pair()
    zeroed = ConditioningZeroOut().zero_out(positive)[0]
    found = guess(patcher, [zeroed, negative])
    return {
        "from negative": apart(found, guess(patcher, [negative, negative])),
        "from positive": apart(found, guess(patcher, [positive, negative])),
    }


def complaints() -> dict[str, str]:
    patcher, (positive, negative) = load(), pair()
    prompt = [[torch.ones(1, 77, 1024), {}]]
    silent = load(text_context=None)
    cropped = [[tensor, {**values, "area": (4, 4, 0, 0)}] for tensor, values in positive]
    added, replaced = patcher.clone(), patcher.clone()
    added.set_model_input_block_patch(lambda h, options: h)
    replaced.set_model_attn1_replace(lambda *_: None, "middle", 0)
    cases: dict[str, Callable[[], Any]] = {
        "frames": lambda: sample(patcher, pair(), shape=replace(SHAPE, frames=4)),
        "size": lambda: sample(patcher, pair(), shape=replace(SHAPE, width=128)),
        "prompt": lambda: sample(patcher, [positive, prompt]),
        "window of a prompt": lambda: conditions.slice_frames(prompt, 0, 1),
        "image encoder": lambda: sample(patcher, pair(width=768)),
        "empty_text": lambda: sample(patcher, pair(text=torch.ones(1, 77, 768))),
        "no text": lambda: sample(silent, pair()),
        "text given": lambda: sample(silent, pair(text=FILE.text_context)),
        "area": lambda: sample(patcher, [cropped, negative]),
        "added patch": lambda: sample(added, pair()),
        "replaced layer": lambda: sample(replaced, pair()),
        "control": lambda: patcher.model.apply_model(latents(), torch.ones(5), control={}),
    }
    return {name: complaint(case) for name, case in cases.items()}


def nothing_is_left_of_a_run() -> dict[str, list[int]]:
    patcher = load()
    guider = comfy.samplers.CFGGuider(patcher)
    guider.set_conds(*pair())
    conds: list[Any] = []
    held: list[int] = []

    def stop(*_: object) -> None:
        conds.extend(patcher.model.active_conds)
        held.extend(len(clip.encodings) for clip in conds)
        raise KeyError

    plan = comfy.samplers.calculate_sigmas(patcher.model.model_sampling, "normal", 3)
    sampler = comfy.samplers.sampler_object("euler")
    try:
        guider.sample(noise(), latents(), sampler, plan, callback=stop, disable_pbar=True)
    except KeyError:
        left = [len(clip.encodings) for clip in conds]
    return {"while it runs": held, "after": left, "known": [len(patcher.model.active_conds)]}


if __name__ == "__main__":
    report(
        samplers,
        equals_the_core,
        without_guidance,
        windows,
        window_of,
        separate_passes,
        zeroed_out,
        complaints,
        nothing_is_left_of_a_run,
    )
