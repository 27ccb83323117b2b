"""Snippets of README and docs on model files and dances, run as given: small networks, a hub of our own."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.conversion import convert_denoiser
from animatex_core.assets.demo_files import DATA, MOTION
from animatex_core.cli import demo, inputs, models
from animatex_core.cli.main import main
from animatex_core.encoders.open_clip import OpenClipTextContext
from animatex_core.hub import catalogue as model_catalogue
from animatex_core.hub import models_dir
from animatex_core.video.info import probe
from tests.animate_x.test_checkpoint import CONTEXT, released_tensors
from tests.animate_x_plus.small_wan import write_small_wan
from tests.cli.test_demo import QUICK
from tests.documents import ROOT, command_lines, core_commands, snippets
from tests.encoders.small_clip import SMALL, small_clip
from tests.pose.onnx_files import write_detector, write_landmarks
from tests.support.dance_samples import write_dance
from tests.support.file_server import serving


@pytest.fixture
def small_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A hub that serves small files of the released forms, and a catalogue that knows their digests."""
    config = replace(DenoiserConfig.tiny(), text_tokens=77)
    monkeypatch.setattr(DenoiserConfig, "released", lambda: config)
    small_tower = partial(OpenClipTextContext.from_file, config=SMALL)
    monkeypatch.setattr(OpenClipTextContext, "from_file", small_tower)
    contents = {
        "animate-x-denoiser": released_tensors(),
        "open-clip-vit-h-14": small_clip(tmp_path).state_dict(),
    }
    catalogue = yaml.safe_load(model_catalogue.CATALOGUE.read_text(encoding="utf-8"))
    with serving() as hub:
        for entry in catalogue["files"]:
            path = tmp_path / "served"
            torch.save(contents.get(entry["id"], {"x": torch.zeros(3)}), path)
            data = path.read_bytes()
            hub.files[f"/{entry['repository']}/resolve/main/{entry['path']}"] = data
            entry |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        (tmp_path / "models.yaml").write_text(yaml.safe_dump(catalogue), encoding="utf-8")
        for module in (models, models_dir):
            load = partial(model_catalogue.load_catalogue, tmp_path / "models.yaml")
            monkeypatch.setattr(module, "load_catalogue", load)
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))
        pack = tmp_path / "ComfyUI" / "custom_nodes" / "animate-x"
        pack.mkdir(parents=True)
        monkeypatch.chdir(pack)
        yield tmp_path / "models"


def test_commands_about_weights_run_in_the_order_given(small_release: Path) -> None:
    lines = core_commands("weights")
    assert {line[0] for line in lines} == {"models", "convert"}
    assert [line for line in lines if main(line) != 0] == []
    assert (small_release / "animate_x" / "animate-x-bf16.safetensors").exists()
    assert Path("../../models/animate_x/animate-x-bf16.safetensors").exists()


@pytest.fixture
def dance_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the snippets use, and small models in place of DWPose."""
    (tmp_path / "models").mkdir()
    write_detector(tmp_path / "models" / "yolox_l.onnx")
    write_landmarks(tmp_path / "models" / "dw-ll_ucoco_384.onnx")
    monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(inputs, "CACHE", tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    files = write_dance(tmp_path)
    files.character.rename("rabbit.png")
    files.poses.rename("dance.json")
    shutil.copyfile(MOTION, tmp_path / "walk.bvh")
    Image.open("rabbit.png").getchannel("A").save("mask.png")
    return tmp_path


def test_commands_about_dances_run_as_given_but_for_their_size(
    dance_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = core_commands("dances")
    assert {line[0] for line in lines} == {"demo", "animate", "pose", "retarget", "sprite-sheet"}
    monkeypatch.setattr(demo, "OPTIONS", QUICK)
    write_small_wan(dance_folder / "models")
    shutil.copytree(DATA, dance_folder / DATA.relative_to(ROOT))
    assert [line for line in lines if main(line + _small(line)) != 0] == []
    written = (
        *("rabbit.mp4", "three.mp4", "beach.mp4", "bear.mp4", "robot.mp4"),
        *("preview.png", "demo/animation.mp4", "rabbit-dance.json"),
    )
    assert all((dance_folder / name).exists() for name in written)


def _small(line: list[str]) -> list[str]:
    if line[0] != "animate":
        return []
    solver = [] if "animate-x-plus" in line else ["--solver", "dpm++2m"]
    loop = ["--loop-min", "3"] if "--loop" in line else []
    return ["--frames", "4", "--steps", "2", "--size", "64x64", *solver, *loop]


def run_snippet(source: str, folder: Path) -> list[str]:
    """Run Python code in a folder; return the lines that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


# Two snippets need other files: see below, and tests/comfyui/test_readme.py.
OTHERS = ("sample_latents", "8188")
ON_DANCES = [source for source in snippets("python") if not any(name in source for name in OTHERS)]


@pytest.mark.parametrize("source", ON_DANCES, ids=[f"snippet-{index}" for index in range(len(ON_DANCES))])
def test_dances_in_python(dance_folder: Path, source: str) -> None:
    run_snippet(source, dance_folder)
    written = [path for path in dance_folder.glob("*.mp4") if path.name != "dance.mp4"]
    assert written
    assert all((probe(path).frames or 0) > 1 for path in written)


def test_set_up_is_what_make_does() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    plain = (
        makefile.replace("$(BIN)", ".venv/bin").replace("$(VENV)", ".venv").replace("$(PYTHON)", "python3")
    )
    plain = plain.replace(" --quiet", "")
    lines = [line for line in command_lines() if line.startswith((".venv/", "python3 "))]
    assert len(lines) == 9
    assert [line for line in lines if line not in plain] == []
    assert [line for line in command_lines() if line.startswith("make")] == ["make demo", "make test"]


def test_latents_in_python(tmp_path: Path) -> None:
    (source,) = (snippet for snippet in snippets("python") if "sample_latents" in snippet)
    torch.save(released_tensors(), tmp_path / "released.pth")
    bundle = tmp_path / "animate-x-bf16.safetensors"
    convert_denoiser(tmp_path / "released.pth", bundle, CONTEXT, torch.bfloat16, DenoiserConfig.tiny())
    for name in ("reference", *(f"pose_{index}" for index in range(9))):
        Image.new("RGB", (40, 60), "orange").save(tmp_path / f"{name}.png")
    check = "assert latents.shape == shape.latents()"
    assert run_snippet(f"{source}\n{check}", tmp_path)[-1] == "4 of 4"
