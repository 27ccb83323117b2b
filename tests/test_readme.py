"""Every snippet of the README, run as a reader would: real commands, small networks, a hub of our own."""

import hashlib
import re
import shlex
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

from animatex_core.animate_x.checkpoint import convert_denoiser
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.cli import models, poses
from animatex_core.cli.main import main
from animatex_core.encoders.open_clip import OpenClipTextContext
from animatex_core.hub import catalogue as bundles
from animatex_core.hub import models_dir
from tests.animate_x.test_checkpoint import CONTEXT, released_tensors
from tests.animate_x_plus.small_wan import write_small_wan
from tests.encoders.small_clip import SMALL, small_clip
from tests.pose.onnx_files import write_detector, write_landmarks
from tests.support.dance_samples import write_dance
from tests.support.file_server import serving

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "docs" / "command-line-and-library.md"]
README = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def snippets(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[str]:
    lines = (line.partition("#")[0].strip() for snippet in snippets("sh") for line in snippet.splitlines())
    return [line for line in lines if line]


def core_commands() -> list[list[str]]:
    prefix = "python -m animatex_core "
    return [shlex.split(line.removeprefix(prefix)) for line in commands() if line.startswith(prefix)]


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
    catalogue = yaml.safe_load(bundles.CATALOGUE.read_text(encoding="utf-8"))
    with serving() as hub:
        for entry in catalogue["files"]:
            path = tmp_path / "served"
            torch.save(contents.get(entry["id"], {"x": torch.zeros(3)}), path)
            data = path.read_bytes()
            hub.files[f"/{entry['repository']}/resolve/main/{entry['path']}"] = data
            entry |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        (tmp_path / "models.yaml").write_text(yaml.safe_dump(catalogue), encoding="utf-8")
        for module in (models, models_dir):
            load = partial(bundles.load_catalogue, tmp_path / "models.yaml")
            monkeypatch.setattr(module, "load_catalogue", load)
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))
        pack = tmp_path / "ComfyUI" / "custom_nodes" / "animate-x"
        pack.mkdir(parents=True)
        monkeypatch.chdir(pack)
        yield tmp_path / "models"


def test_commands_about_weights_run_in_the_order_given(small_release: Path) -> None:
    lines = [line for line in core_commands() if line[0] in ("models", "convert")]
    assert [line[0] for line in lines] == ["models", "convert", *4 * ["models"], "convert"]
    assert [main(line) for line in lines] == [0] * 7
    assert (small_release / "animate_x" / "animate-x-bf16.safetensors").exists()
    assert Path("../../models/animate_x/animate-x-bf16.safetensors").exists()


@pytest.fixture
def dance_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the README speaks of, and small nets in place of DWPose."""
    (tmp_path / "models").mkdir()
    write_detector(tmp_path / "models" / "yolox_l.onnx")
    write_landmarks(tmp_path / "models" / "dw-ll_ucoco_384.onnx")
    monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(poses, "CACHE", tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    files = write_dance(tmp_path)
    files.character.rename("rabbit.png")
    files.poses.rename("dance.json")
    Image.open("rabbit.png").getchannel("A").save("mask.png")
    return tmp_path


def test_commands_about_dances_run_as_given_but_for_their_size(dance_folder: Path) -> None:
    lines = [line for line in core_commands() if line[0] in ("animate", "pose", "retarget")]
    assert [line[0] for line in lines] == ["animate", "animate", "pose", "retarget", "animate"]
    write_small_wan(dance_folder / "models")
    assert [main(line + _small(line)) for line in lines] == [0] * 5
    written = ("rabbit.mp4", "three.mp4", "beach.mp4", "preview.png")
    assert all((dance_folder / name).exists() for name in written)


def _small(line: list[str]) -> list[str]:
    if line[0] != "animate":
        return []
    solver = [] if "animate-x-plus" in line else ["--solver", "dpm++2m"]
    return ["--frames", "4", "--steps", "2", "--size", "64x64", *solver]


def test_the_whole_way_in_python(dance_folder: Path) -> None:
    (source,) = (snippet for snippet in snippets("python") if "Animator" in snippet)
    command = [sys.executable, "-c", f"{source}\nassert animation.frames.shape == (8, 192, 128, 3)"]
    done = subprocess.run(command, cwd=dance_folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "decoding 8 of 8"


def test_set_up_is_what_make_does() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    plain = (
        makefile.replace("$(BIN)", ".venv/bin").replace("$(VENV)", ".venv").replace("$(PYTHON)", "python3")
    )
    plain = plain.replace(" --quiet", "")
    lines = [line for line in commands() if not line.startswith(("make", "python -m animatex_core"))]
    assert len(lines) == 9
    assert [line for line in lines if line not in plain] == []
    assert [line for line in commands() if line.startswith("make")] == ["make demo", "make test"]


def test_latents_in_python(tmp_path: Path) -> None:
    (source,) = (snippet for snippet in snippets("python") if "sample_latents" in snippet)
    torch.save(released_tensors(), tmp_path / "released.pth")
    bundle = tmp_path / "animate-x-bf16.safetensors"
    convert_denoiser(tmp_path / "released.pth", bundle, CONTEXT, torch.bfloat16, DenoiserConfig.tiny())
    for name in ("reference", *(f"pose_{index}" for index in range(9))):
        Image.new("RGB", (40, 60), "orange").save(tmp_path / f"{name}.png")
    command = [sys.executable, "-c", f"{source}\nassert latents.shape == shape.latents()"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "4 of 4"


def test_files_that_the_readme_names_exist() -> None:
    named = re.findall(r"`((?:animatex_core|tests)/[\w/.]+|\w+\.(?:yaml|txt))`", README)
    assert len(named) > 8
    assert [name for name in named if not (ROOT / name).exists()] == []
