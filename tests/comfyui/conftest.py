from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.comfyui.hosts import CLONES, Host, installations, settings
from tests.comfyui.server import Server, serving

Start = Callable[[Host], Server]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test of this folder on each ComfyUI and in each mode, unless a mark says otherwise."""
    if "comfyui" in metafunc.fixturenames:
        newest, plain = (
            metafunc.definition.get_closest_marker(mark) is not None for mark in ("one_host", "plain_mode")
        )
        hosts = settings(installations(), newest=newest, plain=plain)
        metafunc.parametrize("comfyui", hosts or [None], ids=str, indirect=True, scope="session")


@pytest.fixture(scope="session")
def comfyui(request: pytest.FixtureRequest) -> Host:
    """A real ComfyUI: one of COMFYUI_PATH, else of ~/comfy."""
    if request.param is None:
        names = " or ".join(CLONES)
        pytest.skip(f"no ComfyUI: clone it to ~/comfy/{names}, or set COMFYUI_PATH, to run the host tests")
    if reason := request.param.lack():
        pytest.skip(reason)
    return request.param


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start each ComfyUI once for all tests of a process, however often pytest goes from one to another."""
    running: dict[Host, Server] = {}
    with ExitStack() as stack:

        def start(host: Host) -> Server:
            if host not in running:
                running[host] = stack.enter_context(serving(host, tmp_path_factory.mktemp("comfyui")))
            return running[host]

        yield start


@pytest.fixture(scope="session")
def server(comfyui: Host, start_server: Start) -> Server:
    """One ComfyUI with the pack for all tests of a process."""
    return start_server(comfyui)
