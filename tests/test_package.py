"""The rules of the house, kept by tests: who imports whom, and what an import costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "animatex_core"
NETWORK = ("model", "diffusion", "encoders", "checkpoints")
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


def imported(path: Path) -> set[str]:
    """Modules that a file imports anywhere, under their full names."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return plain | {_source(node, path) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def _source(node: ast.ImportFrom, path: Path) -> str:
    if not node.level:
        return node.module or ""
    package = path.relative_to(ROOT).parent.parts
    return ".".join((*package[: len(package) - node.level + 1], *filter(None, [node.module])))


@pytest.mark.parametrize(
    ("room", "others"),
    [
        ("model", ("diffusion", "encoders", "checkpoints", "sampling", "commands")),
        ("diffusion", ("model", "encoders", "checkpoints", "sampling", "commands")),
        ("encoders", ("model", "diffusion", "sampling", "commands")),
        ("checkpoints", ("diffusion", "encoders", "sampling", "commands")),
        ("pose", (*NETWORK, "retarget", "video", "sampling", "pipeline", "commands")),
        ("video", (*NETWORK, "pose", "retarget", "sampling", "pipeline", "commands")),
        ("plus", ("retarget", "video", "sampling", "pipeline", "training", "commands")),
        ("retarget", (*NETWORK, "video", "sampling", "pipeline", "commands")),
    ],
)
def test_rooms_do_not_reach_into_each_other(room: str, others: tuple[str, ...]) -> None:
    names = {name for path in (CORE / room).glob("*.py") for name in imported(path)}
    assert f"animatex_core.{room}" in {name.rpartition(".")[0] for name in names}
    assert not {name for name in names for other in others if name.startswith(f"animatex_core.{other}")}


def test_retargeting_asks_only_for_the_skeleton() -> None:
    names = {name for path in (CORE / "retarget").glob("*.py") for name in imported(path)}
    poses = {name for name in names if name.startswith("animatex_core.pose")}
    assert poses <= {"animatex_core.pose.keypoints"}


def test_the_core_knows_nothing_of_a_host() -> None:
    names = {name.partition(".")[0] for path in CORE.rglob("*.py") for name in imported(path)}
    assert "torch" in names
    assert not names & {"comfy", "comfy_api", "comfy_extras", "folder_paths", "nodes"}


def test_the_core_works_inside_another_package() -> None:
    # ComfyUI loads the pack as a module that is named after its folder.
    for path in CORE.rglob("*.py"):
        assert "from animatex_core" not in path.read_text(encoding="utf-8"), path


def test_importing_everything_loads_nothing_heavy() -> None:
    modules = [path.relative_to(ROOT).with_suffix("") for path in CORE.rglob("*.py")]
    names = [".".join(path.parts) for path in modules if path.name not in ("__main__", "__init__")]
    code = f"import {', '.join(names)}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "animatex_core.animate_x.unet" in done.stdout.split()
    assert not {name.partition(".")[0] for name in done.stdout.split()} & set(HEAVY)
