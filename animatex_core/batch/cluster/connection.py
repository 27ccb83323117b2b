"""A connection to Ray, opened for a batch and closed after it. Ray is only imported here, on request."""

import asyncio
import logging
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import ModuleType
from typing import Any

from ...errors import InvalidInput
from ...utils.optional import optional_package

OBJECT_STORE = 100 << 20  # bytes of a Ray that is started here: only paths and poses go through it
LOCAL, AUTO, CLIENT = "local", "auto", "ray://"
ANSWER = 10.0  # seconds in which something must listen at an address
USAGE_STATS = "RAY_USAGE_STATS_ENABLED"
NO_CLUSTER = "start one with `ray start --head`, or check --address"


@contextmanager
def connected(address: str | None) -> Iterator[ModuleType]:
    """Connect to a cluster during the block.

    Args:
        address: "auto" for the cluster that this machine belongs to, the host:port of its head, or ray:// and
            the host:port of its client server; None for $RAY_ADDRESS, or a new cluster of this machine alone.
            If this process is connected already, that connection is used.

    Yields:
        The module `ray`.

    Raises:
        MissingDependency: Ray is not installed.
        InvalidInput: There is no cluster at the address, or it has another version of Ray or Python.

    """
    ray = optional_package("ray", "--engine ray needs it", "pip install 'ray[client]>=2.44'")
    if ray.is_initialized():
        yield ray
        return
    with _signals_kept(), _no_usage_stats():
        _connect(ray, address)
    try:
        yield ray
    finally:
        ray.shutdown()


def _connect(ray: ModuleType, address: str | None) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    address = address or os.environ.get("RAY_ADDRESS") or LOCAL  # a variable without a value counts as unset
    if address == LOCAL:
        options |= {"include_dashboard": False, "object_store_memory": OBJECT_STORE}
    elif address != AUTO:
        _require_answer(address)
    try:
        ray.init(address=address, **options)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        reason = next(filter(None, map(str.strip, str(error).splitlines())), type(error).__name__)
        raise InvalidInput(
            f"No Ray cluster can be used at {address!r} ({reason.rstrip('.')}): {NO_CLUSTER}."
        ) from error


def _require_answer(address: str) -> None:
    """Raise InvalidInput if nothing listens at an address, for which Ray itself would wait ten minutes."""
    host, _, port = address.removeprefix(CLIENT).rpartition(":")
    if not host or not port.isdecimal():
        raise InvalidInput(
            f"{address!r} is not the address of a Ray cluster: give auto, host:port or ray://host:port, with "
            "--address or in RAY_ADDRESS."
        )

    async def probe() -> None:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host.strip("[]"), int(port)), ANSWER)
        writer.close()

    try:
        with ThreadPoolExecutor(1) as pool:  # this thread may have a loop of its own
            pool.submit(asyncio.run, probe()).result()
    except (OSError, OverflowError, asyncio.TimeoutError) as error:
        raise InvalidInput(f"Nothing answers at {address!r} ({error}): {NO_CLUSTER}.") from error


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep the handlers of signals, which Ray replaces."""
    if current_thread() is not main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _no_usage_stats() -> Iterator[None]:
    """Let a Ray that is started in the block send no statistics of its use, unless the user chose."""
    is_open = USAGE_STATS not in os.environ
    if is_open:
        os.environ[USAGE_STATS] = "0"
    try:
        yield
    finally:
        if is_open:
            del os.environ[USAGE_STATS]
