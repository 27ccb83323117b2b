"""Every command of the page about training: run as given but for its size, or at least understood."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from animatex_core.checkpoints.denoiser_file import read_denoiser
from animatex_core.cli import main
from animatex_core.training.bundle.__main__ import PARTS, parser
from tests.dance_samples import write_dance

PAGE = (Path(__file__).parents[1] / "docs" / "training.md").read_text(encoding="utf-8")
SMALLER = {
    "prepare": ["--size", "64x64", "--fps", "12", "--least", "4", "--most", "8", "--encoders", "generated"],
    "train": ["--cpu", *(part for change in (
        "model={preset: tiny}", "size={width: 64, height: 64, factor: 8}", "workers=0", "steps=2",
        "batches=[{frames: 4, batch_size: 1}]", "mixed_precision=no", "epi=",
    ) for part in ("--set", change))],
    "epi": ["--frames", "3", "--rows", "2"],
}  # fmt: skip


def commands(module: str) -> list[list[str]]:
    """The words after `python -m <module>`, or the like of torchrun."""
    start = rf"^(?:python|torchrun --nproc_per_node [28]) -m {re.escape(module)} "
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(re.sub(start, "", line)) for line in lines if re.match(start, line)]


@pytest.fixture
def videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of clips with their poses, of which some are kept for validation."""
    monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    dance, folder = write_dance(tmp_path), tmp_path / "videos"
    folder.mkdir()
    for name in "abc":
        shutil.copy(dance.clip, folder / f"{name}.mp4")
        shutil.copy(dance.poses, folder / f"{name}.json")
    shutil.move(dance.poses, "dance.json")


@pytest.mark.usefixtures("videos")
def test_from_videos_to_a_denoiser_and_a_grid() -> None:
    lines = commands("animatex_core")
    mine = [line for line in lines if "small/run" not in line]
    names = [line[0] for line in mine]
    assert names == ["prepare", *4 * ["train"], *2 * ["epi"]]
    assert [main(line + _smaller(line)) for line in mine] == [0] * 7
    assert read_denoiser(Path("denoiser.safetensors")).trained_on.width == 64
    assert Path("grid.png").stat().st_size > 1000


def _smaller(line: list[str]) -> list[str]:
    if "--export" in line:
        return []
    return [*SMALLER[line[0]], *(["--set", "steps=3"] if "--resume" in line else [])]


def test_the_parts_of_the_small_bundle_are_named_in_order() -> None:
    lines = commands("animatex_core.training.bundle")
    parsed = [parser().parse_args(line) for line in lines]
    assert list(dict.fromkeys(arguments.part for arguments in parsed)) == list(PARTS)
    assert {str(arguments.folder) for arguments in parsed} == {"small", "bundle"}
