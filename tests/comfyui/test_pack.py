import pytest

from tests.comfyui.hosts import Host, installations, settings
from tests.comfyui.server import Server


def test_the_pack_is_loaded(server: Server) -> None:
    assert "IMPORT FAILED" not in server.log
    assert server.ask("/object_info/KSampler")


@pytest.mark.parametrize("host", installations(), ids=str)
def test_every_version_runs_as_with_a_card_where_it_can(host: Host) -> None:
    modes = [each.dynamic_vram for each in settings([host])]
    if not host.has_dynamic_vram:
        pytest.skip(f"ComfyUI {host.version} has no DynamicVRAM")
    assert modes == [False, True]
