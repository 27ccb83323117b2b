import os
from pathlib import Path

import pytest
import torch

HOST_TESTS = Path(__file__).parent / "comfyui"


def pytest_configure(config: pytest.Config) -> None:
    """Give the processes that tests start one thread each, for many of them run side by side.

    Files are shared out in their order here, not by their number of tests, which says little of their time.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    config.option.loadscopereorder = False


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests on a real ComfyUI, which take longest, so that no process ends alone with them."""
    items.sort(key=lambda item: HOST_TESTS not in item.path.parents)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """The networks of the tests are small: more threads would only wait for each other."""
    torch.set_num_threads(1)
