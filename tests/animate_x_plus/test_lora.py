import zlib

import numpy as np
import pytest
import torch
from torch import Tensor

from animatex_core.animate_x_plus.lora import (
    LoraPair,
    check_targets,
    merge_lora,
    read_lora,
    to_comfyui_keys,
)
from animatex_core.errors import WrongCheckpoint
from tests.animate_x_plus.reference_wan import OWN
from tests.animate_x_plus.samples import drawn

RELEASED = "pipe.dit.blocks.0.self_attn.q.lora_{}.default.weight"
GOLDEN = OWN / "lora_small.npz"


def pair_of(rank: int = 4, outputs: int = 6, inputs: int = 8) -> dict[str, Tensor]:
    return {RELEASED.format("A"): drawn(rank, inputs), RELEASED.format("B"): drawn(outputs, rank, seed=1)}


def released_weight(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """A reference weight to the last bit: its run multiplied by the inverse root."""
    noise = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape, dtype=np.float32)
    return noise * np.float32(1 / np.sqrt(np.prod(shape[1:])))


def test_merging_is_bit_identical_to_the_official_code() -> None:
    with np.load(GOLDEN) as numbers:
        tensors = {k.removeprefix("lora."): torch.from_numpy(v) for k, v in numbers.items() if "lora_" in k}
        lora = read_lora(tensors)
        assert len(lora) == 10
        weights = {
            f"{layer}.weight": torch.from_numpy(
                released_weight(f"{layer}.weight", (pair.up.shape[0], pair.down.shape[1]))
            )
            for layer, pair in lora.items()
        }
        for key, weight in merge_lora(weights, lora).items():
            assert np.array_equal(weight.numpy(), numbers[f"merged.{key}"])


def test_there_is_no_division_by_the_rank() -> None:
    lora, weight = read_lora(pair_of(rank=2)), drawn(6, 8, seed=2)
    pair = lora["blocks.0.self_attn.q"]
    changed = merge_lora({"blocks.0.self_attn.q.weight": weight}, lora, alpha=0.5)
    torch.testing.assert_close(changed["blocks.0.self_attn.q.weight"], weight + 0.5 * pair.up @ pair.down)


def test_merging_keeps_the_dtype_of_the_weights() -> None:
    weight = drawn(6, 8, seed=2).bfloat16()
    assert LoraPair(*pair_of().values()).merged(weight).dtype == torch.bfloat16


@pytest.mark.parametrize(
    "key",
    [
        "pipe.dit.blocks.0.ffn.0.lora_{}.default.weight",
        "model.pipe.dit.blocks.0.ffn.0.lora_{}.weight",
        "diffusion_model.blocks.0.ffn.0.lora_{}.other.weight",
    ],
)
def test_any_prefix_and_adapter_name_is_accepted(key: str) -> None:
    lora = read_lora({key.format("A"): drawn(4, 8), key.format("B"): drawn(6, 4)})
    assert list(lora) == ["blocks.0.ffn.0"]


def test_comfyui_keys_read_back() -> None:
    lora = read_lora(pair_of(rank=3))
    again = read_lora(to_comfyui_keys(lora))
    assert list(again) == list(lora)
    assert torch.equal(again["blocks.0.self_attn.q"].up, lora["blocks.0.self_attn.q"].up)
    assert all(key.startswith("diffusion_model.blocks.0.self_attn.q.lora_") for key in to_comfyui_keys(lora))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({RELEASED.format("B"): None}, "one half of a pair is missing"),
        ({RELEASED.format("B"): torch.zeros(6, 5)}, "different ranks"),
        ({"text.blocks.0.lora_A.weight": torch.zeros(4, 8)}, "names are not pipe.dit."),
        ({"pipe.dit.blocks.0.ffn.0.lora_alpha": torch.zeros(1)}, "names are not pipe.dit."),
    ],
)
def test_an_incomplete_lora_is_rejected(changes: dict[str, Tensor | None], message: str) -> None:
    given = {key: tensor for key, tensor in (pair_of() | changes).items() if tensor is not None}
    with pytest.raises(WrongCheckpoint, match=message):
        read_lora(given, "it")


def test_every_layer_must_be_in_the_transformer() -> None:
    lora = read_lora(pair_of())
    with pytest.raises(WrongCheckpoint, match=r"1 LoRA layers that the transformer lacks \(blocks.0.self"):
        check_targets(lora, {"blocks.1.self_attn.q.weight": (6, 8)})
    with pytest.raises(WrongCheckpoint, match="another size"):
        check_targets(lora, {"blocks.0.self_attn.q.weight": (8, 8)})
