import os
import subprocess
import sys

import pytest

from animatex_core.cli import main as program
from animatex_core.utils.allocator import keep_freed_memory

# Allocates and frees 64 MiB ten times, and prints the page faults of the last nine.
PROGRAM = """
import resource, sys
from animatex_core.utils.allocator import keep_freed_memory

def touch():
    bytearray(b"x") * 2**26

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1] == "kept":
    assert keep_freed_memory()
touch()
before = faults()
for _ in range(9):
    touch()
print(faults() - before)
"""


def has_glibc() -> bool:
    names = getattr(os, "confstr_names", {})
    return "CS_GNU_LIBC_VERSION" in names and "glibc" in (os.confstr("CS_GNU_LIBC_VERSION") or "")


def faults(setting: str) -> int:
    command = [sys.executable, "-c", PROGRAM, setting]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(not has_glibc(), reason="needs glibc")
def test_freed_memory_is_reused() -> None:
    pages_of_one = 2**26 // os.sysconf("SC_PAGESIZE")
    assert faults("kept") < 0.1 * pages_of_one


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_nothing_is_set_elsewhere(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert not keep_freed_memory()


def test_nothing_is_set_with_another_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_name: str) -> str:
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "confstr", unknown, raising=False)
    assert not keep_freed_memory()


def test_the_command_line_sets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[None] = []
    monkeypatch.setattr(program, "keep_freed_memory", lambda: calls.append(None))
    monkeypatch.setattr(sys, "argv", ["animatex", "--help"])
    with pytest.raises(SystemExit):
        program.run()
    assert calls
