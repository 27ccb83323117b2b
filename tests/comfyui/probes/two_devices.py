"""Our models in ComfyUI's nodes for several GPUs: argv is ComfyUI's folder. Prints JSON.

The second device is the CPU under another name; what ComfyUI does with devices is its own code.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from tests.comfyui.probes.model_setting import CPU, FILE, conditions, inputs, latents, loading
from tests.comfyui.probes.pack import pack
from tests.comfyui.probes.reports import report
from tests.comfyui.probes.sample_setting import (
    PLAIN,
    Guidance,
    Segments,
    Windows,
    as_clip,
    difference,
    host,
    sample_video,
)

import comfy.model_management  # isort: skip
import comfy_extras.nodes_multigpu as nodes  # isort: skip
from tests.comfyui.probes import plus_setting  # isort: skip

encoders = pack("nodes.comfy.encoders")
write_denoiser = pack("animatex_core.animate_x.checkpoint").write_denoiser
PoseStrength = pack("animatex_core.animate_x.pose_strength").PoseStrength
BUNDLE = pack("animatex_core.hub.bundled").BUNDLED_MODELS
OTHER = torch.device("cpu", 0)
FOLDER = TemporaryDirectory()
AlternatingWindows = pack("animatex_core.animate_x.windows").AlternatingWindows
CLOSED = Windows(3, 1, closed=True)


@cache
def model() -> Any:
    """Load the MODEL from a file, as the node does."""
    path = Path(FOLDER.name) / "denoiser.safetensors"
    write_denoiser(path, FILE, torch.float32)
    return loading.load_model_file(path, "the file")


def split(patcher: Any) -> Any:
    return nodes.MultiGPUCFGSplitNode.execute(patcher, 2)[0]


def select(patcher: Any, device: str) -> Any:
    return nodes.SelectModelDeviceNode.execute(patcher, device)[0]


def move_as_to_a_gpu(patcher: Any, device: torch.device | None, *_: Any) -> Any:
    """Do what ComfyUI's Select Model Device does for a GPU: ours has the type of a CPU."""
    nodes._remember_base_devices(patcher)
    return nodes._retarget_patcher(patcher, device or patcher.model._select_base_load_device, CPU)


def parts(patcher: Any) -> list[Any]:
    return [patcher, *patcher.get_additional_models_with_key("multigpu")]


def listened(patcher: Any, sample: Callable[[], Tensor]) -> tuple[Tensor, dict[str, int]]:
    """Sample, and count the calls of the network on each device."""
    calls: dict[str, int] = {}
    with ExitStack() as stack:
        for part in parts(patcher):
            name = str(part.load_device)

            def count(*_: Any, name: str = name) -> None:
                calls[name] = calls.get(name, 0) + 1

            stack.callback(part.model.diffusion_model.register_forward_hook(count).remove)
        return sample(), calls


def passes() -> dict[str, Any]:
    """How far a video is whose passes are split from that of one device, and the calls of each."""
    cases = {
        "whole": PLAIN,
        "windows": replace(PLAIN, long_clip=Windows(3, 1)),
        "closed windows": replace(PLAIN, long_clip=CLOSED),
        "segments": replace(PLAIN, long_clip=Segments(3), solver="dpm++2m"),
        "alternating windows": replace(PLAIN, long_clip=AlternatingWindows(2)),
        "interval": replace(PLAIN, guidance=Guidance(2.5, 0.3, 0.6)),
    }
    both, found = split(model()), {}
    for name, settings in cases.items():
        done, calls = listened(both, partial(host, settings, both))
        found[name] = {"difference": difference(done, host(settings, model())), "calls": calls}
    return found


def weak_poses_in_windows() -> float:
    """The conditions of a window depend on the timestep, which each device reads for itself."""
    settings = replace(PLAIN, long_clip=Windows(3, 1))
    conds = conditions.conditioning_pair(inputs(), PoseStrength(0.5, 0.2, 0.8))
    one, both = (
        as_clip(sample_video(patcher, conds, {"samples": latents()}, settings, 1.0)["samples"])
        for patcher in (model(), split(model()))
    )
    return difference(both, one)


def selected() -> dict[str, Any]:
    """Select Model Device: to the second device, back, and before and after the split."""
    there = select(model(), "gpu:1")
    back = select(there, "default")
    done, calls = listened(there, lambda: host(PLAIN, there))
    collided = select(split(model()), "gpu:1")
    moved = split(there)
    again, moved_calls = listened(moved, lambda: host(PLAIN, moved))
    expected = host(PLAIN, model())
    return {
        "device": str(there.load_device),
        "own weights": there.model is not model().model,
        "back": str(back.load_device),
        "calls": calls,
        "difference": difference(done, expected),
        "after a split": [str(part.load_device) for part in parts(collided)],
        "then split": moved_calls,
        "difference then split": difference(again, expected),
    }


def autoencoder() -> dict[str, Any]:
    vae = encoders.load_small_vae(BUNDLE)
    samples = torch.randn(2, vae.latent_channels, 8, 8, generator=torch.Generator().manual_seed(0))
    expected, own = vae.decode(samples), vae.first_stage_model
    vae.patcher = move_as_to_a_gpu(vae.patcher.clone(), OTHER)
    vae.first_stage_model, vae.device = vae.patcher.model, OTHER
    return {
        "own weights": vae.first_stage_model is not own,
        "difference": (vae.decode(samples) - expected).abs().max().item(),
    }


def held_by_factories() -> dict[str, list[str]]:
    """Return the types of what ComfyUI keeps to load each of our models once more."""
    patchers = {
        "denoiser": model(),
        "image encoder": encoders.load_small_clip_vision(BUNDLE).patcher,
        "autoencoder": encoders.load_small_vae(BUNDLE).patcher,
    }
    return {
        name: [
            "Path" if isinstance(argument, Path) else type(argument).__name__
            for argument in patcher.cached_patcher_init[1]
        ]
        for name, patcher in patchers.items()
    }


def animate_x_plus() -> dict[str, Any]:
    """Our conditions on ComfyUI's Wan, whose own loader gives it the factory."""
    plain, conds = plus_setting.wan(), plus_setting.golden()
    plain.cached_patcher_init = (lambda **_: plus_setting.wan(), ())
    one = plus_setting.applied(plain, conds)
    both = split(one)
    done, calls = listened(both, lambda: plus_setting.sample(both, conds))
    before = split(plain)
    late = plus_setting.applied(before, conds)
    expected = plus_setting.sample(one, conds)
    return {
        "calls": calls,
        "difference": plus_setting.apart(done, expected),
        "applied after the split": plus_setting.apart(plus_setting.sample(late, conds), expected),
        "effect": plus_setting.apart(plus_setting.sample(plain, conds), expected),
    }


if __name__ == "__main__":
    with (
        FOLDER,
        patch.object(comfy.model_management, "get_all_torch_devices", lambda **_: [CPU, OTHER]),
        patch.object(nodes, "_apply_patcher_device", move_as_to_a_gpu),
    ):
        report(passes, weak_poses_in_windows, selected, autoencoder, held_by_factories, animate_x_plus)
