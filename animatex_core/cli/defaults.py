"""Defaults and names that the help shows; their sources import PyTorch, and a test compares them."""

from typing import NamedTuple


class SamplingDefaults(NamedTuple):
    """Sampling options of one model; see `SamplingSettings`."""

    steps: int
    solver: str
    guidance: float


OFFICIAL = SamplingDefaults(30, "ddim", 2.5)
SMALL_MODELS = SamplingDefaults(1, "dpm++2m", 1.0)
SOLVER_NAMES = ("ddim", "dpm++2m")
PRECISION_NAMES = ("fp32", "bf16", "fp16")

PLUS_STEPS = 50
PLUS_SHIFT = 5.0
PLUS_GUIDANCE = {"simple": 5.0, "full": 3.0}
PLUS_PROMPT = "a person is dancing."

BENCHMARK_SETTINGS = ("self-driven", "cross")
PROCEDURAL = "procedural"
CASES = 32  # of the procedural set, which is unlimited
