import os

import pytest
import torch


def pytest_configure() -> None:
    """Give the processes that tests start one thread each, for many of them run side by side."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """The networks of the tests are small: more threads would only wait for each other."""
    torch.set_num_threads(1)
