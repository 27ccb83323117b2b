"""The audio of a written video: its position, length and speed."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from animatex_core.errors import AnimateXWarning, InvalidInput
from animatex_core.video.audio import AudioSource, tempo_factors
from animatex_core.video.ffmpeg import each_frame_once
from animatex_core.video.frame_selection import choose_frames
from animatex_core.video.info import probe
from animatex_core.video.reader import read_frames
from animatex_core.video.writer import write_clip
from tests.video.samples import RATE, beep_of, ffmpeg, flash_of, make_clip, make_flash, samples_of

STEP = 0.02  # seconds that audio and video may differ
LATE_SOUND = ("-i", "{0}", "-itsoffset", "0.3", "-i", "{0}", "-map", "0:v", "-map", "1:a", "-c", "copy")
LATE_PICTURES = ("-itsoffset", "0.5", "-i", "{0}", "-i", "{0}", "-map", "0:v", "-map", "1:a", "-c", "copy")
# Every third frame only, between 0.9 and 1.5 seconds.
UNEVEN = (
    "-i",
    "{0}",
    "-vf",
    "select='lt(t,0.9)+gt(t,1.5)+not(mod(n,3))'",
    *each_frame_once(),
    "-c:a",
    "copy",
)


@pytest.fixture(scope="module")
def flash(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds at 24 frames a second, white and beeping from the second second on."""
    return make_flash(tmp_path_factory.mktemp("flash") / "flash.mp4")


def derived(flash: Path, path: Path, options: tuple[str, ...]) -> Path:
    ffmpeg(*(option.format(flash) for option in options), str(path))
    return path


def animated(
    source: Path, target: Path, fps: float, stride: int = 1, start: float = 0, end: float | None = None
) -> Path:
    """Write the chosen frames of a clip, and their sound, at another rate."""
    info = probe(source)
    choice = choose_frames(info.frames or 0, frames=None, stride=stride, start=start, end=end, fps=info.fps)
    sound = AudioSource(source, choice.start, choice.duration, choice.speed(fps))
    return write_clip(target, read_frames(info, indices=choice.indices), fps=fps, sound=sound)


def apart(path: Path) -> float:
    """Seconds from the flash to the beep."""
    info = probe(path)
    return beep_of(path) - info.start - flash_of(read_frames(info), info.fps)


@pytest.mark.parametrize(
    ("suffix", "fps", "stride", "start", "end"),
    [
        ("mp4", 24, 1, 0, None),
        ("mp4", 12, 2, 0, None),
        ("mp4", 8, 2, 0, None),
        ("mp4", 8, 2, 1, 3),
        ("mp4", 24, 1, 1.5, None),
        ("mp4", 60, 1, 0, None),
        ("mp4", 24000 / 1001, 1, 0, None),
        ("webm", 24, 2, 0.5, None),
        ("webm", 8, 2, 0, None),
    ],
)
def test_beep_and_flash_stay_together(
    flash: Path, tmp_path: Path, suffix: str, fps: float, stride: int, start: float, end: float | None
) -> None:
    path = animated(flash, tmp_path / f"clip.{suffix}", fps, stride, start, end)
    assert abs(apart(path)) < STEP
    assert len(samples_of(path)) / RATE <= (probe(path).duration or 0) + 1 / RATE


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("late_sound.mp4", LATE_SOUND, 0.3),
        ("late_sound.mkv", LATE_SOUND, 0.3),
        ("late_pictures.mp4", LATE_PICTURES, -0.5),
        ("late_pictures.mkv", LATE_PICTURES, -0.5),
        ("late_pictures.ts", LATE_PICTURES, -0.5),
        ("uneven.mkv", UNEVEN, 0.0),
        ("opus.webm", ("-i", "{0}", "-c:v", "libvpx", "-c:a", "libopus"), 0.0),
        ("same.ts", ("-i", "{0}", "-c", "copy"), 0.0),
    ],
)
def test_what_lies_apart_in_the_source_stays_so(
    flash: Path, tmp_path: Path, name: str, options: tuple[str, ...], expected: float
) -> None:
    path = animated(derived(flash, tmp_path / name, options), tmp_path / "clip.mp4", 24)
    assert abs(apart(path) - expected) < STEP


