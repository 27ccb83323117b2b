"""ComfyUI's VIDEO, and the core's clips."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import Any

import folder_paths
from comfy_api.input import VideoInput
from comfy_api.input_impl import VideoFromComponents
from comfy_api.util import VideoComponents
from torch import Tensor

from ...animatex_core.errors import InvalidInput
from ...animatex_core.utils.files import scratch_folder
from ...animatex_core.video.audio import Sound
from ...animatex_core.video.audio_samples import Samples, read_samples, write_samples
from ...animatex_core.video.frame_selection import FrameChoice, choose_frames
from ...animatex_core.video.info import VideoInfo, count_frames, probe
from ...animatex_core.video.reader import read_frames
from .pictures import images_of
from .progress import check_interrupt, node_progress
from .sound import samples_of

ROUNDING = 1e-3  # of a frame, in times that ComfyUI gives


@dataclass(frozen=True)
class Part:
    """What is used of a clip: frames IMAGE, their sound (None where it is silent), and their rate."""

    frames: Tensor
    sound: Samples | None
    fps: float


@dataclass(frozen=True)
class VideoFile:
    """A VIDEO's file, and which window of it ComfyUI shows.

    Attributes:
        path: The file.
        window: Start and duration in seconds of the file's clock, 0 where they are not set.

    """

    path: Path
    window: tuple[float, float] = (0.0, 0.0)

    def frames(self, clip: VideoInfo) -> range:
        """Return which frames of the file are shown; raises InvalidInput where there is none."""
        total = count_frames(clip, check_interrupt)
        start, duration = self.window
        first = max(0, ceil((start - clip.start) * clip.fps - ROUNDING)) if start else 0
        end = ceil((start + duration - clip.start) * clip.fps - ROUNDING) if duration else total
        shown = range(first, min(end, total))
        if not shown:
            raise InvalidInput(
                f"The part of the video from {start:g} s on holds no frame: choose another start or duration."
            )
        return shown


def part_of(video: VideoInput, **choice: Any) -> Part:
    """Return the part of a VIDEO that `choose_frames` chooses; of a file only that is ever in memory."""
    with clip_file(video) as file:
        return _of_tensors(video.get_components(), choice) if file is None else _of_file(file, choice)


@contextmanager
def clip_file(video: VideoInput) -> Iterator[VideoFile | None]:
    """Give the file of a VIDEO, None where it is made of tensors.

    It is read by the core, for ComfyUI ignores the shape of pixels, fields and HDR. What lies in memory is
    put into a file that is gone at the end of the block.
    """
    if type(video).get_stream_source is VideoInput.get_stream_source:  # which would encode the tensors
        yield None
        return
    source, is_old = video.get_stream_source(), _is_trimmed_by_old_versions(video)
    if isinstance(source, str) and not is_old:
        yield VideoFile(Path(source), _window(video, source))
        return
    with scratch() as folder:
        path = folder / "clip.mp4"
        if isinstance(source, BytesIO) and not is_old:
            path.write_bytes(source.getbuffer())
            yield VideoFile(path, _window(video, path))
            return
        if isinstance(source, str):
            probe(source, check_interrupt)
        video.save_to(str(path))
        yield VideoFile(path)


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
        with clip_file(video) as file:
            if file is not None:
                yield _sound_of(file)
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


def _of_file(file: VideoFile, choice: dict[str, Any]) -> Part:
    clip = probe(file.path, check_interrupt)
    shown = file.frames(clip)
    part = choose_frames(len(shown), fps=clip.fps, **choice)
    chosen = replace(part, indices=tuple(shown[index] for index in part.indices))
    count = len(chosen.indices)
    progress = node_progress(chosen.indices[-1] + 1)
    with closing(read_frames(clip, indices=chosen.indices, progress=progress, check=check_interrupt)) as read:
        frames = images_of(read, count)
    sound = read_samples(clip, chosen.start, len(frames) / chosen.fps, check_interrupt)
    return Part(frames, sound, chosen.fps)


def _sound_of(file: VideoFile) -> Sound:
    if file.window == (0.0, 0.0):
        return Sound(file.path)
    clip = probe(file.path, check_interrupt)
    shown = file.frames(clip)
    return Sound(file.path, shown.start / clip.fps, len(shown) / clip.fps)


def _of_tensors(clip: VideoComponents, choice: dict[str, Any]) -> Part:
    chosen = choose_frames(len(clip.images), fps=float(clip.frame_rate), **choice)
    sound = samples_of(clip.audio)
    return Part(clip.images[list(chosen.indices), ..., :3], _cut(sound, chosen), chosen.fps)


def _cut(sound: Samples | None, chosen: FrameChoice) -> Samples | None:
    return sound.part(chosen.start, chosen.duration) if sound else None


def _window(video: VideoInput, path: str | Path) -> tuple[float, float]:
    """Return the start and the duration that later versions of ComfyUI show, 0 where they set none.

    ComfyUI opens the file, with a decoder without limits, where the window is counted from its end: a file
    that the core would refuse is refused before.
    """
    window = getattr(video, "get_active_trim_window", None)
    if window is None:
        return 0.0, 0.0
    probe(path, check_interrupt)
    start, duration = window()
    return float(start), float(duration)


def _is_trimmed_by_old_versions(video: VideoInput) -> bool:
    """Whether only a part is shown by a version, after 0.3.64, in which only private names say so."""
    if hasattr(video, "get_active_trim_window"):
        return False
    return any(getattr(video, f"_VideoFromFile__{name}", 0) for name in ("start_time", "duration"))
