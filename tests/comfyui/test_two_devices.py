"""Our models in ComfyUI's nodes for several GPUs, on two devices that are both the CPU."""

from typing import Any

import pytest

from tests.comfyui.hosts import Host
from tests.comfyui.probes.runner import run_probe

pytestmark = pytest.mark.one_host
ROUNDING = 1e-4


@pytest.fixture(scope="module")
def seen(comfyui: Host) -> dict[str, Any]:
    if not (comfyui.path / "comfy" / "multigpu.py").exists():
        pytest.skip("this version of ComfyUI has no nodes for several GPUs")
    return run_probe("two_devices", comfyui)


@pytest.mark.parametrize(
    ("case", "calls"),
    [
        ("whole", [4, 4]),
        ("windows", [8, 8]),
        ("closed windows", [12, 12]),
        ("alternating windows", [12, 12]),
        ("segments", [8, 8]),
        ("interval", [1, 4]),
    ],
)
def test_each_device_runs_one_pass_of_guidance(seen: dict, case: str, calls: list[int]) -> None:
    found = seen["passes"][case]
    assert found["difference"] < ROUNDING
    assert sorted(found["calls"]) == ["cpu", "cpu:0"]
    assert sorted(found["calls"].values()) == calls


def test_each_device_reads_the_timestep_that_conditions_depend_on(seen: dict) -> None:
    assert seen["weak_poses_in_windows"] < ROUNDING


def test_a_selected_device_gets_weights_of_its_own(seen: dict) -> None:
    found = seen["selected"]
    assert found["own weights"]
    assert (found["device"], found["back"]) == ("cpu:0", "cpu")
    assert found["calls"] == {"cpu:0": 4}
    assert found["difference"] < ROUNDING


def test_a_device_is_selected_before_or_after_the_split(seen: dict) -> None:
    found = seen["selected"]
    assert found["after a split"] == ["cpu:0"]
    assert found["then split"] == {"cpu": 4, "cpu:0": 4}
    assert found["difference then split"] < ROUNDING


def test_the_autoencoder_moves_too(seen: dict) -> None:
    assert seen["autoencoder"]["own weights"]
    assert seen["autoencoder"]["difference"] < ROUNDING


def test_comfyui_keeps_paths_and_not_tensors_to_load_models_again(seen: dict) -> None:
    assert seen["held_by_factories"] == {
        "denoiser": ["Path", "str", "str"],
        "image encoder": ["function", "SmallBundle"],
        "autoencoder": ["function", "SmallBundle"],
    }


def test_animate_x_plus_is_applied_on_both_devices(seen: dict) -> None:
    found = seen["animate_x_plus"]
    assert found["calls"] == {"cpu": 4, "cpu:0": 4}
    assert found["difference"] < ROUNDING < found["effect"]
    assert found["applied after the split"] < ROUNDING
