import pytest

from tests.animate_x_plus.small_wan import SmallWan, write_small_wan


@pytest.fixture(scope="session")
def small_wan(tmp_path_factory: pytest.TempPathFactory) -> SmallWan:
    """Small files of the released names, to be read alone."""
    return write_small_wan(tmp_path_factory.mktemp("wan") / "models")
