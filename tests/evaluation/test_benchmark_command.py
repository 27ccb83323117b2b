"""`evaluate` from the command line: real networks, real files, a real kill."""

import json
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from animatex_core.animate_x.checkpoint import read_denoiser, write_denoiser
from animatex_core.animate_x.components import init_random_weights
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.unet import AnimateXUNet
from animatex_core.batch.engine import JobT, LocalEngine, Task
from animatex_core.batch.run import Ended, Event, Stop
from animatex_core.hub.bundled import BUNDLED_MODELS
from animatex_core.hub.models_dir import ModelsDir
from animatex_core.training.config_file import read_config
from animatex_core.training.loop.batch_schedule import Position
from animatex_core.training.loop.checkpoint import AVERAGE, TEXT_CONTEXT, Checkpoint, write_checkpoint

from .benchmark_samples import contents, evaluate, start_evaluation, write_set

CASES = "--cases=3"
PATIENCE = 120  # seconds


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the small bundle in both settings."""
    out = tmp_path_factory.mktemp("whole") / "results"
    assert evaluate(out, "small", CASES) == 0
    return out


@pytest.fixture
def two_networks(tmp_path: Path, models: ModelsDir) -> Path:
    """A models directory with only the files of LPIPS and FVD."""
    there = tmp_path / "some-models" / "evaluation"
    there.mkdir(parents=True)
    for file in ("lpips-vgg16", "lpips-heads", "fvd-i3d"):
        path = models.require(file)
        (there / path.name).symlink_to(path)
    return there.parent


def test_both_settings_beside_the_paper(whole: Path) -> None:
    table = (whole / "results.md").read_text(encoding="utf-8")
    assert [line for line in table.splitlines() if line.startswith("## ")] == ["## self-driven", "## cross"]
    assert "| system | PSNR ↑ | PSNR\\* ↑ | SSIM ↑ | L1 ↓ |" in table
    assert "| Animate-X on A2Bench (paper) |  | 13.60 | 0.452 | 1.02E-04 |" in table
    assert "FVD is left out: i3d_pretrained_400.pt is not in" in table
    results = json.loads((whole / "results.json").read_text(encoding="utf-8"))["results"]
    assert set(results) == {"self-driven", "cross"}
    for setting in results.values():
        small = setting["small"]
        assert list(small["cases"]) == ["0000", "0001", "0002"]
        mean = sum(case["SSIM"] for case in small["cases"].values()) / 3
        assert small["scores"]["SSIM"] == {"value": pytest.approx(mean), "samples": 6}
    ssim = {name: each["small"]["scores"]["SSIM"]["value"] for name, each in results.items()}
    assert ssim["self-driven"] > ssim["cross"], "poses of another's place and size are harder"


def test_there_is_a_chart_a_sheet_and_a_clip_of_each_case(whole: Path) -> None:
    files = set(contents(whole))
    assert {"results.svg", "small/cross/sheets/0002.png", "small/self-driven/clips/0000.mp4"} <= files
    assert (whole / "results.svg").read_text(encoding="utf-8").count("small, cross") == 4


def test_a_second_run_changes_nothing_and_animates_nothing(whole: Path) -> None:
    before = contents(whole)
    state = whole / "small" / "cross" / "measurements.safetensors"
    written = state.stat().st_mtime_ns
    assert evaluate(whole, "small", CASES) == 0
    assert contents(whole) == before
    assert state.stat().st_mtime_ns == written


def test_a_killed_run_resumes_with_identical_results(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    out = whole.parent / "killed"  # beside the other, so that both name one models folder
    process = start_evaluation(out, "small", CASES)
    state, end = out / "small" / "self-driven" / "measurements.safetensors", time.monotonic() + PATIENCE
    while not state.exists() and time.monotonic() < end:
        time.sleep(0.005)
    process.kill()
    process.wait()
    done = out / "small" / "self-driven" / "cases" / "0000.json"
    first = done.stat().st_mtime_ns
    assert not (out / "results.json").exists()
    assert evaluate(out, "small", CASES) == 0
    assert contents(out) == contents(whole)
    assert done.stat().st_mtime_ns == first, "what is done is not done again"


def test_cases_that_end_in_another_order_are_kept_and_added_in_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Backwards(LocalEngine):
        def run(self, task: Task[JobT], jobs: Sequence[JobT], stop: Stop) -> Generator[Event, None, None]:
            for event in super().run(task, jobs[::-1], stop):
                yield event
                if isinstance(event, Ended):
                    raise KeyboardInterrupt

    folder = write_set(tmp_path / "set")
    given = f"truth={folder / 'clips'}", f"--set={folder}", "--setting=self-driven"
    assert evaluate(tmp_path / "whole", *given) == 0
    with monkeypatch.context() as patch:
        patch.setattr("animatex_core.cli.evaluation.choose_engine", lambda *_: Backwards())
        assert evaluate(tmp_path / "out", *given) == 130
    run = tmp_path / "out" / "truth" / "self-driven"
    last = (run / "clips" / "b.mp4").stat().st_mtime_ns
    assert not (run / "measurements.safetensors").exists()
    assert evaluate(tmp_path / "out", *given) == 0
    assert (run / "clips" / "b.mp4").stat().st_mtime_ns == last
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert not (run / "measured").exists()


@pytest.mark.parametrize(
    ("more", "differing"),
    [
        (("small", "--cases=2"), "procedural was"),
        (("small", CASES, "--seed=1"), "seed was 0 and is now 1"),
        (("small", CASES, "--solver=ddim"), "sampling was"),
        (("small", CASES, "--retarget=align"), "retarget was none and is now align"),
        (("small=generated", CASES), "model was"),
    ],
)
def test_other_settings_in_the_same_folder_are_refused(
    whole: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], differing: str
) -> None:
    before = contents(whole)
    assert evaluate(whole, *more) == 2
    message = capsys.readouterr().err
    assert "holds an evaluation with other settings" in message
    assert differing in message
    assert contents(whole) == before


def test_variants_are_in_one_table(tmp_path: Path) -> None:
    full = _denoiser(tmp_path / "full.safetensors", small_config())
    without = _denoiser(tmp_path / "other.safetensors", replace(small_config(), ipi=None))
    training = _training(tmp_path / "run", small_config())
    systems = [str(full), f"without IPI={without}", str(training)]
    assert evaluate(tmp_path / "out", *systems, "--cases=1", "--setting=cross") == 0
    rows = (tmp_path / "out" / "results.md").read_text(encoding="utf-8").splitlines()[4:9]
    names = [row.split("|")[1].strip() for row in rows]
    papers = ["Animate-X on A2Bench (paper)", "without IPI, on A2Bench (paper)"]
    assert names == ["full", "without IPI", "run", *papers]
    assert [cell.strip() for cell in rows[-1].split("|")[3:6]] == ["13.30", "0.433", "1.35E-04"]
    assert rows[0].split("|")[2:] == rows[2].split("|")[2:], "the same weights, in a training's checkpoint"
    assert rows[0].split("|")[2:] != rows[1].split("|")[2:]


def test_clips_of_another_system(tmp_path: Path, whole: Path) -> None:
    theirs = whole / "small" / "cross" / "clips"
    assert evaluate(tmp_path / "out", f"theirs={theirs}", CASES, "--setting=cross") == 0
    found, ours = (
        json.loads((out / "results.json").read_text(encoding="utf-8"))["results"]["cross"]
        for out in (tmp_path / "out", whole)
    )
    ssim = [each["scores"]["SSIM"]["value"] for each in (found["theirs"], ours["small"])]
    assert ssim[0] == pytest.approx(ssim[1], abs=0.05), "the same clips but for their compression"


def test_only_metrics_with_files_are_computed(tmp_path: Path, two_networks: Path) -> None:
    folder = write_set(tmp_path / "set")
    given = (
        f"truth={folder / 'clips'}",
        f"--set={folder}",
        "--setting=self-driven",
        f"--folder={two_networks}",
    )
    assert evaluate(tmp_path / "out", *given) == 0
    first = contents(tmp_path / "out")
    table = first["results.md"].decode()
    assert "| LPIPS ↓ | FVD ↓ |\n" in table
    assert "FID is left out: pt_inception-2015-12-05-6726825d.pth is not in" in table
    truth = json.loads(first["results.json"])["results"]["self-driven"]["truth"]["scores"]
    assert truth["LPIPS"] == {"value": 0, "samples": 4}
    assert truth["FVD"] == {"value": pytest.approx(0, abs=1e-6), "samples": 2}
    assert evaluate(tmp_path / "out", *given) == 0
    assert contents(tmp_path / "out") == first


def test_a_distance_of_a_single_window_is_left_out(tmp_path: Path, two_networks: Path) -> None:
    folder = write_set(tmp_path / "set")
    more = "--setting=self-driven", "--cases=1", f"--folder={two_networks}", f"--set={folder}"
    assert evaluate(tmp_path / "out", f"truth={folder / 'clips'}", *more) == 0
    table = (tmp_path / "out" / "results.md").read_text(encoding="utf-8")
    assert "| LPIPS ↓ |\n" in table
    assert "FVD of truth, self-driven, is left out: it needs more than one sample" in table


def test_a_system_can_be_added_later(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set")
    shared = f"--set={folder}", "--setting=self-driven"
    assert evaluate(tmp_path / "out", "small", *shared) == 0
    assert evaluate(tmp_path / "out", "small", f"truth={folder / 'clips'}", *shared) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))["results"]
    scores = {name: each["scores"] for name, each in results["self-driven"].items()}
    assert scores["truth"]["SSIM"]["value"] == 1
    assert scores["truth"]["PSNR*"]["value"] == 100
    assert scores["small"]["SSIM"]["value"] < 1


def test_a_folder_of_cases_in_the_cross_setting(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set")
    assert evaluate(tmp_path / "out", "small", f"--set={folder}", "--setting=cross") == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))["results"]
    assert list(results["cross"]["small"]["cases"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("nothing.safetensors",), "The model 'nothing.safetensors' does not exist: check the path."),
        (
            ("a=small", "a=generated"),
            "Two systems are named a: give each a unique name, as NAME=SYSTEM.",
        ),
        (("../a=small",), "The name '../a' leads elsewhere through '..' or an empty part"),
        (("small", "--seed=-1"), "seed is -1, but it must be a whole number: use 0 or more."),
        (
            ("small", "--engine=ray", "--device=xpu"),
            "This machine has no xpu, so it cannot choose",
        ),
        (("small", "--engine=ray", "--device=toaster"), "'toaster' is no device: use auto, cpu or cuda."),
        (("small", "--set=nowhere"), "The set 'nowhere' is not a folder: give an existing folder"),
        (("small", "--size=60x96"), "width is 60 pixels, but it must be a multiple of"),
        (("--cases=1", "--setting=cross", "{empty}"), "There is no clip of the case 0000 in"),
    ],
)
def test_errors_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], sentence: str
) -> None:
    (tmp_path / "empty").mkdir()
    given = [part.format(empty=tmp_path / "empty") for part in more]
    assert evaluate(tmp_path / "out", *given) == 2
    assert sentence in capsys.readouterr().err


def small_config() -> DenoiserConfig:
    """The sizes of the shipped denoiser."""
    return read_denoiser(BUNDLED_MODELS.denoiser).config


def _denoiser(path: Path, config: DenoiserConfig) -> Path:
    shipped = read_denoiser(BUNDLED_MODELS.denoiser)
    write_denoiser(path, replace(shipped, config=config, tensors=_weights(config)), torch.float32)
    return path


def _training(folder: Path, config: DenoiserConfig) -> Path:
    shipped = read_denoiser(BUNDLED_MODELS.denoiser)
    assert shipped.text_context is not None
    tensors = {AVERAGE + name: tensor for name, tensor in _weights(config).items()}
    settings = replace(read_config("tiny", ["data.path=nowhere"]), model=config)
    tensors[TEXT_CONTEXT] = shipped.text_context.float()
    write_checkpoint(folder, Checkpoint(settings, Position(1, 1), tensors, shipped.trained_on))
    return folder


def _weights(config: DenoiserConfig) -> dict[str, torch.Tensor]:
    unet = AnimateXUNet(config)
    init_random_weights(unet)
    return dict(unet.state_dict())
