"""What importing the package costs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "animatex_core"
HEAVY = (
    "open_clip",
    "diffusers",
    "onnxruntime",
    "transformers",
    "mamba_ssm",
    "imageio_ffmpeg",
    "torchvision",
    "torchmetrics",
    "comfy",
    "folder_paths",
)


def test_importing_everything_loads_nothing_heavy() -> None:
    modules = [path.relative_to(ROOT).with_suffix("") for path in CORE.rglob("*.py")]
    names = [".".join(path.parts) for path in modules if path.name not in ("__main__", "__init__")]
    code = f"import {', '.join(names)}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "animatex_core.animate_x.unet" in done.stdout.split()
    assert not {name.partition(".")[0] for name in done.stdout.split()} & set(HEAVY)


@pytest.mark.parametrize(
    ("command", "heavy"),
    [
        ([], {"torch", "numpy"}),
        (["models"], {"torch"}),
        (["pose"], {"torch"}),
        (["retarget"], {"torch"}),
        (["train"], {"accelerate"}),
    ],
)
def test_the_help_of_the_command_line_imports_no_torch(command: list[str], heavy: set[str]) -> None:
    code = (
        "import sys\nfrom animatex_core.cli.main import main\n"
        f"try: main({[*command, '--help']})\nexcept SystemExit: pass\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *shown, modules = done.stdout.splitlines()
    assert shown[0].startswith("usage: animatex")
    assert not heavy & set(modules.split())
