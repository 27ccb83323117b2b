"""The public names of the package: a clip in three lines, and every step of it by itself."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import animatex_core
from animatex_core import (
    AnimateXPipeline,
    AnimateXWarning,
    Animation,
    AnimationSettings,
    Box,
    RetargetSettings,
    SamplingSettings,
    open_driving,
    open_reference,
    read_video,
)
from animatex_core.cli.main import main
from animatex_core.errors import AnimateXError
from animatex_core.video.info import probe
from tests.support.dance_samples import DanceFiles, write_dance

SETTINGS = AnimationSettings(64, 128, sampling=SamplingSettings(solver="dpm++2m", steps=2, seed=7))


@pytest.fixture
def dance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DanceFiles:
    monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    return write_dance(tmp_path)


@pytest.fixture(scope="module")
def pipeline() -> AnimateXPipeline:
    return AnimateXPipeline.from_bundle("small", device="cpu")


def animated(pipeline: AnimateXPipeline, dance: DanceFiles, **more: object) -> Animation:
    options = {"poses": dance.poses, "frames": 3, "box": Box(0.1, 0.1, 0.9, 0.9), "settings": SETTINGS}
    with pytest.warns(AnimateXWarning):  # smaller than what the model was trained on
        return pipeline(dance.character, dance.clip, **{**options, **more})  # type: ignore[arg-type]


def test_importing_the_package_loads_neither_torch_nor_numpy() -> None:
    code = (
        "import animatex_core, sys; print({'torch', 'numpy'} & set(sys.modules), animatex_core.__version__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["set()", animatex_core.__version__]


def test_every_public_name_is_there() -> None:
    assert {name for name in animatex_core.__all__ if not hasattr(animatex_core, name)} == set()
    assert dir(animatex_core) == sorted(animatex_core.__all__)
    with pytest.raises(AttributeError, match="Animater"):
        _ = animatex_core.Animater


def test_a_clip_is_saved_with_the_audio_of_the_dance(
    pipeline: AnimateXPipeline, dance: DanceFiles, tmp_path: Path
) -> None:
    animation = animated(pipeline, dance)
    assert animation.frames.shape == (3, 128, 64, 3)
    written = probe(animation.save(tmp_path / "out" / ".." / "rabbit.mp4"))
    assert (written.frames, written.has_audio) == (3, probe(dance.clip).has_audio)
    assert written.fps == pytest.approx(probe(dance.clip).fps / 2, rel=0.01)
    assert not probe(animation.save(tmp_path / "silent.mp4", silent=True)).has_audio


def test_the_command_line_makes_the_same_frames(
    pipeline: AnimateXPipeline, dance: DanceFiles, tmp_path: Path
) -> None:
    command = [
        "animate",
        "--reference",
        dance.character,
        "--driving",
        dance.clip,
        "--poses",
        dance.poses,
        "--frames",
        3,
        "--box",
        "0.1,0.1,0.9,0.9",
        "--size",
        "64x128",
        "--steps",
        2,
        "--seed",
        7,
        "--solver",
        "dpm++2m",
        "--guidance",
        SETTINGS.sampling.guidance.scale,
        "--window",
        3,
        "--overlap",
        1,
        "--model",
        "small",
        "--device",
        "cpu",
        "--out",
        tmp_path / "frames",
    ]
    assert main([str(word) for word in command]) == 0
    own = animated(pipeline, dance).save(tmp_path / "own")
    for number in range(3):
        pair = [
            np.asarray(Image.open(folder / f"{number:04}.png"), int) for folder in (own, tmp_path / "frames")
        ]
        assert np.abs(pair[0] - pair[1]).max() <= 1


def test_the_steps_make_what_one_call_makes(pipeline: AnimateXPipeline, dance: DanceFiles) -> None:
    reference = open_reference(Image.open(dance.character), box=Box(0.1, 0.1, 0.9, 0.9))
    driving = open_driving(dance.clip, poses=dance.poses, frames=3)
    made = pipeline.retarget(reference, driving)
    with pytest.warns(AnimateXWarning):
        conditions = pipeline.conditions(reference, driving, made.poses, made.own_pose, SETTINGS)
    latents = pipeline.sample(conditions, SETTINGS.sampling)
    assert latents.shape == (1, pipeline.networks.unet.config.latent_channels, 3, 16, 8)
    np.testing.assert_array_equal(pipeline.decode(latents), animated(pipeline, dance).frames)


def test_arguments_override_the_settings(pipeline: AnimateXPipeline, dance: DanceFiles) -> None:
    settings = AnimationSettings(128, 64, RetargetSettings("align"), SamplingSettings(steps=10))
    changed = {"size": (64, 128), "steps": 2, "solver": "dpm++2m", "guidance": 7.5, "seed": 7}
    expected = animated(pipeline, dance, guidance=7.5)
    found = animated(pipeline, dance, settings=settings, retarget=RetargetSettings(), **changed)
    np.testing.assert_array_equal(found.frames, expected.frames)


def test_without_settings_the_defaults_are_those_of_the_command(
    pipeline: AnimateXPipeline, dance: DanceFiles, tmp_path: Path
) -> None:
    words = [
        "animate",
        *dance.options(out=tmp_path / "frames", frames=2, size="64x128", box="0.1,0.1,0.9,0.9"),
        "--model",
        "small",
        "--device",
        "cpu",
    ]
    assert main([str(word) for word in words]) == 0
    own = animated(pipeline, dance, settings=None, frames=2, size=(64, 128)).save(tmp_path / "own")
    assert (own / "0001.png").read_bytes() == (tmp_path / "frames" / "0001.png").read_bytes()
    assert pipeline.defaults.sampling == SamplingSettings.for_small_bundle()


def test_progress_replaces_the_report_of_a_pipeline(pipeline: AnimateXPipeline, dance: DanceFiles) -> None:
    stages: list[str] = []
    animated(pipeline, dance, progress=lambda stage, done, total: stages.append(stage))
    assert list(dict.fromkeys(stages)) == ["features", "sampling", "decoding"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": (70, 70)}, "multiple of 16"),
        ({"steps": 0}, "steps is 0"),
        ({"solver": "euler"}, "solver is 'euler'"),
        ({"guidance": -1.0}, "guidance"),
        ({"seed": -1}, "seed"),
        ({"start": 99.0}, "start"),
        ({"poses": "absent.json"}, "absent.json"),
        ({"mask": "absent.png", "box": None}, "absent.png"),
    ],
)
def test_bad_arguments_are_one_sentence(
    pipeline: AnimateXPipeline, dance: DanceFiles, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(AnimateXError, match=re.escape(words)) as caught:
        pipeline(dance.character, dance.clip, **{"poses": dance.poses, "frames": 2, **options})
    assert "\n" not in str(caught.value)


def test_a_seed_stands_above_that_of_the_settings(
    pipeline: AnimateXPipeline, dance: DanceFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    unet = pipeline.networks.unet
    monkeypatch.setattr(unet, "config", replace(unet.config, ignores_noise=False, smallest_change=0.0))
    same, other = animated(pipeline, dance, seed=7), animated(pipeline, dance, seed=8)
    np.testing.assert_array_equal(same.frames, animated(pipeline, dance).frames)
    assert (same.frames != other.frames).any()


def test_frames_in_memory_need_a_rate(pipeline: AnimateXPipeline, dance: DanceFiles, tmp_path: Path) -> None:
    animation = animated(pipeline, dance)
    bare = Animation(animation.frames, animation.poses.with_fps(None), "")
    with pytest.raises(AnimateXError, match="pass fps="):
        bare.save(tmp_path / "bare.mp4")
    assert len(list(read_video(bare.save(tmp_path / "bare.mp4", fps=12)))) == 3


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("absent.png", "absent.png"),
        (np.zeros((4, 4)), "must be .height, width, 3."),
        ("dance.json", "dance.json"),
    ],
)
def test_bad_references_are_one_sentence(
    pipeline: AnimateXPipeline, dance: DanceFiles, reference: str | np.ndarray, words: str
) -> None:
    with pytest.raises(AnimateXError, match=words):
        pipeline(reference, dance.clip, poses=dance.poses, frames=3)


def test_guidance_of_the_built_in_models_is_warned_of(pipeline: AnimateXPipeline, dance: DanceFiles) -> None:
    with pytest.warns(AnimateXWarning, match="a scale of 2 exaggerates colours: use 1"):
        pipeline(dance.character, dance.clip, poses=dance.poses, frames=3, settings=SETTINGS, guidance=2.0)


def test_a_model_that_is_not_there_is_one_sentence(dance: DanceFiles) -> None:
    with pytest.raises(AnimateXError, match=r"absent\.safetensors"):
        AnimateXPipeline.from_bundle("absent.safetensors", device="cpu")
