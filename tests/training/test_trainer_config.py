import re
from typing import Any

import pytest

from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.errors import InvalidInput
from animatex_core.training.animate_x.config import TrainingConfig
from animatex_core.training.config_file import override_config, read_config, shipped_configs
from animatex_core.training.loop.config import OptimizerConfig

from .training_samples import SETTINGS, settings

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"sped": 1}, "sped is unknown: choose from data,"),
    ({"optimizer": {"lr": 1}}, "optimizer.lr is unknown: choose from learning_rate,"),
    ({"model": {"preset": "tiny", "ipi": {"wide": 1}}}, "model.ipi.wide is unknown: choose from width,"),
    ({"model": {"preset": "huge"}}, "model.preset is 'huge': choose one of released, paper, tiny."),
    ({"data": {"path": 1}}, "data.path is 1: give text."),
    ({"data": {}}, "data.path is not given"),
    ({"batches": []}, "batches is empty"),
    ({"batches": [{"frames": 1, "batch_size": True}]}, "batches[0].batch_size is True: give a whole number."),
    ({"batches": [{"frames": 1, "batch_size": 2, "share": 0}]}, "share is 0: it must be more than 0."),
    ({"steps": "many"}, "steps is 'many': give a whole number."),
    ({"ema_decay": 1}, "ema_decay is 1: it must be at least 0 and less than 1."),
    ({"dropout": {"all_dropped": 0.6, "all_kept": 0.6}}, "all_kept is 1.2: it must be at most 1."),
    ({"dropout": {"pose": float("nan")}}, "dropout.pose is nan"),
    ({"optimizer": {"betas": [0.9]}}, "optimizer.betas is [0.9]: give a list of 2."),
    ({"size": {"width": 30}}, "width is 30 pixels"),
    ({"mixed_precision": "fp8"}, "mixed_precision is 'fp8': choose one of no, bf16, fp16."),
]


@pytest.mark.parametrize(("changes", "sentence"), REFUSED)
def test_a_setting_that_cannot_work_is_named(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(sentence)):
        settings(**changes)


@pytest.mark.parametrize("name", ["paper", "tiny"])
def test_shipped_configurations_survive_their_own_form(name: str) -> None:
    config = read_config(name, ["mixed_precision=no", "optimizer.learning_rate=1e-4"])
    assert config == TrainingConfig.from_dict(config.to_dict())
    assert (config.mixed_precision, config.optimizer.learning_rate) == ("no", 1e-4)
    assert name in shipped_configs()


def test_the_paper_is_followed() -> None:
    config = read_config("paper")
    assert config.model == DenoiserConfig.paper()
    assert (config.optimizer.learning_rate, config.optimizer.learning_rate_ipi) == (5e-5, 5e-7)
    assert (config.batches[0].frames, config.size.width, config.size.height) == (32, 512, 768)
    assert config.epi is not None
    assert config.epi["probability"] == 0.98
    assert (config.dropout.all_dropped, config.dropout.all_kept, config.dropout.pose) == (0.1, 0.1, 0.5)


def test_a_change_reaches_into_the_model() -> None:
    config = override_config(TrainingConfig.from_dict(SETTINGS), ["model.ipi.width=64", "model.channels=32"])
    assert config.model.ipi is not None
    assert (config.model.ipi.width, config.model.channels) == (64, 32)


@pytest.mark.parametrize(("text", "sentence"), [("a: [", "not YAML"), ("- 1", "holds no settings")])
def test_other_files_are_refused(tmp_path: Any, text: str, sentence: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(InvalidInput, match=sentence):
        read_config(str(tmp_path / "mine.yaml"))


def test_rates_rise_and_fall() -> None:
    rates = OptimizerConfig(warmup_steps=4, cooldown_steps=2)
    assert [rates.factor(step, 8) for step in range(8)] == [0.25, 0.5, 0.75, 1, 1, 1, 1, 0.5]
