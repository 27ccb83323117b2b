"""The defaults that the help shows are those that are used, and showing it imports no PyTorch."""

import subprocess
import sys
from dataclasses import replace

import pytest

from animatex_core.animate_x.settings import SamplingSettings
from animatex_core.animate_x_plus.preprocessing import TYPICAL_PROMPT
from animatex_core.animate_x_plus.sampling import GUIDANCE, SHIFT, STEPS
from animatex_core.cli import options
from animatex_core.cli.main import COMMANDS
from animatex_core.diffusion.guidance import Guidance
from animatex_core.diffusion.solvers import SOLVERS
from animatex_core.evaluation.benchmark.cases import SETTINGS
from animatex_core.utils.devices import PRECISIONS


@pytest.mark.parametrize(
    ("shown", "used"),
    [
        (options.OFFICIAL, SamplingSettings()),
        (options.SMALL_MODELS, SamplingSettings.for_small_bundle()),
    ],
)
def test_sampling_defaults(shown: options.SamplingDefaults, used: SamplingSettings) -> None:
    guidance = Guidance(shown.guidance)
    assert replace(used, steps=shown.steps, solver=shown.solver, guidance=guidance) == used


def test_names_and_defaults_of_animate_x_plus() -> None:
    assert tuple(SOLVERS) == options.SOLVER_NAMES
    assert tuple(PRECISIONS) == options.PRECISION_NAMES
    assert (options.PLUS_STEPS, options.PLUS_SHIFT, options.PLUS_GUIDANCE) == (STEPS, SHIFT, GUIDANCE)
    assert options.PLUS_PROMPT == TYPICAL_PROMPT
    assert options.BENCHMARK_SETTINGS == SETTINGS


@pytest.mark.parametrize("command", [*COMMANDS, "benchmark-set prompts", "benchmark-set screen"])
def test_the_help_of_a_command_imports_no_torch(command: str) -> None:
    code = (
        "import sys\nfrom animatex_core.cli.main import main\n"
        f"try: main({[*command.split(), '--help']})\nexcept SystemExit: pass\nprint('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
