"""The pack's sampler inside ComfyUI's own modules: argv is the folder of ComfyUI. Prints JSON."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.comfyui.probes.model_setting import (
    FILE,
    SHAPE,
    conditions,
    generated,
    inputs,
    latents,
    pair,
    sampling,
)
from tests.comfyui.probes.pack import pack
from tests.comfyui.probes.reports import report
from tests.comfyui.probes.sample_setting import (
    FRAMES,
    PLAIN,
    Guidance,
    Segments,
    Windows,
    as_clip,
    core,
    difference,
    host,
    model,
    sample_video,
)

import comfy.model_management  # isort: skip
import comfy.model_patcher  # isort: skip
import comfy.utils  # isort: skip
import latent_preview  # isort: skip
from comfy_extras.nodes_model_advanced import ModelSamplingDiscrete, RescaleCFG  # isort: skip
from comfy.cli_args import LatentPreviewMethod, args  # isort: skip

from comfy.latent_formats import SD15  # isort: skip

errors = pack("animatex_core.errors")
windows_module = pack("animatex_core.animate_x.windows")
AlternatingWindows, close_windows = windows_module.AlternatingWindows, windows_module.close_windows
PoseStrength = pack("animatex_core.animate_x.pose_strength").PoseStrength
Pins, pin_frames = (getattr(pack("animatex_core.animate_x.pins"), name) for name in ("Pins", "pin_frames"))
OFF_FIRST = replace(PLAIN, guidance=Guidance(2.5, 0.3, 0.6))  # of timesteps 751, 501, 251 and 1


def equals_the_core() -> dict[str, float]:
    cases = {
        "ddim": PLAIN,
        "dpm++2m": replace(PLAIN, solver="dpm++2m"),
        "no guidance": replace(PLAIN, guidance=Guidance(1.0)),
        "interval": OFF_FIRST,
        "windows": replace(PLAIN, long_clip=Windows(3, 1)),
        "uneven windows": replace(PLAIN, long_clip=Windows(4, 1), solver="dpm++2m"),
        "segments": replace(PLAIN, long_clip=Segments(3)),
        "uneven segments": replace(PLAIN, long_clip=Segments(4), solver="dpm++2m"),
        "no offset": replace(PLAIN, offset_noise=0.0),
        "closed windows": replace(PLAIN, long_clip=Windows(3, 1, closed=True)),
        "closed": replace(PLAIN, long_clip=close_windows(None)),
        "alternating windows": replace(PLAIN, long_clip=AlternatingWindows(2)),
        "closed alternating windows": replace(PLAIN, long_clip=AlternatingWindows(2, closed=True)),
        "many alternating windows": replace(
            PLAIN, steps=12, solver="dpm++2m", long_clip=AlternatingWindows(3), guidance=Guidance(1.0)
        ),
    }
    return {name: difference(host(settings), core(settings)) for name, settings in cases.items()}


def clip() -> Tensor:
    return 5 * torch.randn(latents().shape, generator=torch.Generator().manual_seed(3))


def denoise() -> dict[str, float]:
    """What is left of a clip: its correlation with what is made of it."""
    segments = replace(PLAIN, long_clip=Segments(3))
    found = {str(part): host(denoise=part, samples=clip()) for part in (0.0, 0.1, 0.5, 0.9, 1.0)}
    found["0.1, segments"] = host(segments, denoise=0.1, samples=clip())
    found["0.5, dpm++2m"] = host(replace(PLAIN, solver="dpm++2m"), denoise=0.5, samples=clip())
    start = as_clip(clip()).flatten()
    return {
        name: torch.stack([each.flatten(), start]).corrcoef()[0, 1].item() for name, each in found.items()
    }


def nothing_to_do() -> float:
    samples = clip()
    done = sample_video(model(), tuple(pair()), {"samples": samples}, PLAIN, 0.0)
    return (done["samples"] - samples).abs().max().item()


def mask() -> dict[str, list[float]]:
    """How far each frame is from what was there; frames 0 and 3 are to stay."""
    samples = clip()
    stay = torch.ones(FRAMES, 1, *SHAPE.latent_size)
    stay[[0, 3]] = 0
    plans = {
        "whole": None,
        "windows": Windows(3, 1),
        "segments": Segments(3),
        "alternating windows": AlternatingWindows(2),
    }
    found = {}
    for name, plan in plans.items():
        given = {"samples": samples, "noise_mask": stay}
        done = sample_video(model(), tuple(pair()), given, replace(PLAIN, long_clip=plan), 1.0)["samples"]
        found[name] = (done - samples).abs().amax(dim=(1, 2, 3)).tolist()
    return found


def given_frames() -> dict[str, float]:
    """How far a clip with given frames is from that of the core, and the frames from what they should be."""
    first, last, found = clip()[:2], clip()[-1:], {}
    for name, strength in (("exact", 1.0), ("soft", 0.5)):
        scaled = Pins(SD15().process_in(first), SD15().process_in(last), strength)
        conds = pin_frames(replace(inputs(), text_context=FILE.text_context), scaled, 4)
        expected = sampling.sample_latents(generated.dummy_components().unet, conds, PLAIN)
        given = Pins(first, last, strength)
        done = sample_video(model(), tuple(pair()), {"samples": latents()}, PLAIN, 1.0, given)["samples"]
        found[name] = difference(as_clip(done), expected)
        found[f"{name}, apart"] = (done[:2] - first).abs().max().item()
    return found


def pose_strength() -> dict[str, float]:
    """How far a clip of weak poses in a part of the sampling is from that of the core."""
    pose, found = PoseStrength(0.5, 0.2, 0.8), {}
    for name, windows in (("whole", None), ("windows", Windows(3, 1))):
        settings = replace(PLAIN, pose=pose, long_clip=windows)
        conds = conditions.conditioning_pair(inputs(), pose)
        done = sample_video(model(), conds, {"samples": latents()}, settings, 1.0)["samples"]
        found[name] = difference(as_clip(done), core(settings))
        found[f"{name}, changes"] = difference(core(settings), core(replace(PLAIN, long_clip=windows)))
    return found


def extras_stay() -> list[str]:
    given = {"samples": latents(), "batch_index": [0], "of another node": 1}
    return sorted(sample_video(model(), tuple(pair()), given, PLAIN, 1.0))


def batches(settings: Any) -> list[int]:
    """Frames in each call of the model."""
    patcher, seen = model().clone(), list[int]()

    def count(apply: Callable[..., Tensor], given: dict[str, Any]) -> Tensor:
        seen.append(len(given["input"]))
        return apply(given["input"], given["timestep"], **given["c"])

    patcher.set_model_unet_function_wrapper(count)
    host(settings, patcher)
    return seen


def wrapper_sees_every_pass() -> dict[str, list[int]]:
    cases = {"guided": PLAIN, "interval": OFF_FIRST, "segments": replace(PLAIN, long_clip=Segments(4))}
    return {name: batches(settings) for name, settings in cases.items()}


def hooks() -> dict[str, Any]:
    plain, halved, seen = host(), model().clone(), list[float]()

    def halve(given: dict[str, Any]) -> Tensor:
        seen.append(given["cond_scale"])
        return given["denoised"] / 2

    halved.set_model_sampler_post_cfg_function(halve)
    rescaled = RescaleCFG().patch(model(), 0.7)[0]
    other = ModelSamplingDiscrete().patch(model(), "v_prediction", False)[0]
    return {
        "post cfg": difference(host(OFF_FIRST, halved), plain),
        "scales": seen,
        "RescaleCFG": difference(host(patcher=rescaled), plain),
        "another schedule": difference(host(patcher=other), plain),
    }


@contextmanager
def bar() -> Iterator[list[Any]]:
    """Collect what the progress bar shows: (value, total, size of the preview)."""
    seen: list[Any] = []
    comfy.utils.set_progress_bar_global_hook(
        lambda value, total, preview, node_id=None: seen.append([value, total, preview and preview[1].size])
    )
    yield seen
    comfy.utils.set_progress_bar_global_hook(None)


def progress() -> dict[str, Any]:
    with bar() as whole:
        host()
    with bar() as segments:
        host(replace(PLAIN, long_clip=Segments(3)))
    args.preview_method = LatentPreviewMethod.Latent2RGB
    with bar() as shown:
        host()
    frames = previewed()
    args.preview_method = LatentPreviewMethod.NoPreviews
    return {"whole": whole, "segments": segments, "previews": shown, "previewed": frames}


def previewed() -> list[int]:
    """Return the frame of the result that each preview is most like, of a clip whose frames are given."""
    samples = clip()
    pictures: list[Any] = []
    comfy.utils.set_progress_bar_global_hook(
        lambda value, total, preview, node_id=None: pictures.append(preview[1])
    )
    stays = {"samples": samples, "noise_mask": torch.zeros(FRAMES, 1, *SHAPE.latent_size)}
    sample_video(model(), tuple(pair()), stays, PLAIN, 1.0)
    comfy.utils.set_progress_bar_global_hook(None)
    previewer = latent_preview.get_previewer(torch.device("cpu"), SD15())
    scaled = SD15().process_in(samples)
    each = [np.asarray(previewer.decode_latent_to_preview(frame[None])).astype(int) for frame in scaled]
    away = [[np.abs(frame - np.asarray(picture)).mean() for frame in each] for picture in pictures]
    return np.argmin(away, axis=1).tolist()


def living() -> set[int]:
    """Return the tensors that only a collector of cycles could still take away."""
    return {id(thing) for thing in gc.get_objects() if issubclass(type(thing), Tensor)}


def interrupted(settings: Any, at: int) -> dict[str, int]:
    """Interrupt as the button does, in a call of the model before the network's part; say what follows."""
    patcher, calls, forwards = model().clone(), list[int](), list[int]()

    def wrapper(apply: Callable[..., Tensor], given: dict[str, Any]) -> Tensor:
        calls.append(len(calls))
        if len(calls) == at:
            comfy.model_management.interrupt_current_processing()
            forwards.clear()
        return apply(given["input"], given["timestep"], **given["c"])

    patcher.set_model_unet_function_wrapper(wrapper)
    network = patcher.model.diffusion_model
    counter = network.register_forward_pre_hook(lambda *_: forwards.append(at))
    conds, given = tuple(pair()), {"samples": latents()}
    gc.collect()
    gc.disable()
    before = living()
    with suppress(comfy.model_management.InterruptProcessingException):
        sample_video(patcher, conds, given, settings, 1.0)
    left = len(living() - before)
    gc.enable()
    counter.remove()
    return {"calls after": len(calls) - at, "windows after": len(forwards), "tensors left": left}


