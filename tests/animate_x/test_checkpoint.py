from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from animatex_core.animate_x.checkpoint import (
    DenoiserFile,
    load_denoiser,
    read_denoiser,
    write_denoiser,
)
from animatex_core.animate_x.checkpoint_keys import to_official
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.conversion import convert_denoiser
from animatex_core.animate_x.training_spec import RELEASED, TrainingSpec
from animatex_core.animate_x.unet import AnimateXUNet
from animatex_core.checkpoints.safe_load import read_metadata
from animatex_core.errors import DamagedCheckpoint, InvalidInput, UnsafeCheckpoint, WrongCheckpoint
from tests.animate_x.samples import tiny_inputs, tiny_latents, tiny_unet
from tests.animate_x.test_unet import run
from tests.support.equal_networks import assert_same_networks

TINY = DenoiserConfig.tiny()
CONTEXT = torch.linspace(-1, 1, 4 * 64).view(1, 4, 64)


def released_tensors() -> dict[str, Tensor]:
    return {
        **to_official(tiny_unet().state_dict()),
        "pose_embedding_before.pos_embed.pos_table": torch.zeros(1, 33, 64),
    }


def output(unet: torch.nn.Module) -> Tensor:
    assert isinstance(unet, AnimateXUNet)
    return run(unet, tiny_inputs(), tiny_latents())


@pytest.fixture
def released(tmp_path: Path) -> Path:
    path = tmp_path / "released.pth"
    torch.save(released_tensors(), path)
    return path


@pytest.fixture
def bundle(released: Path) -> Path:
    path = released.with_name("bundle.safetensors")
    convert_denoiser(released, path, CONTEXT, torch.bfloat16, TINY)
    return path


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_released_pickle_gives_the_network(tmp_path: Path, wrapped: bool, dtype: torch.dtype) -> None:
    tensors = {key: tensor.to(dtype) for key, tensor in released_tensors().items()}
    torch.save({"state_dict": tensors, "step": 9} if wrapped else tensors, tmp_path / "released.pth")
    unet = load_denoiser(tmp_path / "released.pth", torch.float32, config=TINY).unet
    expected = tiny_unet().to(dtype).float()
    assert_same_networks(unet, expected, output)


def test_released_keys_in_safetensors_give_the_network(tmp_path: Path) -> None:
    path = tmp_path / "released.safetensors"
    save_file(to_official(tiny_unet().state_dict()), path)  # without the position table, which is a constant
    unet = load_denoiser(path, config=TINY).unet
    assert_same_networks(unet, tiny_unet(), output)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_bundle_knows_its_configuration_and_context(released: Path, dtype: torch.dtype) -> None:
    path = released.with_name("bundle.safetensors")
    convert_denoiser(released, path, CONTEXT, dtype, TINY)
    loaded = load_denoiser(path)
    assert loaded.unet.config == TINY
    assert loaded.unet.dtype == dtype
    assert torch.equal(loaded.text_context, CONTEXT.to(dtype))  # type: ignore[arg-type]
    expected = tiny_unet().to(dtype).state_dict()
    assert all(torch.equal(tensor, expected[key]) for key, tensor in loaded.unet.state_dict().items())


def test_a_written_denoiser_keeps_its_training_spec(tmp_path: Path) -> None:
    file = DenoiserFile(TINY, tiny_unet().state_dict(), CONTEXT, TrainingSpec(128, 192, 16, "both"))
    write_denoiser(tmp_path / "mine.safetensors", file, torch.float16)
    loaded = load_denoiser(tmp_path / "mine.safetensors")
    assert loaded.trained_on == file.trained_on
    assert torch.equal(loaded.text_context, CONTEXT.half())  # type: ignore[arg-type]
    assert loaded.unet.dtype == torch.float16


