"""Sizes in a file are validated before anything is built from them."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from animatex_core.animate_x.checkpoint import read_denoiser
from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x_plus.checkpoint import read_plus
from animatex_core.animate_x_plus.config import PlusConfig
from animatex_core.animate_x_plus.wan.weights import config_from_weights
from animatex_core.encoders.open_clip import read_open_clip_config
from animatex_core.errors import InvalidInput, WrongCheckpoint
from animatex_core.hub.bundled import BUNDLED_MODELS
from animatex_core.training.systems import read_checkpoint
from tests.support.peak_memory import linux, measured
from tests.training.training_samples import settings

NAN, LONG = float("nan"), "x" * 10**6
ABSURD = [
    10**12,
    10**5000,
    -1,
    0,
    2.0,
    float("nan"),
    float("inf"),
    "8",
    "x" * 10**6,
    None,
    [1],
    {"a": 1},
    True,
]
LEVELS = [[1] * 10**5, [10**12], [1.5], ["1"], [[1]], [-1], 7, "11", None, {}]
TENSORS = {"denoiser.x": torch.ones(1), "modules.x": torch.ones(1), "text_context": torch.ones(1, 4, 64)}


def numbers(values: dict[str, Any], prefix: str = "") -> list[str]:
    """Return the paths of all whole numbers in nested values."""
    found = []
    for name, value in values.items():
        if isinstance(value, dict):
            found += numbers(value, f"{prefix}{name}.")
        elif type(value) is int:
            found.append(prefix + name)
    return found


def changed(values: Any, path: str, value: object) -> Any:
    """Return nested values with another value at a path."""
    name, _, rest = path.partition(".")
    return {**values, name: changed(values[name], rest, value) if rest else value}


def as_text(values: object) -> str:
    """Write JSON with numbers of any length, which `json` does not print."""
    return (
        json.dumps(values, default=str)
        if not _has_long(values)
        else json.dumps(_marked(values)).replace('"LONG"', "1" + "0" * 4000)
    )


def _has_long(values: object) -> bool:
    if isinstance(values, dict):
        return any(map(_has_long, values.values()))
    return type(values) is int and values > 10**100


def _marked(values: object) -> object:
    if isinstance(values, dict):
        return {name: _marked(value) for name, value in values.items()}
    return "LONG" if _has_long(values) else values


def denoiser(path: Path, config: object) -> Path:
    save_file(TENSORS, path, {"format": "animatex-denoiser", "config": as_text(config)})
    return path


@pytest.mark.parametrize("field", numbers(DenoiserConfig.tiny().to_dict()))
def test_a_denoiser_of_absurd_sizes_is_refused(tmp_path: Path, field: str) -> None:
    for value in ABSURD:
        path = denoiser(tmp_path / "a", changed(DenoiserConfig.tiny().to_dict(), field, value))
        with pytest.raises(WrongCheckpoint, match="unusable configuration") as error:
            read_denoiser(path)
        assert len(str(error.value)) < 500 + len(str(path))


OTHERS = (
    "multipliers attention_levels dropout temporal motion_scale mamba ipi ipi.variant ipi.interleaves_batch"
)


@pytest.mark.parametrize("field", OTHERS.split())
def test_lists_and_texts_of_a_denoiser_are_checked(tmp_path: Path, field: str) -> None:
    none_is_meant = field == "ipi"
    for value in [*LEVELS, 10**12, NAN, LONG]:
        if none_is_meant and value is None:
            continue
        path = denoiser(tmp_path / "a", changed(DenoiserConfig.tiny().to_dict(), field, value))
        with pytest.raises(WrongCheckpoint) as error:
            read_denoiser(path)
        assert len(str(error.value)) < 1000 + len(str(path))


@pytest.mark.parametrize("config", [None, [], 3, "text", {}, {"channels": 8}, {"x" * 10**6: 1}])
def test_an_invalid_configuration_is_refused(tmp_path: Path, config: object) -> None:
    with pytest.raises(WrongCheckpoint, match="unusable configuration") as error:
        read_denoiser(denoiser(tmp_path / "a", config))
    assert len(str(error.value)) < 1000 + len(str(tmp_path))


@pytest.mark.parametrize("field", numbers(PlusConfig.tiny("full").to_dict()))
def test_modules_of_absurd_sizes_are_refused(tmp_path: Path, field: str) -> None:
    for value in ABSURD:
        config = as_text(changed(PlusConfig.tiny("full").to_dict(), field, value))
        save_file(TENSORS, tmp_path / "a", {"format": "animatex-plus", "config": config})
        with pytest.raises(WrongCheckpoint, match="unusable configuration"):
            read_plus(tmp_path / "a")


@pytest.mark.parametrize("field", numbers(json.loads(BUNDLED_MODELS.image_encoder_config.read_text())))
def test_an_image_encoder_of_absurd_sizes_is_refused(tmp_path: Path, field: str) -> None:
    sizes = read_open_clip_config(BUNDLED_MODELS.image_encoder_config)
    for value in ABSURD:
        (tmp_path / "a.json").write_text(as_text(changed(sizes, field, value)))
        with pytest.raises(WrongCheckpoint, match=r"a\.json has no usable sizes") as error:
            read_open_clip_config(tmp_path / "a.json")
        assert len(str(error.value)) < 500 + len(str(tmp_path))


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff", b"[" * 10**5, b'{"embed_dim": 8, "vision_cfg": 3}']
)
def test_another_model_is_refused_as_image_encoder(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(WrongCheckpoint, match="restore the file"):
        read_open_clip_config(tmp_path / "a.json")
    with pytest.raises(WrongCheckpoint, match="cannot be read"):
        read_open_clip_config(tmp_path / "none.json")


@pytest.mark.parametrize(
    "state",
    [
        "",
        "[]",
        "{}",
        '{"step": -1, "samples": 0, "scaler": {}}',
        '{"step": 1e300, "samples": 0, "scaler": {}}',
        "[" * 10**5,
    ],
)
def test_a_training_of_an_absurd_state_is_refused(tmp_path: Path, state: str) -> None:
    metadata = {"format": "animatex-training", "state": state, "config": json.dumps(settings().to_dict())}
    save_file(TENSORS, tmp_path / "a", metadata)
    with pytest.raises(WrongCheckpoint, match="unusable settings"):
        read_checkpoint(tmp_path / "a")


@pytest.mark.parametrize("field", numbers(settings().to_dict()))
def test_a_training_of_absurd_settings_is_refused(tmp_path: Path, field: str) -> None:
    state = json.dumps({"step": 1, "samples": 1, "scaler": {}})
    for value in [10**30, *ABSURD[1:2], 1.5, LONG, [1], -1]:
        metadata = {
            "format": "animatex-training",
            "state": state,
            "config": as_text(changed(settings().to_dict(), field, value)),
        }
        save_file(TENSORS, tmp_path / "a", metadata)
        with pytest.raises(WrongCheckpoint, match="unusable settings") as error:
            read_checkpoint(tmp_path / "a")
        assert len(str(error.value)) < 500 + len(str(tmp_path))


def test_a_transformer_of_thousands_of_layers_is_refused() -> None:
    empty = torch.ones(0)
    tensors = {
        "patch_embedding.weight": torch.ones(128, 36, 0, 0, 0),
        "condition_embedder.text_embedder.linear_1.weight": torch.ones(0, 8),
        **{f"blocks.{index}.ffn.net.0.proj.weight": empty for index in range(5000)},
    }
    with pytest.raises((WrongCheckpoint, InvalidInput), match="at most 256 are allowed"):
        config_from_weights(tensors, "wan.safetensors")


@linux
def test_a_bundle_of_absurd_sizes_takes_no_memory(tmp_path: Path) -> None:
    config = changed(DenoiserConfig.tiny().to_dict(), "residual_blocks", 10**12)
    module = "animatex_core.animate_x.checkpoint"
    call = measured(module, "load_denoiser", denoiser(tmp_path / "a", config))
    assert call.raised == "WrongCheckpoint"
    assert call.peak < 50 << 20
