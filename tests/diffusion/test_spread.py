"""Real processes of `torchrun` on the CPU that sample together."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Return what each of two processes found."""
    folder = tmp_path_factory.mktemp("ranks")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*torchrun, "-m", "tests.diffusion.spread_program", str(folder)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"{rank}.json").read_text(encoding="utf-8")) for rank in range(2)]


def test_latents_are_bit_identical_to_those_of_one_process(seen: list) -> None:
    found = seen[0]["apart"]
    assert len(found) == 13
    assert not any(found.values()), found


def test_a_pass_of_animate_x_plus_is_split_by_tokens_and_heads(seen: list) -> None:
    found, other = (each["split"] for each in seen)
    assert (found.pop("lengths"), other["lengths"]) == ([9, 18], [9])
    assert max(found.values()) < 1e-5, found


def test_processes_share_the_passes_of_a_step(seen: list) -> None:
    assert [found["calls"] for found in seen] == [2, 2]


def test_an_error_in_one_process_is_raised_in_all(seen: list) -> None:
    assert [found["cancelled"] for found in seen] == ["Cancelled: enough"] * 2
    assert [found["at the last step"] for found in seen] == ["Cancelled: at the end"] * 2
    assert [found["failed"] for found in seen] == ["InvalidInput: Process 1: bad", "InvalidInput: bad"]


def test_they_sample_again_after_an_error(seen: list) -> None:
    assert seen[0]["after that"] == 0


def test_more_processes_than_parts_are_told_of_once(seen: list) -> None:
    [told], others = (found["idle"] for found in seen)
    assert told.startswith("There are 2 processes, but a step has only 1 independent part, ")
    assert others == []


def test_objects_reach_all_processes(seen: list) -> None:
    assert all(found["shared"] for found in seen)
