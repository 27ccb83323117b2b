import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from animatex_core.animate_x.checkpoint import load_denoiser
from animatex_core.cli.main import main
from animatex_core.training.data.header import DatasetHeader
from animatex_core.training.data.shards import ShardWriter
from animatex_core.training.loop.checkpoint import latest_checkpoint
from animatex_core.training.loop.cost import StepCost
from animatex_core.training.systems import read_checkpoint
from tests.training.stored_clips import folder_clip
from tests.training.training_samples import SETTINGS

HEADER = DatasetHeader(width=32, height=48, clip_dim=64)
CHANGES = [
    "epi=",
    "steps=2",
    "workers=0",
    "checkpoints.every_steps=1",
    f"model={SETTINGS['model']}",
    f"size={SETTINGS['size']}",
    "batches=[{frames: 2, batch_size: 2}]",
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of five clips."""
    folder = tmp_path_factory.mktemp("data")
    with ShardWriter.create(folder, HEADER, torch.ones(1, 4, 64)) as writer:
        for seed in range(5):
            writer.add(folder_clip(4, seed, HEADER))
    return folder


def options(data: Path, *more: str) -> list[str]:
    changes = [part for change in (*CHANGES, *more) for part in ("--set", change)]
    return ["train", "--config", "tiny", "--data", str(data), "--cpu", *changes]


def test_train_resume_and_export(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, bundle = tmp_path / "run", tmp_path / "denoiser.safetensors"
    assert main([*options(data, "epi={probability: 1}"), "--out", str(run)]) == 0
    assert main([*options(data), "--out", str(run)]) == 2
    assert "already holds a training run: use --resume" in capsys.readouterr().err
    assert main(["train", "--out", str(run), "--resume", "--cpu", "--set", "steps=3"]) == 0
    assert f"{run}: 3 steps, 6 clips" in capsys.readouterr().out
    assert main(["train", "--export", str(run), "--out", str(bundle)]) == 0
    assert "in fp16, step 3" in capsys.readouterr().out
    assert load_denoiser(bundle).unet.dtype == torch.float16
    assert any((run / "logs").iterdir())


REFUSED = [
    (["--config", "tiny"], "--out is not given"),
    (["--out", "{run}"], "--config is not given"),
    (["--out", "{run}", "--resume"], "holds no checkpoint of a training"),
    (["--out", "{run}", "--config", "none.yaml"], "'none.yaml' cannot be read"),
    (["--out", "{run}", "--config", "tiny", "--set", "steps"], "'steps' is not NAME=VALUE"),
    (["--out", "{run}", "--config", "tiny", "--data", "{run}"], "is not an existing folder"),
    (["--export", "{run}", "--out", "file.pt"], "give a name that ends in .safetensors"),
    (["--export", "{run}", "--out", "file.safetensors"], "holds no checkpoint of a training"),
]


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED)
def test_invalid_options_are_refused_in_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(tmp_path / "none")
    assert main(["train", *(argument.format(run=run) for argument in arguments)]) == 2
    assert sentence in capsys.readouterr().err


def test_an_unsupported_precision_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*options(data, "mixed_precision=fp16"), "--out", str(tmp_path)]) == 2
    assert "mixed_precision is fp16, which this device does not support" in capsys.readouterr().err


def test_a_dry_run_prints_memory_and_operations(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cost = StepCost(2**28, activations=2**30, operations=3 * 10**12, scan_operations=10**12)
    monkeypatch.setattr("animatex_core.training.animate_x.cost.step_cost", lambda *_: cost)
    assert main(["train", "--config", "paper", "--dry-run"]) == 0
    output = capsys.readouterr().out
    assert output.startswith("A step of 1 clips of 32 frames of 512x768, mixed precision bf16")
    assert all(
        words in output for words in ("AdamW         2.00 GiB", "memory        6.00 GiB", "3.00 TFLOP")
    )


def launch(processes: int, module: str = "animatex_core") -> list[str]:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*torchrun, "--nproc_per_node", str(processes), "-m", module]


@pytest.mark.slow
def test_ctrl_c_under_torchrun_saves_a_checkpoint_of_the_last_step(data: Path, tmp_path: Path) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    command = [*launch(1), *options(data, "steps=1000000", "checkpoints.every_steps=null"), "--out", str(run)]
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        while not re.search(r"step \d+/", log.read_text()):
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    told_last = max(int(step) for step in re.findall(r"step (\d+)/", log.read_text()))
    assert read_checkpoint(latest_checkpoint(run)).position.step >= told_last


@pytest.mark.slow
def test_two_processes_match_one_that_accumulates_gradients(data: Path, tmp_path: Path) -> None:
    """Same samples and noise: gradients are averaged across processes, or accumulated."""
    alone, together = tmp_path / "alone", tmp_path / "together"
    assert main([*options(data, "accumulation=2"), "--out", str(alone)]) == 0
    command = launch(2, "tests.cli.ended_threads")
    subprocess.run([*command, *options(data), "--out", str(together)], check=True)
    one, two = (read_checkpoint(latest_checkpoint(run)) for run in (alone, together))
    assert one.position == two.position
    for name, tensor in one.tensors.items():
        torch.testing.assert_close(two.tensors[name], tensor, rtol=1e-3, atol=1e-5, msg=name)