@pytest.mark.parametrize("told", [None, '{"width": 0}', '{"speed": 3}', '{"reference_form": "none"}', "5"])
def test_an_unreadable_training_spec_is_rejected(bundle: Path, told: str | None) -> None:
    tensors, metadata = load_file(bundle), read_metadata(bundle)
    del metadata["trained_on"]  # as before it was written down
    save_file(tensors, bundle, metadata | ({} if told is None else {"trained_on": told}))
    if told is None:
        assert read_denoiser(bundle).trained_on == RELEASED
        return
    with pytest.raises(WrongCheckpoint, match="unusable configuration"):
        read_denoiser(bundle)


def test_bundle_is_an_ordinary_safetensors_file(bundle: Path) -> None:
    tensors = load_file(bundle)
    assert tensors.keys() == {"text_context", *(f"denoiser.{key}" for key in tiny_unet().state_dict())}
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16}


def test_loaded_denoiser_is_ready_for_inference(bundle: Path) -> None:
    unet = load_denoiser(bundle, torch.float32).unet
    assert not unet.training
    assert not any(parameter.requires_grad for parameter in unet.parameters())


def without_one(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in tensors.items() if key != "out.2.weight"}


def with_another(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {**tensors, "lora.weight": torch.zeros(1)}


def of_another_shape(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {**tensors, "out.2.weight": torch.zeros(4, 32, 1, 1)}


@pytest.mark.parametrize(
    ("damage", "message"),
    [(without_one, "missing"), (with_another, "unexpected"), (of_another_shape, "of another shape")],
)
def test_wrong_tensors_are_reported(tmp_path: Path, damage, message: str) -> None:  # type: ignore[no-untyped-def]
    torch.save(damage(released_tensors()), tmp_path / "released.pth")
    with pytest.raises(WrongCheckpoint, match=rf"1 {message} \((out\.2|lora)\.weight"):
        read_denoiser(tmp_path / "released.pth", TINY)


def test_another_model_is_rejected(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "linear.pth")
    with pytest.raises(WrongCheckpoint, match="2099 missing"):
        read_denoiser(tmp_path / "linear.pth")


@pytest.mark.parametrize("size", [0, 10, 1000, -100])
def test_truncated_bundle_is_rejected(bundle: Path, size: int) -> None:
    bundle.write_bytes(bundle.read_bytes()[:size])
    with pytest.raises(DamagedCheckpoint, match=r"bundle\.safetensors"):
        load_denoiser(bundle)


class Malicious:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_pickle_with_code_is_not_executed(tmp_path: Path) -> None:
    torch.save({**released_tensors(), "x": Malicious(tmp_path / "ran")}, tmp_path / "evil.pth")
    with pytest.raises(UnsafeCheckpoint):
        load_denoiser(tmp_path / "evil.pth", config=TINY)
    assert not (tmp_path / "ran").exists()


def test_failed_conversion_keeps_the_existing_file(tmp_path: Path) -> None:
    target = tmp_path / "bundle.safetensors"
    target.write_text("precious")
    torch.save(without_one(released_tensors()), tmp_path / "released.pth")
    with pytest.raises(WrongCheckpoint):
        convert_denoiser(tmp_path / "released.pth", target, CONTEXT, config=TINY)
    assert target.read_text() == "precious"
    assert not list(tmp_path.glob("*.part"))


def test_values_beyond_half_precision_are_rejected(tmp_path: Path) -> None:
    tensors = released_tensors()
    tensors["out.2.bias"] = torch.full((4,), 1e6)
    source, target = tmp_path / "released.pth", tmp_path / "out.safetensors"
    torch.save(tensors, source)
    with pytest.raises(WrongCheckpoint, match=r"out\.2\.bias.*bfloat16"):
        convert_denoiser(source, target, CONTEXT, torch.float16, TINY)
    assert not list(tmp_path.glob("out*"))


def test_bundle_is_not_converted_again(bundle: Path) -> None:
    with pytest.raises(InvalidInput, match="already"):
        convert_denoiser(bundle, bundle, CONTEXT, config=TINY)


def test_context_of_another_size_is_rejected(released: Path) -> None:
    with pytest.raises(InvalidInput, match=r"\(1, 4, 64\)"):
        convert_denoiser(released, released.with_name("out"), torch.zeros(1, 77, 64), config=TINY)
