"""Every command for training in README and docs: run as given but for its size, or at least understood."""

import shutil
from pathlib import Path

import pytest

from animatex_core.animate_x.checkpoint import read_denoiser
from animatex_core.animate_x_plus.checkpoint import is_plus
from animatex_core.cli.main import build_parser, main
from animatex_core.training.animate_x_plus.__main__ import main as make_up
from animatex_core.training.small_models.__main__ import PARTS, parser
from tests.documents import arguments_of, core_commands
from tests.support.dance_samples import write_dance

SMALLER = {
    "prepare": ["--size", "64x64", "--fps", "12", "--least", "4", "--most", "8", "--encoders", "generated"],
    "train": [
        "--cpu",
        *(
            part
            for change in (
                "model={preset: tiny}",
                "size={width: 64, height: 64, factor: 8}",
                "workers=0",
                "steps=2",
                "batches=[{frames: 4, batch_size: 1}]",
                "mixed_precision=no",
                "epi=",
            )
            for part in ("--set", change)
        ),
    ],
    "epi": ["--frames", "3", "--rows", "2"],
}
SMALLER_PLUS_CLIPS = ["--size", "32x48", "--frames", "5", "--encoders", "generated", "--validation", "0"]
SMALLER_PLUS = [
    "--cpu",
    *(
        part
        for change in (
            "wan={preset: tiny, dim: 48, ffn_dim: 96, heads: 2, blocks: 4, image_dim: 64, image_tokens: 17}",
            "modules={preset: tiny, variant: full, dim: 48, window_frames: 5}",
            "lora.rank=2",
            "size={width: 32, height: 48}",
            "workers=0",
            "steps=2",
            "mixed_precision=no",
            "batches=[{task: ti2v, frames: 5, batch_size: 1}, {task: animation, frames: 5, batch_size: 1}]",
        )
        for part in ("--set", change)
    ),
]


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


@pytest.fixture
def dances_and_scenes(videos: None) -> None:
    """The folders that Animate-X++ learns from."""
    shutil.copytree("videos", "dances")
    Path("scenes").mkdir()
    shutil.copy("videos/a.mp4", "scenes/sea.mp4")
    Path("scenes/sea.txt").write_text("waves roll in", encoding="utf-8")


@pytest.mark.usefixtures("videos")
def test_from_videos_to_a_denoiser_and_a_grid() -> None:
    lines = core_commands("training")
    mine = [line for line in lines if "small/run" not in line and not _of_plus(line)]
    names = [line[0] for line in mine]
    assert names == ["prepare", *4 * ["train"], *2 * ["epi"]]
    assert [main(line + _smaller(line)) for line in mine] == [0] * 7
    assert read_denoiser(Path("denoiser.safetensors")).trained_on.width == 64
    assert Path("grid.png").stat().st_size > 1000


@pytest.mark.usefixtures("dances_and_scenes")
def test_from_clips_made_up_or_real_to_a_checkpoint_of_animate_x_plus() -> None:
    (made_up,) = arguments_of("animatex_core.training.animate_x_plus")
    make_up([*made_up, "--count", "3", "--size", "32x48", "--frames", "5"])
    lines = [line for line in core_commands("training") if _of_plus(line)]
    assert len(lines) == 8
    for line in lines:
        assert main(line + _smaller_plus(line)) == 0
    assert is_plus("animate-x-plus.safetensors")
    assert not is_plus("wan.transformer.safetensors")


def test_commands_of_the_small_bundle_are_understood() -> None:
    lines = [line for line in core_commands("training") if "small/run" in line]
    assert [build_parser().parse_args(line).command for line in lines] == ["train", "train"]


def _of_plus(line: list[str]) -> bool:
    return any("plus" in word or word == "wan" for word in line)


def _smaller_plus(line: list[str]) -> list[str]:
    if line[0] == "prepare":
        return SMALLER_PLUS_CLIPS
    return [] if "--export" in line else [*SMALLER_PLUS, *_own_wan(line)]


def _own_wan(line: list[str]) -> list[str]:
    """The folder of the full size is not here."""
    return ["--set", "transformer=wan.transformer.safetensors"] if "full" in line else []


def _smaller(line: list[str]) -> list[str]:
    if "--export" in line:
        return []
    return [*SMALLER[line[0]], *(["--set", "steps=3"] if "--resume" in line else [])]


def test_the_parts_of_the_small_bundle_are_named_in_order() -> None:
    lines = arguments_of("animatex_core.training.small_models")
    parsed = [parser().parse_args(line) for line in lines]
    assert list(dict.fromkeys(arguments.part for arguments in parsed)) == list(PARTS)
    shipped = "animatex_core/assets/small"
    folders = {arguments.folder.as_posix() for arguments in parsed}
    assert folders == {"first", "small", "bundle", "next", shipped}
