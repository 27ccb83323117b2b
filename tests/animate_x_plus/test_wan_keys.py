"""The real size, on the meta device: every key and shape of the release is accounted for."""

import json

import torch

from animatex_core.animate_x.checkpoint_keys import official_keys
from animatex_core.animate_x_plus.checkpoint import MODULES
from animatex_core.animate_x_plus.config import PlusConfig, WanConfig
from animatex_core.animate_x_plus.lora import check_targets, read_lora
from animatex_core.animate_x_plus.modules import PlusModules
from animatex_core.animate_x_plus.wan.keys import diffusers_name, wan_shapes
from animatex_core.animate_x_plus.wan.transformer import build_wan
from tests.animate_x_plus.reference_wan import OWN
from tests.animate_x_plus.samples import WAN

KEYS = json.loads((OWN / "keys_plus_modules.json").read_text(encoding="utf-8"))


def shapes(keys: dict[str, list[int]]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(shape) for key, shape in keys.items()}


def test_the_full_variant_has_exactly_the_official_keys() -> None:
    config = PlusConfig.released("full")
    assert official_keys(PlusModules(config, device="meta"), config.position_rows) == shapes(
        KEYS["added_modules"]
    )
    assert list(MODULES) == KEYS["full_variant_modules"]


def test_the_simple_variant_has_the_first_two_modules() -> None:
    network = PlusModules(PlusConfig.released("simple"), device="meta")
    assert [name for name, _ in network.named_children()] == KEYS["simple_variant_modules"]
    assert official_keys(network) == {
        key: shape
        for key, shape in shapes(KEYS["added_modules"]).items()
        if key.startswith(tuple(KEYS["simple_variant_modules"]))
    }


def test_the_modules_have_the_official_numbers_of_parameters() -> None:
    network = PlusModules(PlusConfig.released("full"), device="meta")
    counts = {n: sum(p.numel() for p in child.parameters()) for n, child in network.named_children()}
    assert counts == KEYS["added_module_param_counts"]


def test_the_transformer_has_exactly_the_official_keys() -> None:
    expected = wan_shapes(WanConfig.released())
    assert expected == shapes(KEYS["dit_i2v_14b"]["keys"])
    assert len(expected) == 1303


def test_the_transformer_of_diffusers_has_the_same_at_the_real_size() -> None:
    config = WanConfig.released()
    transformer = build_wan(config, "meta")
    found = {key: tuple(tensor.shape) for key, tensor in transformer.state_dict().items()}
    assert found == {diffusers_name(key): shape for key, shape in wan_shapes(config).items()}


def test_a_lora_of_any_rank_fits_the_transformer() -> None:
    facts = KEYS["lora"]
    shapes_of = wan_shapes(WanConfig.released())
    for rank in (1, 64, 128):
        tensors = {}
        for block in range(facts["blocks"]):
            for module in facts["modules"]:
                outputs, inputs = shapes_of[f"blocks.{block}.{module}.weight"]
                assert [outputs, inputs] == facts["base_weight_shapes_per_module"][module]
                for half, shape in (("A", (rank, inputs)), ("B", (outputs, rank))):
                    key = facts["pattern"].replace("{N}", str(block)).replace("{module}", module)
                    tensors[key.replace("{A|B}", half)] = torch.empty(shape, device="meta")
        assert len(tensors) == facts["tensors"]
        lora = read_lora(tensors)
        check_targets(lora, shapes_of)
        assert {pair.rank for pair in lora.values()} == {rank}
        count = sum(pair.down.numel() + pair.up.numel() for pair in lora.values())
        assert count == rank * facts["params_per_unit_rank"]


def test_a_key_that_is_not_wans_is_kept() -> None:
    assert diffusers_name("strange.weight") == "strange.weight"
    assert diffusers_name("blocks.3.strange") == "blocks.3.strange"
    assert set(map(diffusers_name, wan_shapes(WAN))) == set(build_wan(WAN, "meta").state_dict())
