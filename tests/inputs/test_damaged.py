"""Damaged files end in what they still hold or in one sentence: no traceback, no hang, no gigabyte."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.inputs.damage import whole_files

NUMBERS = {"videos": 200, "images": 150, "poses": 300}
BATCH = 10
IN_EVERY_RUN = 2  # batches of each kind
MAX_SECONDS = 600  # a hang, even on a machine with other work
BATCHES = [
    pytest.param(kind, first, marks=() if first < IN_EVERY_RUN * BATCH else pytest.mark.exhaustive)
    for kind, number in NUMBERS.items()
    for first in range(0, number, BATCH)
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {kind: tmp_path_factory.mktemp(kind) for kind in NUMBERS}
    for kind, folder in found.items():
        whole_files(kind, folder)
    return found


@pytest.mark.parametrize(("kind", "first"), BATCHES)
def test_damaged_files(folders: dict[str, Path], kind: str, first: int) -> None:
    command = [sys.executable, "-m", "tests.inputs.read_damaged", kind, str(folders[kind])]
    done = subprocess.run(
        [*command, str(first), str(first + BATCH)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        timeout=MAX_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["peak"] < 1 << 30
    assert not [said for said in report["said"] if "\n" in said or "Traceback" in said or len(said) > 1000]