def interruption() -> dict[str, dict[str, int]]:
    segments, windows = replace(PLAIN, long_clip=Segments(3)), replace(PLAIN, long_clip=Windows(3, 1))
    alternating = replace(PLAIN, long_clip=AlternatingWindows(2))
    cases = {
        "first": (PLAIN, 1),
        "third": (PLAIN, 3),
        "segments": (segments, 6),
        "windows": (windows, 2),
        "alternating windows": (alternating, 2),
    }
    return {name: interrupted(*case) for name, case in cases.items()}


class OtherModel(torch.nn.Module):
    pass


def complaints() -> dict[str, str]:
    patcher, (positive, negative) = model(), pair()
    other = comfy.model_patcher.ModelPatcher(OtherModel(), torch.device("cpu"), torch.device("cpu"))
    prompt = [[torch.ones(1, 77, 1024), {}]]
    samples = {"samples": latents()}
    longer = {"samples": torch.zeros(9, 4, *SHAPE.latent_size)}

    def broken(error: Exception | None) -> Any:
        def break_off(*_: Any) -> Tensor:
            if error is not None:
                raise error
            return torch.full_like(latents(), torch.nan)

        patched = model().clone()
        patched.set_model_sampler_calc_cond_batch_function(lambda given: [break_off()] * 2)
        return patched

    too_large = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
    cases: dict[str, Callable[[], Any]] = {
        "model": lambda: sample_video(other, (positive, negative), samples, PLAIN, 1.0),
        "prompt": lambda: sample_video(patcher, (positive, prompt), samples, PLAIN, 1.0),
        "empty": lambda: sample_video(patcher, (positive, []), samples, PLAIN, 1.0),
        "frames": lambda: sample_video(patcher, (positive, negative), longer, PLAIN, 1.0),
        "frames of segments": lambda: sample_video(
            patcher, (positive, negative), longer, replace(PLAIN, long_clip=Segments(3)), 1.0
        ),
        "rank": lambda: sample_video(patcher, (positive, negative), {"samples": latents()[0]}, PLAIN, 1.0),
        "channels": lambda: sample_video(
            patcher, (positive, negative), {"samples": torch.ones(5, 16, 16, 8)}, PLAIN, 1.0
        ),
        "denoise": lambda: host(denoise=1.5),
        "NaN": lambda: host(patcher=broken(None)),
        "memory of the CPU": lambda: host(patcher=broken(too_large)),
        "memory of a GPU": lambda: host(patcher=broken(torch.cuda.OutOfMemoryError("CUDA out of memory."))),
        "another error": lambda: host(patcher=broken(RuntimeError("of another kind"))),
    }
    return {name: _complaint(case) for name, case in cases.items()}


def _complaint(function: Callable[[], Any]) -> str:
    try:
        function()
    except errors.InvalidInput as error:
        return str(error)
    except comfy.model_management.OOM_EXCEPTION as error:
        return f"{type(error).__name__}, context {error.__context__}: {error}"
    except RuntimeError as error:
        return f"RuntimeError: {error}"
    return ""


if __name__ == "__main__":
    report(
        equals_the_core,
        denoise,
        nothing_to_do,
        mask,
        given_frames,
        pose_strength,
        extras_stay,
        wrapper_sees_every_pass,
        hooks,
        progress,
        interruption,
        complaints,
    )
