"""Configurations of Animate-X++ and the cost of a step."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
import torch

from animatex_core.animate_x_plus.config import PlusConfig, WanConfig
from animatex_core.cli.main import main
from animatex_core.errors import InvalidInput, OutOfMemory
from animatex_core.training.animate_x_plus import cost
from animatex_core.training.animate_x_plus.batches import PlusBatchMaker
from animatex_core.training.animate_x_plus.config import PlusTrainingConfig
from animatex_core.training.animate_x_plus.task import PlusTask
from animatex_core.training.animate_x_plus.trainable_parts import ADDED, LORA, TARGETS
from animatex_core.training.config_file import (
    override_config,
    read_any_config,
    read_config,
    shipped_configs,
)
from animatex_core.training.loop.batch_schedule import BatchPlan
from animatex_core.training.loop.cost import OpCounter
from animatex_core.training.systems import parse_config

from .plus_samples import KEPT, SETTINGS, SyntheticWanClips, settings

CPU = torch.device("cpu")
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"system": "animate"}, "system is 'animate': leave it out, or set it to animate-x-plus."),
    ({"wan": {"preset": "big"}}, "wan.preset is 'big': choose one of released, tiny."),
    ({"wan": {"wide": 1}}, "wan.wide is unknown: choose from dim,"),
    ({"wan": "tiny"}, "wan is 'tiny': give a mapping with its preset"),
    ({"modules": {"preset": "tiny", "variant": "half"}}, "The variant is 'half'"),
    (
        {"modules": {"preset": "tiny"}},
        "modules.dim and modules.reference_channels are (96, 20), but wan needs",
    ),
    ({"lora": {"rank": 0}}, "lora.rank is 0"),
    (
        {"lora": {"targets": ["cross_attn.k_img"]}},
        "lora.targets names cross_attn.k_img: choose from self_attn.q",
    ),
    ({"trains": {"ti2v": ["lora"]}}, "trains.ti2v names lora: choose from dwpose_embedding,"),
    ({"trains": {"ti2v": []}}, "trains.ti2v is empty: choose from"),
    (
        {"batches": [{"task": "dance", "frames": 5, "batch_size": 1}]},
        "task is 'dance': choose one of animation",
    ),
    ({"batches": [{"frames": 5, "batch_size": 1}]}, "batches[0].task is not given"),
    (
        {"batches": [{"task": "ti2v", "frames": 6, "batch_size": 1}]},
        "frames is 6, but Wan makes videos of 4n + 1",
    ),
    ({"size": {"width": 40}}, "width is 40 pixels"),
    ({"dropout": {"pose": 1.5}}, "dropout.pose is 1.5: it must be at least 0 and at most 1."),
    ({"shift": 0}, "shift is 0: it must be more than 0."),
]


@pytest.mark.parametrize(("changes", "sentence"), REFUSED)
def test_a_setting_that_cannot_work_is_named(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(sentence)):
        parse_config({**SETTINGS, **changes})


@pytest.mark.parametrize("name", ["plus-paper", "plus-paper-shared", "plus-tiny", "plus-tiny-wan"])
def test_shipped_configurations_survive_a_round_trip(name: str) -> None:
    config = read_any_config(name, ["mixed_precision=no", "modules.variant=simple"])
    assert isinstance(config, PlusTrainingConfig)
    assert config == parse_config(config.to_dict())
    assert (config.modules.variant, config.mixed_precision) == ("simple", "no")
    assert config.trains.whole == (name == "plus-tiny-wan")
    with pytest.raises(InvalidInput, match="is of another system: choose paper or tiny"):
        read_config(name)


def test_the_shared_configuration_trains_all_parts_in_both_tasks() -> None:
    config, other = read_any_config("plus-paper-shared"), read_any_config("plus-paper")
    assert isinstance(config, PlusTrainingConfig)
    assert isinstance(other, PlusTrainingConfig)
    assert config.trains.parts("ti2v") == config.trains.parts("animation") == {*ADDED, *LORA}
    assert (config.trains.zeroes_poses, other.trains.zeroes_poses) == (True, False)
    assert replace(config, trains=other.trains) == other
    assert "plus-paper-shared" in shipped_configs()


@pytest.mark.parametrize("variant", ["full", "simple"])
def test_the_shared_configuration_dry_runs_at_tiny_size(
    variant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    modules = {**SETTINGS["modules"], "variant": variant}
    if variant == "simple":
        del modules["ipi"]
    changes = {**SETTINGS, "modules": modules, "gradient_checkpointing": False}
    words = [part for name, value in changes.items() for part in ("--set", f"{name}={json.dumps(value)}")]
    assert main(["train", "--config", "plus-paper-shared", "--dry-run", *words]) == 0
    shown = capsys.readouterr().out
    assert all(f"A step of 2 clips of {task} of 5 frames of 32x48" in shown for task in ("animation", "ti2v"))


def test_the_configuration_has_the_official_sizes() -> None:
    config = read_any_config("plus-paper")
    assert isinstance(config, PlusTrainingConfig)
    assert (config.wan, config.modules) == (WanConfig.released(), PlusConfig.released("full"))
    assert (config.pixels, {kind.frames for kind in config.batches}, config.shift) == ((480, 832), {81}, 5.0)
    assert config.lora.targets == TARGETS
    assert not {"lora.cross_attn"} & config.trains.parts("animation")
    assert all(part.startswith("lora.") for part in config.trains.parts("ti2v"))


def test_a_change_stays_within_the_system() -> None:
    config = override_config(settings(), ["lora.rank=2", "wan.blocks=2"])
    assert (config.lora.rank, config.wan.blocks) == (2, 2)


def test_the_count_equals_real_steps_and_gradient_checkpointing_saves_memory() -> None:
    costs = []
    for again in (False, True):
        config = settings(gradient_checkpointing=again, dropout=KEPT)
        costs.append(cost.step_cost(config, config.batches[0]))
        operations, trained, frozen = computed_step(config)
        assert (costs[-1].operations, costs[-1].parameters, costs[-1].frozen) == (
            operations,
            trained,
            4 * frozen,
        )
    assert costs[1].activations < 0.8 * costs[0].activations
    assert 1.2 < costs[1].operations / costs[0].operations < 1.6


def computed_step(config: PlusTrainingConfig) -> tuple[int, int, int]:
    """Operations of an animation step that is computed, and the numbers of trained and frozen parameters."""
    task = PlusTask(config)
    network = task.build(resumed=False)
    loss = task.loss(network)
    task.set_trainable(network, config.batches[0])
    batch = PlusBatchMaker(config, SyntheticWanClips())(BatchPlan(5, (0, 1), "animation"))
    with OpCounter() as counter:
        value, _ = loss(batch, *task.sample_noise(batch))
        value.backward()
    counts = (sum(each.numel() for each in part.parameters()) for part in (network, loss.transformer))
    return counter.operations, *counts


def test_what_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "free_bytes", lambda device: 2**18)
    cost.check_memory(settings(), CPU)  # a small transformer is not counted
    monkeypatch.setattr(cost, "_MIN_COUNTED_PARAMETERS", 0)
    with pytest.raises(OutOfMemory, match=r"^A batch of 2 clips of 5 frames needs .* or lora\.rank\.$"):
        cost.check_memory(settings(), CPU)
