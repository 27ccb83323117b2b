"""A server that is used for long, badly and impatiently stays as it was."""

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import psutil
import pytest

from tests.comfyui.damaged_inputs import damaged_prompts
from tests.comfyui.graphs import OF_STEPS, Prompt, model_of_steps, put_inputs, sampled_by_pack
from tests.comfyui.hosts import Host
from tests.comfyui.server import Server, serving
from tests.comfyui.ui_messages import interrupt_during

PROMPTS = 100
INTERRUPTED = (0, 2)  # of each five prompts, those that an interrupted one follows
DAMAGED = 4  # the one that a damaged input follows
WARM_UP = 20  # prompts
MAX_GROWTH = 32 << 20  # bytes


@pytest.fixture
def own_server(comfyui: Host, tmp_path: Path) -> Iterator[Server]:
    with serving(
        comfyui, tmp_path / "above" / "base"
    ) as running:  # what escapes stays in the test's own folder
        put_inputs(running.base / "input")
        with model_of_steps(running.base):
            yield running


@pytest.mark.one_host
def test_a_hundred_prompts_forty_interrupts_and_twenty_damaged_inputs(
    own_server: Server, tmp_path: Path
) -> None:
    damaged = damaged_prompts(own_server.base)
    assert len(damaged) == PROMPTS // 5
    failing, memory = cycle(damaged.items()), []
    for number in range(PROMPTS):
        own_server.run(small(number))
        memory.append(own_server.memory())
        if number % 5 in INTERRUPTED:
            history = interrupt_during(
                own_server, sampled_by_pack(OF_STEPS, steps=250, seed=number), "sampler"
            )
            assert "execution_interrupted" in dict(history["status"]["messages"])
        if number % 5 == DAMAGED:
            name, prompt = next(failing)
            message = own_server.complaint(prompt)
            assert message, name
            assert "Traceback" not in message, name
    assert memory[-1] - memory[WARM_UP] < MAX_GROWTH, [each >> 20 for each in memory]
    assert psutil.Process(own_server.process.pid).children(recursive=True) == []
    assert not list(tmp_path.rglob("escaped*"))
    own_server.run(small(PROMPTS))


def small(seed: int) -> Prompt:
    """Return a prompt that takes a second."""
    return sampled_by_pack(OF_STEPS, seed=seed)
