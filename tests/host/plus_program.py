"""Animate-X++ on ComfyUI's own Wan: argv is the folder of ComfyUI. Prints JSON."""

from typing import Any

from tests.host.plus_setting import (
    CASE,
    GIVEN,
    applied,
    apart,
    ask,
    golden,
    little_memory,
    nearest,
    released,
    released_run,
    sample,
    schedule,
    wan,
)
from tests.host.reports import report

PLAIN = wan()
SIGMA = CASE["timestep"] / 1000


def the_test_itself() -> dict[str, float]:
    told, simple = golden(), golden(full=False)
    cases = {
        "cond_full": released(PLAIN, told.latents, SIGMA, told, True),
        "uncond_full": released(PLAIN, told.latents, SIGMA, told, False),
        "cond_simple": released(PLAIN, told.latents, SIGMA, simple, True),
        "plain_neg": released(PLAIN, told.latents, SIGMA, simple, False),
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
    for name, told in (("full", golden()), ("simple", golden(full=False))):
        model, expected = applied(PLAIN, told), released_run(PLAIN, told, sigmas)
        found[name] = apart(sample(model, told), expected)
        with little_memory(PLAIN):
            found[f"{name}, passes apart"] = apart(sample(model, told), expected)
        alone = released_run(PLAIN, told, sigmas, cfg=1.0)
        found[f"{name}, without guidance"] = apart(sample(model, told, cfg=1.0), alone)
    found["effect"] = apart(sample(PLAIN, told), expected)
    return found


if __name__ == "__main__":
    report(the_test_itself, passes, runs)
