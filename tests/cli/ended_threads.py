"""Runs a command in a process of `torchrun`, and fails if threads of the exchange outlive it.

Such a thread may still free a tensor while Python ends, which aborts the process ("terminate called without
an active exception"): rarely, and more often on busy machines.
"""

import os
from contextlib import suppress
from pathlib import Path

import torch.distributed as dist

from animatex_core.cli.main import run

EXCHANGE = "pt_gloo_runloop"


def threads() -> set[str]:
    """Return the names of the threads of this process, without those that end meanwhile."""
    names = set()
    for number in os.listdir("/proc/self/task"):
        with suppress(FileNotFoundError, ProcessLookupError):
            names.add(Path(f"/proc/self/task/{number}/comm").read_text().strip())
    return names


if __name__ == "__main__":
    end, before = dist.destroy_process_group, set[str]()

    def ended(group: dist.ProcessGroup | None = None) -> None:
        """End the exchange, and remember what ran until then."""
        before.update(threads())
        end(group)

    dist.destroy_process_group = ended
    try:
        run()
    finally:
        assert EXCHANGE in before
        assert EXCHANGE not in threads()
