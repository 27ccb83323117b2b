"""Runs the pack's adapters of VIDEO and AUDIO in ComfyUI's modules: argv is its folder and one to work in.

Prints JSON. What only tensors and objects in memory can show is shown here; the rest a server does.
"""

import json
import os
import sys
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from animatex_core.video.colour import HLG
from tests.comfyui.probes.pack import pack, start
from tests.video.charts import HEVC, encoded_by, linear_in, worst_error, write_encoded
from tests.video.samples import ffmpeg, make_clip, make_flash, numbers_of

HIDDEN = SimpleNamespace(prompt={"1": {}}, extra_pnginfo={"workflow": {}})
SOUNDS = {
    "float": torch.tensor([[[0.5, -0.5]]]),
    "half": torch.tensor([[[0.5, -0.5]]], dtype=torch.float16),
    "int16": torch.tensor([[[16384, -16384]]], dtype=torch.int16),
    "int32": torch.tensor([[[1 << 30, -(1 << 30)]]], dtype=torch.int32),
    "uint8": torch.tensor([[[192, 64]]], dtype=torch.uint8),
    "batch": torch.tensor([[[0.5, -0.5]], [[1.0, 1.0]]]),
    "empty": torch.zeros(1, 2, 0),
}


def main(comfyui: str, folder: str) -> dict[str, Any]:
    start(comfyui, "--base-directory", folder)
    import folder_paths
    from comfy_api.input_impl import VideoFromFile

    folder_paths.set_temp_directory(str(Path(folder) / "temp"))
    _leave_behind(Path(folder) / "temp")
    video, workflow = pack("nodes.comfy.video"), pack("nodes.comfy.workflow")
    clip = make_clip(Path(folder) / "numbered.mp4", 24, options=("-qp", "0"))
    flash = make_flash(Path(folder) / "flash.mp4", seconds=2.5)

    class Trimmed(VideoFromFile):
        """As before versions that tell it: shows a part of its file, which saving it writes."""

        _VideoFromFile__start_time = 1.0

        def save_to(self, path: str, **_: Any) -> None:
            Path(path).write_bytes(make_clip(Path(folder) / "part.mp4", 3).read_bytes())

    def part() -> Any:
        whole = VideoFromFile(str(clip))
        return whole.as_trimmed(0.5, 0.125) if hasattr(whole, "as_trimmed") else Trimmed(str(clip))

    def numbers(source: Any, **choice: Any) -> list[int]:
        part = video.select_frames(source, **choice)
        return numbers_of((part.frames * 255).round().byte().numpy())

    def heard(source: Any) -> int:
        with video.audio_source(None, source) as found:
            return Path(found.path).stat().st_size

    shown = {name: _looks(video, VideoFromFile, path) for name, path in _looking_odd(Path(folder)).items()}
    in_memory = VideoFromFile(BytesIO(clip.read_bytes()))
    tensors = VideoFromFile(str(flash)).get_components()
    made = video.to_video(tensors.images, tensors.audio, 24.0)
    return {
        "in memory": numbers(in_memory, frames=4, stride=2),
        "again": numbers(in_memory, frames=2, stride=1, start=0.5),
        "trimmed": numbers(part(), frames=None, stride=1),
        "part": [12, 13, 14] if hasattr(VideoFromFile, "as_trimmed") else [0, 1, 2],
        "looks": shown,
        "sound of a file": heard(VideoFromFile(str(flash))) == flash.stat().st_size,
        "sound in memory": heard(VideoFromFile(BytesIO(flash.read_bytes()))) == flash.stat().st_size,
        "sound of tensors": heard(made) > 44100 * 2,
        "shares memory": made.get_components().images.data_ptr() == tensors.images.data_ptr(),
        "interrupted": _interrupted(pack("nodes.comfy.poses"), VideoFromFile(str(clip))),
        "lists": [_refused_list(video, kind, Path(folder), clip) for kind in (VideoFromFile, Trimmed)],
        "left": [path.name for path in Path(folder, "temp").iterdir()],
        "sounds": {name: _values(video, waveform) for name, waveform in SOUNDS.items()},
        "odd sounds": [_refusal(video, shape, rate) for shape, rate in (((2, 4), 8000), ((1, 1, 4), 0))],
        "graph": sorted(workflow.workflow_metadata(HIDDEN)),
        "graph not wanted": _without_metadata(workflow),
        "json": workflow._as_json({"a": float("nan"), "b": "}{", "c": ['"}', {"d": 1}]}, "prompt"),
    }


def _looking_odd(folder: Path) -> dict[str, Path]:
    """Write videos that ComfyUI itself shows in other colours or squeezed."""
    hdr = write_encoded(
        folder / "hlg.mov",
        encoded_by(HLG, linear_in("bt2020")),
        "2020",
        ("bt2020", HLG, "bt2020nc"),
        pixels="yuv420p10le",
        codec=HEVC,
        frames=25,
    )
    squeezed = folder / "squeezed.mp4"
    ffmpeg("-i", str(hdr), "-c", "copy", "-aspect", "4:1", str(squeezed))
    return {"hdr": hdr, "squeezed": squeezed}


def _looks(video: Any, kind: Any, path: Path) -> list[Any]:
    """Return the sizes and the errors of colour of a whole video, one in memory, and a part of one."""
    whole = kind(str(path))
    sources = [whole, kind(BytesIO(path.read_bytes()))]
    sources += [whole.as_trimmed(0.2, 0.2)] if hasattr(whole, "as_trimmed") else []
    parts = [video.select_frames(source, frames=None, stride=1).frames for source in sources]
    errors = [worst_error((part[0] * 255).round().byte().numpy()) for part in parts]
    return [[list(part.shape) for part in parts], max(errors)]


def _leave_behind(temp: Path) -> None:
    """Make what a killed process leaves: a scratch folder that nobody changed for long."""
    scratch = temp / "animate_x.deadbeef-1-1-00000000.part"
    scratch.mkdir(parents=True)
    clip = scratch / "clip.mp4"
    clip.touch()
    for path in (clip, scratch):
        os.utime(path, (1e9, 1e9))


def _interrupted(poses: Any, video: Any) -> str:
    """Return what a stop raises while a file is only looked into, before any frame is read."""
    from comfy.model_management import InterruptProcessingException, interrupt_current_processing

    interrupt_current_processing(True)
    try:
        with poses.frame_source(None, video):
            return "looked into"
    except InterruptProcessingException as error:
        return type(error).__name__


def _refused_list(video: Any, kind: Any, folder: Path, clip: Path) -> str:
    """Return how a file is refused that only names another one."""
    path = folder / "list.mp4"
    path.write_text(f"ffconcat version 1.0\nfile '{clip}'\n")
    try:
        return str(video.select_frames(kind(str(path)), frames=1, stride=1))
    except ValueError as error:
        return str(error)


def _without_metadata(workflow: Any) -> dict[str, str]:
    from comfy.cli_args import args

    args.disable_metadata = True  # as --disable-metadata does
    return workflow.workflow_metadata(HIDDEN)


def _values(video: Any, waveform: torch.Tensor) -> list[float] | None:
    samples = video.to_samples({"waveform": waveform, "sample_rate": 8000.0})
    if samples is None:
        return None
    assert torch.equal(video.to_audio(samples)["waveform"][0], torch.from_numpy(samples.waveform))
    return np.round(samples.waveform[0], 3).tolist()


def _refusal(video: Any, shape: tuple[int, ...], rate: int) -> str:
    try:
        video.to_samples({"waveform": torch.zeros(shape), "sample_rate": rate})
    except ValueError as error:
        return str(error)
    return "taken"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])))
