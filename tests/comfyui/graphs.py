"""API prompts from a reference picture and poses to latents and pictures, and the files that they read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from animatex_core.animate_x.checkpoint import DenoiserFile, read_denoiser, write_denoiser
from animatex_core.hub.bundled import BUNDLED_MODELS
from animatex_core.pose.formats.reader import write_poses
from animatex_core.pose.keypoints import PoseSequence
from tests.support.dance_samples import small_dance

Prompt = dict[str, dict[str, Any]]
FRAMES, WIDTH, HEIGHT = 3, 64, 128
CHANNELS = read_denoiser(BUNDLED_MODELS.denoiser).config.latent_channels  # of the small built-in models
BUILT_IN = "built-in (small)"
OF_STEPS = "runs-at-every-step.safetensors"


def put_inputs(folder: Path, frames: int = FRAMES) -> None:
    """Write a picture, poses of several lengths and a frame with nobody into ComfyUI's input folder."""
    Image.linear_gradient("L").convert("RGB").resize((32, 64)).save(folder / "picture.png")
    poses = small_dance()
    write_poses(folder / "dance.json", poses.select(range(frames)))
    write_poses(folder / "short.json", poses.select(range(frames - 1)))
    write_poses(folder / "own.json", poses.select([5]))
    write_poses(folder / "nobody.json", PoseSequence.empty(1, 32, 64))


@contextmanager
def model_file(base: Path, name: str, file: DenoiserFile) -> Iterator[None]:
    """Put a denoiser where ComfyUI finds it; removed in the end, for the automatic choice would find it."""
    path = base / "models" / "animate_x" / name
    path.parent.mkdir(exist_ok=True)
    write_denoiser(path, file)
    try:
        yield
    finally:
        path.unlink()


@contextmanager
def model_of_steps(base: Path) -> Iterator[None]:
    """Put the built-in denoiser as `OF_STEPS`, but such that each step takes its time.

    The built-in one ignores the noisy latents, so it runs once.
    """
    built_in = read_denoiser(BUNDLED_MODELS.denoiser)
    config = replace(built_in.config, ignores_noise=False, smallest_change=0.0)
    with model_file(base, OF_STEPS, replace(built_in, config=config)):
        yield


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def poses(file: str) -> dict[str, Any]:
    return node("AnimateXLoadPoses", file=file, person="best")


def conditioned(model: str = BUILT_IN, frames: int = FRAMES, **inputs: Any) -> Prompt:
    """Give what a sampler needs: "model", and "condition" with positive, negative and latents.

    inputs: of Animate-X Conditioning, beside or instead of the ordinary ones.
    """
    ordinary = {
        "clip_vision": ["encoders", 0],
        "reference": ["picture", 0],
        "poses": ["poses", 0],
        "features": ["features", 0],
        "width": WIDTH,
        "height": HEIGHT,
        "reference_form": "picture",
    }
    return {
        "model": node("AnimateXLoadModel", model_name=model, weight_dtype="default"),
        "encoders": node("AnimateXLoadEncoders", clip_vision_name=BUILT_IN, vae_name=BUILT_IN),
        "picture": node("LoadImage", image="picture.png"),
        "frames": node("RepeatImageBatch", image=["picture", 0], amount=frames),
        "poses": poses("dance.json"),
        "features": node(
            "AnimateXFeatures", clip_vision=["encoders", 0], frames=["frames", 0], poses=["poses", 0]
        ),
        "condition": node("AnimateXConditioning", **{**ordinary, **inputs}),
    }


def sampled(prompt: Prompt, **inputs: Any) -> Prompt:
    """Sample two steps with KSampler and save the latents."""
    ordinary = {
        "sampler_name": "euler",
        "scheduler": "normal",
    }
    return _saved(prompt, "KSampler", {**ordinary, **inputs})


def sampled_by_pack(model: str = BUILT_IN, **inputs: Any) -> Prompt:
    """Sample two steps with the pack's own sampler and save the latents."""
    ordinary = {
        "solver": "ddim",
        "guidance_start": 0.0,
        "guidance_end": 1.0,
        "long_clip": "off",
        "frames_at_once": 2,
        "overlap": 1,
        "offset_noise": 0.1,
    }
    return _saved(conditioned(model), "AnimateXSampler", {**ordinary, **inputs})


def _saved(prompt: Prompt, sampler: str, inputs: Mapping[str, Any]) -> Prompt:
    """Sample two steps by a node with the inputs that both samplers have, and these, and save the latents."""
    ordinary = {
        "model": ["model", 0],
        "positive": ["condition", 0],
        "negative": ["condition", 1],
        "latent_image": ["condition", 2],
        "seed": 1,
        "steps": 2,
        "cfg": 2.5,
        "denoise": 1.0,
    }
    return {
        **prompt,
        "sampler": node(sampler, **{**ordinary, **inputs}),
        "latents": node("SaveLatent", samples=["sampler", 0], filename_prefix="latents/clip"),
    }


def decoded(prompt: Prompt) -> Prompt:
    """Decode what is sampled and save the pictures."""
    return {
        **prompt,
        "decoder": node("VAEDecode", samples=["sampler", 0], vae=["encoders", 1]),
        "pictures": node("SaveImage", images=["decoder", 0], filename_prefix="pictures/clip"),
    }
