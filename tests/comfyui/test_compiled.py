"""ComfyUI's own TorchCompileModel on this pack's MODEL."""

import pytest
import torch

from tests.comfyui.graphs import Prompt, conditioned, node, put_inputs, sampled, sampled_by_pack
from tests.comfyui.server import Server, latents


def compiled(prompt: Prompt) -> Prompt:
    """Put the node between the loader and the sampler. Its other choice, inductor, needs a C++ compiler."""
    compiler = node("TorchCompileModel", model=["model", 0], backend="cudagraphs")
    sampler = prompt["sampler"]
    inputs = {**sampler["inputs"], "model": ["compiler", 0]}
    return {**prompt, "compiler": compiler, "sampler": {**sampler, "inputs": inputs}}


@pytest.mark.parametrize("sampler", ["KSampler", "AnimateXSampler"])
def test_a_compiled_model_gives_the_same_latents(server: Server, sampler: str) -> None:
    put_inputs(server.base / "input")
    prompt = sampled(conditioned()) if sampler == "KSampler" else sampled_by_pack()
    # The weakest channels of the built-in latents, with a deviation of 1 like all, enlarge what is rounded.
    torch.testing.assert_close(latents(server, compiled(prompt)), latents(server, prompt), atol=0.02, rtol=0)
