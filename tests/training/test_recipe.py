"""The complete training of the small bundle in a few steps, and its validation."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState

from animatex_core.animate_x.checkpoint import load_denoiser
from animatex_core.hub.bundled import BUNDLED_MODELS, SmallBundle
from animatex_core.training.data.shards import shard_files
from animatex_core.training.small_models.__main__ import read_encoders
from animatex_core.training.small_models.gate import Gate
from animatex_core.training.small_models.recipe import Recipe, Stage
from animatex_core.training.small_models.scores import gaussian_blur

STAGES = (Stage("far", 4, 1), Stage("far", 5, 1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recipe")


@pytest.fixture(scope="module")
def own_precision() -> Iterator[None]:
    """Let this training choose its precision, which accelerate otherwise fixes once in a process."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="module")
def messages(folder: Path, own_precision: None) -> list[str]:
    """Messages of a training that ends after its first stage, and of one that resumes it."""
    lines: list[str] = []
    for stages in (STAGES[:1], STAGES):
        lines.append("begun")
        Recipe(folder, read_encoders, lines.append, stages, every=0, pairs=1).run()
    return lines


def test_an_interrupted_recipe_resumes(messages: list[str], folder: Path) -> None:
    again = messages[len(messages) - messages[::-1].index("begun") :]
    assert any("far: 64 of 5 clips exist" in line for line in again)  # counted by whole shards
    assert [line for line in again if line.startswith("stage")] == ["stage 2 of 2: far, to step 2"]
    measured = [line for line in again if "held out, denoiser" in line]
    assert len(measured) == 1
    assert "step 2, " in measured[0]
    assert len(shard_files(folder / "clips" / "far")) == 2
    assert (folder / "sheets" / "step-000002.png").is_file()


def test_the_result_is_a_denoiser_that_starts_from_the_puppet(messages: list[str], folder: Path) -> None:
    assert messages
    loaded = load_denoiser(folder / "denoiser.safetensors")
    assert loaded.unet.config.puppet
    assert (loaded.trained_on.width, loaded.trained_on.height) == (128, 192)
    gate = Gate(read_encoders(SmallBundle(folder)), 1)
    controls = gate.controls()
    puppet, ceiling = controls["puppet"], controls["autoencoder"]
    found = gate.score(loaded.unet.float())
    assert found["moving PSNR"] == pytest.approx(puppet["moving PSNR"], abs=1)
    assert ceiling["PSNR"] > 30
    assert ceiling["perceptual"] < puppet["perceptual"]


def test_the_shipped_denoiser_is_trained_further(tmp_path: Path, own_precision: None) -> None:
    near = (Stage("near", 2, 1),)
    Recipe(tmp_path, read_encoders, lambda _: None, near, BUNDLED_MODELS, every=60, pairs=1).run()
    shipped, found = (
        load_denoiser(path) for path in (BUNDLED_MODELS.denoiser, tmp_path / "denoiser.safetensors")
    )
    assert found.unet.config == shipped.unet.config
    pairs = list(zip(shipped.unet.parameters(), found.unet.parameters(), strict=True))
    assert not all(torch.equal(*pair) for pair in pairs)
    assert max(float((before - after).abs().max()) for before, after in pairs) < 0.1


def test_a_blur_keeps_the_mean_and_grows_with_its_sigma() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (1, 32, 48, 3), np.uint8)
    spreads = [gaussian_blur(frames, sigma).std() for sigma in (0.4, 0.8, 1.3)]
    assert spreads == sorted(spreads, reverse=True)
    assert gaussian_blur(frames, 1.3).mean() == pytest.approx(frames.mean(), abs=2)
    plain = np.full((2, 8, 8, 3), 77, np.uint8)
    assert (gaussian_blur(plain, 1.0) == 77).all()
