"""ComfyUI's VIDEO, and the core's clips."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import folder_paths
from comfy_api.input import VideoInput
from comfy_api.input_impl import VideoFromComponents
from comfy_api.util import VideoComponents
from torch import Tensor

from ...animatex_core.placement import scratch_folder
from ...animatex_core.video.clip import count_frames, probe
from ...animatex_core.video.frames import FrameChoice, choose_frames
from ...animatex_core.video.read import read_frames
from ...animatex_core.video.samples import Samples, read_samples, write_samples
from ...animatex_core.video.sound import Sound
from .pictures import images_of
from .progress import check_interrupt, node_progress
from .sound import samples_of


@dataclass(frozen=True)
class Part:
    """What is used of a clip: frames IMAGE, their sound (None where it is silent), and their rate."""

    frames: Tensor
    sound: Samples | None
    fps: float


def part_of(video: VideoInput, **choice: Any) -> Part:
    """Return the part of a VIDEO that `choose_frames` chooses; of a file only that is ever in memory."""
    with clip_file(video) as path:
        return _of_tensors(video.get_components(), choice) if path is None else _of_file(path, choice)


@contextmanager
def clip_file(video: VideoInput) -> Iterator[Path | None]:
    """Give the path of a VIDEO's file, None where it is made of tensors.

    What lies in memory, or is trimmed by ComfyUI, is put into a file that is gone at the end of the block.
    """
    if type(video).get_stream_source is VideoInput.get_stream_source:  # which would encode the tensors
        yield None
        return
    source = None if _is_trimmed(video) else video.get_stream_source()
    if isinstance(source, str):
        yield Path(source)
        return
    with scratch() as folder:
        path = folder / "clip.mp4"
        if isinstance(source, BytesIO):
            path.write_bytes(source.getbuffer())
        else:
            _check_source(video)
            video.save_to(str(path))
        yield path


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder in ComfyUI's folder for temporary files, gone at the end of the block.

    Those of killed processes are swept.
    """
    with scratch_folder(Path(folder_paths.get_temp_directory(), "animate_x")) as folder:
        yield folder


@contextmanager
def sound_file(audio: Any, video: VideoInput | None) -> Iterator[Sound | None]:
    """Give the sound of an AUDIO or, where that is None, of a VIDEO; None where both are silent."""
    samples = samples_of(audio)
    if samples is None and video is not None:
        with clip_file(video) as path:
            if path is not None:
                yield Sound(path)
                return
        samples = samples_of(video.get_components().audio)
    if samples is None:
        yield None
        return
    with scratch() as folder:
        yield Sound(write_samples(folder / "sound.wav", samples))


def video_of(images: Tensor, audio: Any, fps: float) -> VideoInput:
    """Return a VIDEO of tensors that lie in memory already."""
    rate = Fraction(fps).limit_denominator(100_000)
    return VideoFromComponents(VideoComponents(images=images[..., :3], audio=audio, frame_rate=rate))


def _of_file(path: Path, choice: dict[str, Any]) -> Part:
    clip = probe(path, check_interrupt)
    chosen = choose_frames(count_frames(clip, check_interrupt), fps=clip.fps, **choice)
    count = len(chosen.indices)
    progress = node_progress(chosen.indices[-1] + 1)
    with closing(read_frames(clip, indices=chosen.indices, progress=progress, check=check_interrupt)) as read:
        frames = images_of(read, count)
    sound = read_samples(clip, chosen.start, len(frames) / chosen.fps, check_interrupt)
    return Part(frames, sound, chosen.fps)


def _of_tensors(clip: VideoComponents, choice: dict[str, Any]) -> Part:
    chosen = choose_frames(len(clip.images), fps=float(clip.frame_rate), **choice)
    sound = samples_of(clip.audio)
    return Part(clip.images[list(chosen.indices), ..., :3], _cut(sound, chosen), chosen.fps)


def _cut(sound: Samples | None, chosen: FrameChoice) -> Samples | None:
    return sound.part(chosen.start, chosen.duration) if sound else None


def _check_source(video: VideoInput) -> None:
    """Refuse a file that the core would refuse, before ComfyUI opens it with a decoder without limits."""
    source = video.get_stream_source()
    if isinstance(source, str):
        probe(source, check_interrupt)


def _is_trimmed(video: VideoInput) -> bool:
    """Whether later versions of ComfyUI show only a part of the file."""
    window = getattr(video, "get_active_trim_window", None)
    if window is not None:
        _check_source(video)  # ComfyUI opens the file where the part is counted from its end
        return any(window())
    # Between 0.3.64 and the versions that tell it, only private names say so.
    return any(getattr(video, f"_VideoFromFile__{name}", 0) for name in ("start_time", "duration"))
