"""A real Ray cluster of several nodes on this machine, for tests."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from animatex_core.batch.cluster.connection import USAGE_STATS, connected

T = TypeVar("T")
NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 << 20}
QUIET = {USAGE_STATS: "0", "RAY_memory_monitor_refresh_ms": "0", "RAY_AUTH_MODE": "disabled"}


@contextmanager
def ray_cluster(nodes: int) -> Iterator[Any]:
    """Start a cluster of nodes with a CPU each, to which this process is connected during the block."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in QUIET.items():
            patch.setenv(name, value)
        pytest.importorskip("ray", reason="Ray is not installed: pip install 'ray[client]'")
        from ray.cluster_utils import Cluster

        started = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
        try:
            for _ in range(nodes - 1):
                started.add_node(**NODE)
            with connected(started.address):
                yield started
        finally:
            started.shutdown()


def alongside(other: Callable[[], T], here: Callable[[], object]) -> T:
    """Run something in another thread, and something in this one; return what the first returned."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(other)
        here()
        return future.result()
