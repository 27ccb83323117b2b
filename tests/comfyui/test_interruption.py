import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.comfyui.graphs import OF_STEPS, model_of_steps, put_inputs, sampled_by_pack
from tests.comfyui.hosts import Host
from tests.comfyui.server import GIVES_BACK, PATIENCE, Server, failure, serving

STEPS = 250
MEGABYTE = 2**20


def await_that(happened: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.02)


def steps_done(server: Server) -> int:
    """Read the last step that ComfyUI's log tells of."""
    shown = re.findall(rf"(\d+)/{STEPS} \[", server.log)
    return int(shown[-1]) if shown else 0


def interrupted(server: Server, seed: int, **inputs: Any) -> int:
    """Interrupt a long sampling in its midst; return how many steps were taken afterwards."""
    before = len(server.log)
    prompt = server.post(sampled_by_pack(OF_STEPS, steps=STEPS, seed=seed, **inputs))
    await_that(lambda: re.search(rf"[3-9]/{STEPS} \[", server.log[before:]))
    done = steps_done(server)
    server.ask("/interrupt", {})
    history = server.wait(prompt)
    assert "execution_interrupted" in dict(history["status"]["messages"])
    assert failure(history) == ""
    return steps_done(server) - done


@pytest.fixture(autouse=True)
def _inputs(server: Server) -> Iterator[None]:
    put_inputs(server.base / "input")
    with model_of_steps(server.base):
        yield


@pytest.mark.parametrize("plan", ["off", "windows", "segments", "alternating"])
def test_the_button_stops_the_sampler_within_a_step_or_two(server: Server, plan: str) -> None:
    # One more may end while the wish is on its way, and the log tells of steps ten times a second.
    assert interrupted(server, seed=1, long_clip=plan) <= 4


def test_interrupted_clips_leave_memory_as_it_was(comfyui: Host, tmp_path: Path) -> None:
    with serving(comfyui, tmp_path, environment=GIVES_BACK) as own, model_of_steps(tmp_path):
        put_inputs(own.base / "input")
        memory = []
        for seed in range(10):
            interrupted(own, seed)
            memory.append(own.memory())
    # Logs, the last prompts and caches differ by up to 3 MB, and grow by 0.1 MB a clip.
    assert min(memory[8:]) - min(memory[2:4]) < 4 * MEGABYTE, [each // MEGABYTE for each in memory]


def test_the_next_clip_works(server: Server) -> None:
    interrupted(server, seed=1)
    assert "latents" in server.run(sampled_by_pack(OF_STEPS, seed=2))["outputs"]
