import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """The networks of the tests are small: more threads would only wait for each other."""
    torch.set_num_threads(1)
