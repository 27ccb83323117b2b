import pytest

from tests.comfyui.hosts import Host
from tests.comfyui.probes.runner import run_probe


@pytest.fixture(scope="module")
def report(comfyui: Host) -> dict[str, dict[str, float]]:
    return run_probe("offloading", comfyui)


@pytest.mark.parametrize("temporal", ["transformer", "mamba"])
class TestPartialLoad:
    def test_the_host_can_move_every_weight(self, report: dict, temporal: str) -> None:
        assert report[temporal]["never moved"] == []
        assert report[temporal]["loaded partially"] > 100

    def test_half_precision_storage_computes_in_float32(self, report: dict, temporal: str) -> None:
        assert report[temporal]["difference"] < 1e-5

    def test_patches_reach_offloaded_weights(self, report: dict, temporal: str) -> None:
        assert report[temporal]["effect of patches"] > 1e-3
        assert report[temporal]["difference with patches"] < 0.1 * report[temporal]["effect of patches"]
