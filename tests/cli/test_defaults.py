"""The defaults that the help shows are those that are used, and showing it imports no PyTorch."""

import subprocess
import sys

import pytest

from animatex_core.animate_x.defaults import OFFICIAL
from animatex_core.cli import options
from animatex_core.cli.main import COMMANDS
from animatex_core.diffusion.guidance import Guidance
from animatex_core.diffusion.solvers import SOLVERS
from animatex_core.evaluation.benchmark.cases import SETTINGS
from animatex_core.utils.devices import PRECISIONS


def test_names_are_those_of_the_library() -> None:
    assert tuple(SOLVERS) == options.SOLVER_NAMES
    assert tuple(PRECISIONS) == options.PRECISION_NAMES
    assert options.BENCHMARK_SETTINGS == SETTINGS


def test_guidance_has_one_default() -> None:
    assert Guidance().scale == OFFICIAL.guidance


@pytest.mark.parametrize("command", [*COMMANDS, "benchmark-set prompts", "benchmark-set screen"])
def test_the_help_of_a_command_imports_no_torch(command: str) -> None:
    code = (
        "import sys\nfrom animatex_core.cli.main import main\n"
        f"try: main({[*command.split(), '--help']})\nexcept SystemExit: pass\nprint('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
