"""The memory that a call needs, measured in a process of its own."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

ROOT = Path(__file__).parents[2]
LIMIT = 12 << 30  # bytes of address space, so that a fault ends the process and not the machine
MEASURED = """
import importlib, json, re, resource, sys, warnings
from pathlib import Path

module, name, limit, arguments, imports = json.loads(sys.argv[1])
warnings.simplefilter("ignore")
call = getattr(importlib.import_module(module), name)
for each in imports:
    importlib.import_module(each)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

def peak():
    # not getrusage, whose peak a process inherits from the one that started it
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) << 10

start = peak()
try:
    call(*arguments)
    raised, message = "", ""
except Exception as error:
    raised, message = type(error).__name__, str(error)
print(json.dumps({"raised": raised, "message": message, "peak": peak() - start}))
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")


@dataclass(frozen=True)
class Call:
    """How a call ended. raised: the name of an exception's class, "" without one. peak: bytes it took."""

    raised: str
    message: str
    peak: int


def measured(module: str, name: str, *arguments: object, imports: tuple[str, ...] = ()) -> Call:
    """Call a function of a module with plain values; imports: modules that shall not count."""
    stated = json.dumps([module, name, LIMIT, [str_of(value) for value in arguments], imports])
    run = subprocess.run(
        [sys.executable, "-c", MEASURED, stated],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return Call(**MappingProxyType(json.loads(run.stdout.splitlines()[-1])))


def str_of(value: object) -> object:
    """Return a value as JSON can hold it."""
    return str(value) if isinstance(value, Path) else value