def test_sound_keeps_its_pitch_at_another_speed(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=f=1000:d=4:r=48000", str(tmp_path / "tone.wav"))
    clip = write_clip(
        tmp_path / "clip.mp4", _grey(48), fps=12, sound=AudioSource(tmp_path / "tone.wav", 0, 4, 2 / 3)
    )
    spectrum = np.abs(np.fft.rfft(samples_of(clip)[RATE : 3 * RATE]))
    assert np.argmax(spectrum) / 2 == pytest.approx(1000, abs=5)


@pytest.mark.parametrize(("count", "fps"), [(1, 24.0), (7, 24.0), (25, 8.0), (31, 30000 / 1001)])
@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_sound_is_cut_to_the_frames_written(
    flash: Path, tmp_path: Path, count: int, fps: float, suffix: str
) -> None:
    path = write_clip(tmp_path / f"clip.{suffix}", _grey(count), fps=fps, sound=AudioSource(flash, 0, 4))
    assert count / fps - 0.03 < len(samples_of(path)) / RATE <= count / fps + 1 / RATE
    assert probe(path).frames == count


def test_a_sound_that_ends_early_is_followed_by_silence(flash: Path, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", _grey(48), fps=8, sound=AudioSource(flash, 1.9, 0.2))
    heard = np.abs(samples_of(path))
    assert heard[int(0.11 * RATE) : int(0.19 * RATE)].max() > 0.3
    assert heard[int(0.3 * RATE) :].max() < 0.01
    assert 5.97 * RATE < len(heard) <= 6 * RATE


def test_a_sound_without_a_length_goes_to_the_end_of_its_file(flash: Path, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", _grey(20), fps=8, sound=AudioSource(flash))
    assert beep_of(path) == pytest.approx(2, abs=STEP)
    assert len(samples_of(path)) / RATE == pytest.approx(2.5, abs=0.03)


def test_a_sound_past_the_end_of_its_file_is_silence(flash: Path, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", _grey(8), fps=8, sound=AudioSource(flash, 100, 1))
    assert np.abs(samples_of(path)).max() < 0.01
    assert probe(path).frames == 8


@pytest.mark.parametrize(
    ("suffix", "channels"), [("mp4", "mono"), ("mp4", "7.1"), ("webm", "stereo"), ("webm", "5.1(side)")]
)
def test_any_number_of_channels_is_taken(tmp_path: Path, suffix: str, channels: str) -> None:
    ffmpeg("-f", "lavfi", "-i", f"anullsrc=cl={channels}", "-t", "1", str(tmp_path / "sound.wav"))
    path = write_clip(
        tmp_path / f"clip.{suffix}", _grey(8), fps=8, sound=AudioSource(tmp_path / "sound.wav", 0, 1)
    )
    assert probe(path).has_audio


def test_a_video_without_sound_stays_silent(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    source = make_clip(tmp_path / "silent.mp4", 24)
    assert not probe(animated(source, tmp_path / "clip.mp4", 24)).has_audio
    assert not recwarn.list


@pytest.mark.parametrize("name", ["clip.gif", "folder"])
def test_gif_and_png_leave_the_sound_out(flash: Path, tmp_path: Path, name: str) -> None:
    with pytest.warns(AnimateXWarning, match="has no audio, so it is left out"):
        write_clip(tmp_path / name, _grey(2), fps=8, sound=AudioSource(flash, 0, 1))
    assert (tmp_path / name).exists()


def test_sound_that_cannot_be_decoded_loses_no_images(tmp_path: Path) -> None:
    source = make_flash(tmp_path / "odd.mkv", options=("-c:a", "pcm_s16le"))
    source.write_bytes(source.read_bytes().replace(b"A_PCM/INT/LIT", b"A_UNKNOWN/LIT"))
    with pytest.warns(AnimateXWarning, match="clip.mp4 is silent because the audio of .*odd.mkv"):
        path = write_clip(tmp_path / "clip.mp4", _grey(3), fps=8, sound=AudioSource(source, 0, 1))
    assert (probe(path).frames, probe(path).has_audio) == (3, False)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["clip.mp4", "odd.mkv"]


@pytest.mark.parametrize("content", [None, b"", b"hello"])
def test_missing_audio_is_reported_before_the_first_frame(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "sound.mp3").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"sound\.mp3"):
        write_clip(tmp_path / "clip.mp4", _never(), fps=8, sound=AudioSource(tmp_path / "sound.mp3", 0, 1))
    assert not (tmp_path / "clip.mp4").exists()


@pytest.mark.parametrize(
    "values", [(-1, 1, 1), (0, 0, 1), (0, 1, 0), (0, 1, -2), (math.nan, 1, 1), (0, math.inf, 1)]
)
def test_a_sound_that_cannot_be_is_refused(values: tuple[float, float, float]) -> None:
    with pytest.raises(InvalidInput, match="of the audio is"):
        AudioSource("sound.mp3", *values)


@pytest.mark.parametrize(
    ("speed", "count"),
    [(1, 0), (0.5, 1), (2, 1), (2 / 3, 1), (0.49, 2), (0.25, 2), (8, 3), (8.1, 4), (1.001, 1)],
)
def test_tempos_multiply_to_the_speed(speed: float, count: int) -> None:
    chain = tempo_factors(speed)
    assert len(chain) == count
    assert math.prod(chain) == pytest.approx(speed)
    assert all(0.5 <= tempo <= 2 for tempo in chain)


def _grey(count: int) -> list[np.ndarray]:
    return [np.full((48, 64, 3), 128, np.uint8)] * count


def _never() -> Iterator[np.ndarray]:
    pytest.fail("the first frame was requested")
    yield
