"""ComfyUI's VIDEO and AUDIO as the core's video files and samples, and back."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import Any

import folder_paths
import torch
from comfy_api.input import VideoInput
from comfy_api.input_impl import VideoFromComponents
from comfy_api.util import VideoComponents
from torch import Tensor

from ...animatex_core.errors import InvalidInput, warn
from ...animatex_core.utils.files import scratch_folder
from ...animatex_core.video.audio import AudioSource
from ...animatex_core.video.audio_samples import AudioSamples, read_samples, write_samples
from ...animatex_core.video.frame_selection import choose_frames
from ...animatex_core.video.info import VideoInfo, count_frames, probe
from ...animatex_core.video.reader import read_frames
from .images import stack_images
from .messages import check_interrupt, node_progress

TOLERANCE = 1e-3  # of a frame, in times from ComfyUI


@dataclass(frozen=True)
class VideoFrames:
    """The selected frames of a video.

    Attributes:
        frames: IMAGE (f, h, w, 3).
        sound: Their sound, None if the video is silent.
        fps: Their rate.

    """

    frames: Tensor
    sound: AudioSamples | None
    fps: float


@dataclass(frozen=True)
class VideoFile:
    """The file of a VIDEO, and the part of it that ComfyUI shows.

    Attributes:
        path: The file.
        window: Start and duration in seconds of the file's clock; 0 if not set.

    """

    path: Path
    window: tuple[float, float] = (0.0, 0.0)

    def frames(self, clip: VideoInfo) -> range:
        """Return the indices of the shown frames; raises InvalidInput if there are none."""
        total = count_frames(clip, check_interrupt)
        start, duration = self.window
        first = max(0, ceil((start - clip.start) * clip.fps - TOLERANCE)) if start else 0
        end = ceil((start + duration - clip.start) * clip.fps - TOLERANCE) if duration else total
        shown = range(first, min(end, total))
        if not shown:
            raise InvalidInput(
                f"The part of the video from {start:g} s contains no frames: choose another start "
                "or duration."
            )
        return shown


def select_frames(video: VideoInput, **choice: Any) -> VideoFrames:
    """Return frames of a VIDEO with their sound; only these are ever in memory.

    Args:
        video: The video.
        choice: Arguments of the core's `choose_frames`.

    """
    with video_file(video) as file:
        return _select_of_tensors(video.get_components(), choice) if file is None else _select(file, choice)


@contextmanager
def video_file(video: VideoInput) -> Iterator[VideoFile | None]:
    """Yield the file of a VIDEO, None if it is made of tensors.

    The core reads it, since ComfyUI ignores pixel aspect ratios, interlacing and HDR. A video in memory is
    written to a file that is removed at the end of the block.
    """
    if type(video).get_stream_source is VideoInput.get_stream_source:  # which would encode the tensors
        yield None
        return
    source, is_old = video.get_stream_source(), _is_trimmed_by_old_versions(video)
    if isinstance(source, str) and not is_old:
        yield VideoFile(Path(source), _window(video, source))
        return
    with temporary_folder() as folder:
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
def temporary_folder() -> Iterator[Path]:
    """Yield a folder below ComfyUI's folder for temporary files, removed at the end of the block.

    Folders that killed processes left behind are removed as well.
    """
    with scratch_folder(Path(folder_paths.get_temp_directory(), "animate_x")) as folder:
        yield folder


@contextmanager
def audio_source(audio: Any, video: VideoInput | None) -> Iterator[AudioSource | None]:
    """Yield the sound of an AUDIO or, if that has none, of a VIDEO; None if both are silent."""
    samples = to_samples(audio)
    if samples is None and video is not None:
        with video_file(video) as file:
            if file is not None:
                yield _sound_of(file)
                return
        samples = to_samples(video.get_components().audio)
    if samples is None:
        yield None
        return
    with temporary_folder() as folder:
        yield AudioSource(write_samples(folder / "sound.wav", samples))


def to_video(images: Tensor, audio: Any, fps: float) -> VideoInput:
    """Return a VIDEO of an IMAGE (f, h, w, 3 or more) and an AUDIO."""
    rate = Fraction(fps).limit_denominator(100_000)
    return VideoFromComponents(VideoComponents(images=images[..., :3], audio=audio, frame_rate=rate))


def to_samples(audio: Any) -> AudioSamples | None:
    """Return the first sound of an AUDIO in -1..1, None if there is none."""
    if audio is None or not audio["waveform"].numel():
        return None
    waveform = audio["waveform"].detach().cpu()
    if waveform.ndim != 3:
        raise InvalidInput(
            f"The AUDIO has shape {tuple(waveform.shape)}, but it must be (batch, channels, samples): "
            "connect sound."
        )
    if len(waveform) > 1:
        sentence = f"The AUDIO has {len(waveform)} sounds, of which only the first is used: connect one."
        warn(sentence)
    return AudioSamples(_to_float(waveform[0]).numpy(), int(audio["sample_rate"]))


def to_audio(samples: AudioSamples | None) -> dict[str, Any] | None:
    """Return sound as an AUDIO."""
    if samples is None:
        return None
    return {"waveform": torch.from_numpy(samples.waveform)[None], "sample_rate": samples.rate}


def _to_float(waveform: Tensor) -> Tensor:
    if waveform.is_floating_point():
        return waveform.float()
    kind = torch.iinfo(waveform.dtype)
    half, middle = (kind.max - kind.min + 1) / 2, (kind.max + kind.min + 1) / 2
    return (waveform.double() - middle).div(half).float()


def _select(file: VideoFile, choice: dict[str, Any]) -> VideoFrames:
    clip = probe(file.path, check_interrupt)
    shown = file.frames(clip)
    part = choose_frames(len(shown), fps=clip.fps, **choice)
    chosen = replace(part, indices=tuple(shown[index] for index in part.indices))
    progress = node_progress(chosen.indices[-1] + 1)
    with closing(read_frames(clip, indices=chosen.indices, progress=progress, check=check_interrupt)) as read:
        frames = stack_images(read, len(chosen.indices))
    sound = read_samples(clip, chosen.start, len(frames) / chosen.fps, check_interrupt)
    return VideoFrames(frames, sound, chosen.fps)


def _select_of_tensors(clip: VideoComponents, choice: dict[str, Any]) -> VideoFrames:
    chosen = choose_frames(len(clip.images), fps=float(clip.frame_rate), **choice)
    sound = to_samples(clip.audio)
    part = sound.part(chosen.start, chosen.duration) if sound else None
    return VideoFrames(clip.images[list(chosen.indices), ..., :3], part, chosen.fps)


def _sound_of(file: VideoFile) -> AudioSource:
    if file.window == (0.0, 0.0):
        return AudioSource(file.path)
    clip = probe(file.path, check_interrupt)
    shown = file.frames(clip)
    return AudioSource(file.path, shown.start / clip.fps, len(shown) / clip.fps)


def _window(video: VideoInput, path: str | Path) -> tuple[float, float]:
    """Return the start and the duration that newer versions of ComfyUI show, 0 if not set.

    If the window is counted from the end, ComfyUI opens the file with a decoder without limits. So a file
    that the core would refuse is refused first.
    """
    window = getattr(video, "get_active_trim_window", None)
    if window is None:
        return 0.0, 0.0
    probe(path, check_interrupt)
    start, duration = window()
    return float(start), float(duration)


def _is_trimmed_by_old_versions(video: VideoInput) -> bool:
    """Whether a version after 0.3.64 shows only a part, which only its private attributes reveal."""
    if hasattr(video, "get_active_trim_window"):
        return False
    return any(getattr(video, f"_VideoFromFile__{name}", 0) for name in ("start_time", "duration"))
