from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from animatex_core.animate_x.checkpoint_keys import to_official
from animatex_core.animate_x_plus.checkpoint import convert_plus, is_plus, load_plus, read_plus
from animatex_core.animate_x_plus.config import WanConfig
from animatex_core.errors import InvalidInput, UnsafeCheckpoint, WrongCheckpoint
from animatex_core.hub.models_dir import Variant
from tests.animate_x_plus.samples import TINY, WAN, drawn, networks, plus_inputs
from tests.support.equal_networks import assert_near, assert_same_weights

TABLE = "pipe.pose_embedding_before.pos_embed.pos_table"
VARIANTS: tuple[Variant, ...] = ("full", "simple")


def released_tensors(variant: Variant = "full", rank: int = 4) -> dict[str, Tensor]:
    modules = {f"pipe.{key}": x for key, x in to_official(networks(variant).state_dict()).items()}
    table = {TABLE: torch.zeros(1, 16, 32)} if variant == "full" else {}
    layer = "pipe.dit.blocks.1.ffn.0.lora_{}.default.weight"
    lora = {
        layer.format("A"): drawn(rank, WAN.dim, seed=1),
        layer.format("B"): drawn(WAN.ffn_dim, rank, seed=2),
    }
    return modules | table | lora


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest) -> Variant:
    return request.param


@pytest.fixture
def released(tmp_path: Path, variant: Variant) -> Path:
    path = tmp_path / "animate-x++.ckpt"
    torch.save({"state_dict": released_tensors(variant), "epoch": 3}, path)
    return path


def test_the_official_checkpoint_gives_modules_and_lora(released: Path, variant: Variant) -> None:
    loaded = load_plus(released, config=TINY[variant], wan=WAN)
    assert_same_weights(loaded.networks, networks(variant))
    expected = networks(variant).encode(plus_inputs())
    encoded = loaded.networks.encode(plus_inputs())
    assert_near(encoded.pose_tokens, expected.pose_tokens)
    assert_near(encoded.reference_map, expected.reference_map)
    if expected.motion_tokens is not None:
        assert encoded.motion_tokens is not None
        assert_near(encoded.motion_tokens, expected.motion_tokens)
    assert loaded.lora["blocks.1.ffn.0"].rank == 4
    assert not loaded.networks.training
    assert is_plus(released)


def test_the_position_table_is_optional(tmp_path: Path) -> None:
    path = tmp_path / "it.safetensors"
    tensors = released_tensors()
    del tensors[TABLE]
    save_file(tensors, path)
    assert read_plus(path, TINY["full"], WAN).config == TINY["full"]


def test_a_converted_file_reads_back(released: Path, variant: Variant) -> None:
    path = released.with_name("plus.safetensors")
    told: list[tuple[int, int]] = []
    assert convert_plus(released, path, TINY[variant], WAN, lambda *done: told.append(done)) == variant
    stored = load_file(path)
    kinds = {key.startswith("modules."): tensor.dtype for key, tensor in stored.items()}
    assert kinds == {True: torch.float32, False: torch.bfloat16}
    assert told[-1][0] == told[-1][1] == sum(tensor.nbytes for tensor in stored.values())
    first, again = read_plus(released, TINY[variant]), read_plus(path, wan=WAN)
    assert again.config == TINY[variant]
    assert first.modules.keys() == again.modules.keys()
    assert all(torch.equal(first.modules[name], tensor) for name, tensor in again.modules.items())
    up = first.lora["blocks.1.ffn.0"].up
    assert torch.equal(again.lora["blocks.1.ffn.0"].up, up.bfloat16())
    assert is_plus(path)


@pytest.mark.parametrize(
    ("variant", "change", "message"),
    [
        ("full", {"pipe.dwpose_embedding.0.bias": None}, r"\(full\): 1 missing \(dwpose_embedding.0.bias\)"),
        ("simple", {"pipe.strange.weight": torch.ones(1)}, r"\(simple\): 1 unexpected \(pipe.strange.weight"),
        ("full", {"pipe.pose_embedding_after.proj_conv.bias": torch.ones(5)}, r"\(5,\) instead of \(3,\)"),
        ("simple", {"pipe.pose_embedding_after.proj_out.bias": torch.ones(32)}, "missing"),
        ("simple", {"pipe.dit.blocks.9.ffn.0.lora_A.default.weight": torch.ones(4, 96)}, "half of a pair"),
    ],
)
def test_other_keys_are_reported(
    tmp_path: Path, variant: Variant, change: dict[str, Tensor | None], message: str
) -> None:
    tensors = {key: x for key, x in (released_tensors(variant) | change).items() if x is not None}
    save_file(tensors, tmp_path / "it.safetensors")
    full = any("pose_embedding_after" in key for key in tensors)
    with pytest.raises(WrongCheckpoint, match=message):
        read_plus(tmp_path / "it.safetensors", TINY["full" if full else "simple"], WAN)


@pytest.mark.parametrize("variant", ["simple"], indirect=True)
def test_a_lora_for_another_transformer_is_rejected(released: Path) -> None:
    smaller = WanConfig(dim=48, ffn_dim=96, heads=3, blocks=2, text_dim=64)
    with pytest.raises(WrongCheckpoint, match="another size"):
        read_plus(released, TINY["simple"], smaller)
    read_plus(released, TINY["simple"])  # whoever has the transformer checks it there


@pytest.mark.parametrize("variant", ["simple"], indirect=True)
def test_invalid_conversions_are_rejected(released: Path) -> None:
    target = released.with_name("plus.safetensors")
    with pytest.raises(InvalidInput, match="also the file to write"):
        convert_plus(released, released, TINY["simple"], WAN)
    convert_plus(released, target, TINY["simple"], WAN)
    with pytest.raises(InvalidInput, match="already converted"):
        convert_plus(target, released.with_name("again.safetensors"))
    broken = released_tensors("simple") | {"pipe.dwpose_embedding.0.bias": torch.full((4,), torch.nan)}
    torch.save(broken, released)
    with pytest.raises(WrongCheckpoint, match=r"dwpose_embedding\.0\.bias"):
        convert_plus(released, released.with_name("nan.safetensors"), TINY["simple"], WAN)


def test_a_duplicate_module_is_rejected(tmp_path: Path) -> None:
    twice = released_tensors("simple") | {"ema.dwpose_embedding.0.bias": torch.ones(4)}
    save_file(twice, tmp_path / "it.safetensors")
    with pytest.raises(WrongCheckpoint, match="twice"):
        read_plus(tmp_path / "it.safetensors", TINY["simple"])


def test_code_in_a_pickle_is_not_run(tmp_path: Path) -> None:
    torch.save({"dwpose_embedding.0.weight": torch.ones(1), "hook": Path.cwd}, tmp_path / "it.ckpt")
    with pytest.raises(UnsafeCheckpoint):
        read_plus(tmp_path / "it.ckpt")


def test_a_configuration_of_another_version_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "it.safetensors"
    save_file({"modules.x": torch.ones(1)}, path, {"format": "animatex-plus", "config": '{"dim": 3}'})
    with pytest.raises(WrongCheckpoint, match="convert the official checkpoint again"):
        read_plus(path)


def test_other_files_are_not_of_animate_x_plus(tmp_path: Path) -> None:
    save_file({"dwpose_embedding.0.weight": torch.ones(1)}, tmp_path / "it.safetensors")
    assert not is_plus(tmp_path / "it.safetensors")
