"""The pack on a ComfyUI that was started with options for memory and speed."""

from collections.abc import Iterator

import pytest

from tests.comfyui import workflow_samples as workflows
from tests.comfyui.graphs import conditioned, decoded, node, put_inputs, sampled, sampled_by_pack
from tests.comfyui.hosts import Host
from tests.comfyui.server import Server, latents, serving

pytestmark = pytest.mark.one_host
OPTIONS = ("--fp16-intermediates", "--fast", "--cache-ram", "--reserve-vram", "1")
SMALL = {
    "AnimateXDrivingFrames": {"frames": 2},
    "AnimateXConditioning": {"width": 64, "height": 64},
    "AnimateXSampler": {"steps": 2},
}


@pytest.fixture(scope="module")
def optimised(comfyui: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A ComfyUI that keeps pictures and latents in 16 bits."""
    if "--fp16-intermediates" not in (comfyui.path / "comfy" / "cli_args.py").read_text(encoding="utf-8"):
        pytest.skip("this version of ComfyUI has no --fp16-intermediates")
    with serving(comfyui, tmp_path_factory.mktemp("options"), *OPTIONS) as running:
        put_inputs(running.base / "input")
        workflows.put_inputs(running.base / "input")
        yield running


@pytest.mark.parametrize("plan", ["off", "windows", "segments", "alternating"])
def test_a_clip_is_sampled_again_from_latents_of_16_bits(optimised: Server, plan: str) -> None:
    size = {"width": 64, "height": 128}
    again = {
        "first": node("VAEEncode", pixels=["frames", 0], vae=["encoders", 1]),
        "larger": node(
            "LatentUpscale", samples=["first", 0], upscale_method="bilinear", crop="disabled", **size
        ),
        "mask": node("ImageToMask", image=["picture", 0], channel="red"),
        "masked": node("SetLatentNoiseMask", samples=["larger", 0], mask=["mask", 0]),
    }
    prompt = sampled_by_pack(long_clip=plan, latent_image=["masked", 0], denoise=0.5)
    found = latents(optimised, {**prompt, **again})
    assert str(found.dtype) == "torch.float16"
    assert found.isfinite().all()


def test_the_reference_is_shown_as_latents_too(optimised: Server) -> None:
    prompt = conditioned(reference_form="both", vae=["encoders", 1])
    history = optimised.run(decoded(sampled(prompt)))
    assert len(optimised.files(history)) == 3


@pytest.mark.parametrize("name", ["retarget-with-mask", "animate-a-character", "extract-poses"])
def test_workflows_run(optimised: Server, name: str) -> None:
    prompt = workflows.read_prompt(name)
    kinds = {each["class_type"] for each in prompt.values()}
    small = {kind: values for kind, values in SMALL.items() if kind in kinds and name != "extract-poses"}
    assert optimised.files(optimised.run(workflows.changed(prompt, **small)))
