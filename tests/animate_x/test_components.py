import shutil
from pathlib import Path

import pytest
import torch

from animatex_core.animate_x.components import PipelineComponents, dummy_components, load_components
from animatex_core.animate_x.conversion import convert_denoiser
from animatex_core.encoders.open_clip import OpenClipTextContext
from animatex_core.errors import InvalidInput
from animatex_core.hub.catalogue import load_catalogue
from animatex_core.hub.models_dir import (
    AUTOENCODERS,
    DENOISER,
    OPEN_CLIP,
    POSE_DETECTOR,
    POSE_ESTIMATOR,
    ModelsDir,
)
from animatex_core.utils.devices import choose_device, choose_dtype
from tests.support.small_release import place_small_release

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelsDir:
    place_small_release(tmp_path / "models", monkeypatch)
    return ModelsDir(tmp_path / "models")


def load(folder: ModelsDir, dtype: torch.dtype = torch.float32) -> PipelineComponents:
    denoiser = folder.find_denoiser()
    assert denoiser is not None
    return load_components(folder, denoiser, dtype, CPU)


def convert(folder: ModelsDir, precision: str, dtype: torch.dtype) -> Path:
    target = folder.path / "animate_x" / f"animate-x-{precision}.safetensors"
    context = OpenClipTextContext.from_file(folder.path / "clip_vision" / "open_clip_pytorch_model.bin")
    convert_denoiser(folder.path / "animate_x" / "animate-x_ckpt.pth", target, context.empty_text(), dtype)
    return target


def test_a_checkpoint_gets_its_text_context_from_the_text_tower(folder: ModelsDir) -> None:
    networks = load(folder)
    assert networks.text_context.shape == (1, 77, 64)
    assert networks.image_encoder.encode(torch.rand(2, 3, 224, 224)).shape == (2, 64)
    assert networks.autoencoder.decode(torch.rand(1, 4, 4, 2)).shape == (1, 3, 32, 16)


def test_a_bundle_is_preferred_and_agrees_with_its_checkpoint(folder: ModelsDir) -> None:
    plain = load(folder, torch.bfloat16)
    bundle = convert(folder, "bf16", torch.bfloat16)
    assert folder.find_denoiser() == bundle
    loaded = load(folder, torch.bfloat16)
    torch.testing.assert_close(loaded.text_context, plain.text_context)
    for ours, theirs in zip(loaded.unet.parameters(), plain.unet.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("lacking", "command"),
    [("clip_vision", "download open-clip-vit-h-14"), ("vae", "download sd21-autoencoder")],
)
def test_a_missing_file_is_named_with_the_command_that_fetches_it(
    folder: ModelsDir, lacking: str, command: str
) -> None:
    shutil.rmtree(folder.path / lacking)
    with pytest.raises(InvalidInput, match=command):
        load(folder)


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    folder = ModelsDir(tmp_path)
    assert folder.find_denoiser() is None
    assert folder.find_pose_files() is None


def test_both_pose_files_are_needed(tmp_path: Path) -> None:
    (tmp_path / "yolox_l.onnx").touch()
    assert ModelsDir(tmp_path).find_pose_files() is None
    (tmp_path / "dw-ll_ucoco_384.onnx").touch()
    assert ModelsDir(tmp_path).find_pose_files() == (
        tmp_path / "yolox_l.onnx",
        tmp_path / "dw-ll_ucoco_384.onnx",
    )


def test_generated_networks_are_the_same_every_time() -> None:
    first, second = dummy_components(), dummy_components()
    pictures = torch.rand(1, 3, 224, 224)
    assert torch.equal(first.image_encoder.encode(pictures), second.image_encoder.encode(pictures))
    assert torch.equal(first.text_context, second.text_context)
    assert not torch.equal(first.text_context, dummy_components(seed=1).text_context)


def test_an_unknown_device_is_refused_in_one_sentence() -> None:
    with pytest.raises(InvalidInput, match="'toaster' is not available"):
        choose_device("toaster")


@pytest.mark.parametrize(
    ("precision", "dtype"), [("auto", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_precision_on_a_cpu(precision: str, dtype: torch.dtype) -> None:
    assert choose_dtype(precision, choose_device("cpu")) is dtype


def test_the_files_asked_for_are_in_the_catalogue() -> None:
    roles = {file_id: load_catalogue().find(file_id).role for file_id in (DENOISER, OPEN_CLIP, *AUTOENCODERS)}
    assert list(roles.values()) == ["denoiser", "image_encoder", "autoencoder", "autoencoder"]
    assert load_catalogue().find(POSE_DETECTOR).role == "pose_detector"
    assert load_catalogue().find(POSE_ESTIMATOR).role == "pose_estimator"
