"""Selection of video and audio streams."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from animatex_core.errors import AnimateXWarning
from animatex_core.video.audio import AudioSource
from animatex_core.video.audio_samples import read_samples
from animatex_core.video.info import probe
from animatex_core.video.reader import read_frames
from animatex_core.video.tracks import choose_tracks
from animatex_core.video.writer import write_clip
from tests.video.samples import ffmpeg, samples_of

COLOURS = {"red": (254, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 254)}
SUFFIXES = ("mp4", "mov", "mkv")


def with_tracks(
    path: Path, pictures: list[tuple[str, str]], tones: Sequence[int] = (), flags: tuple[str, ...] = ()
) -> Path:
    """Write a file of a second, with videos of these colours and sizes, and tones of these frequencies."""
    inputs = [f"color={colour}:s={size}:r=10:d=1" for colour, size in pictures]
    inputs += [f"sine=f={tone}:d=1" for tone in tones]
    maps = [option for number in range(len(inputs)) for option in ("-map", str(number))]
    sources = [option for each in inputs for option in ("-f", "lavfi", "-i", each)]
    ffmpeg(*sources, *maps, "-pix_fmt", "yuv420p", "-c:v", "libx264", "-c:a", "aac", *flags, str(path))
    return path


def colour_of(path: Path) -> str:
    mean = next(iter(read_frames(path))).mean(axis=(0, 1))
    return min(COLOURS, key=lambda name: float(np.abs(mean - COLOURS[name]).sum()))


def pitch_of(waveform: np.ndarray, rate: int) -> float:
    """Return the strongest frequency of (n,) samples in Hz."""
    strength = np.abs(np.fft.rfft(waveform))
    return float(np.fft.rfftfreq(len(waveform), 1 / rate)[strength.argmax()])


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(("default", "expected"), [(0, "red"), (1, "lime"), (2, "blue")])
def test_the_default_video_is_read(tmp_path: Path, suffix: str, default: int, expected: str) -> None:
    flags = [option for track in range(3) for option in (f"-disposition:v:{track}", "0")]
    flags += [f"-disposition:v:{default}", "default"]
    pictures = [("red", "64x48"), ("lime", "64x64"), ("blue", "96x48")]
    path = with_tracks(tmp_path / f"clip.{suffix}", pictures, flags=tuple(flags))
    info = probe(path)
    assert colour_of(path) == expected
    assert f"{info.width}x{info.height}" == dict(pictures)[expected]
    assert (info.frames, info.video_stream, info.has_audio) == (10, default, False)


@pytest.mark.parametrize("suffix", ["mkv", "ts"])
def test_a_preview_that_is_not_marked_is_smaller(tmp_path: Path, suffix: str) -> None:
    flags = ("-disposition:v:0", "default", "-disposition:v:1", "default")
    path = with_tracks(tmp_path / f"clip.{suffix}", [("red", "64x48"), ("lime", "320x240")], flags=flags)
    assert colour_of(path) == "lime"


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("default", [0, 1])
def test_the_default_sound_is_carried_over(tmp_path: Path, suffix: str, default: int) -> None:
    flags = (f"-disposition:a:{1 - default}", "0", f"-disposition:a:{default}", "default")
    path = with_tracks(tmp_path / f"clip.{suffix}", [("red", "64x48")], [440, 1760], flags)
    info, expected = probe(path), (440, 1760)[default]
    samples = read_samples(info, 0.0, 1.0)
    assert samples is not None
    assert pitch_of(samples.waveform[0], samples.rate) == pytest.approx(expected, abs=5)
    written = write_clip(tmp_path / "out.mp4", read_frames(info), fps=10, sound=AudioSource(path))
    assert pitch_of(samples_of(written), 48000) == pytest.approx(expected, abs=5)


def test_the_default_sound_of_a_file_without_images_is_taken(tmp_path: Path) -> None:
    path = with_tracks(
        tmp_path / "sound.mka", [], [440, 1760], ("-disposition:a:0", "0", "-disposition:a:1", "default")
    )
    frames = [np.zeros((48, 64, 3), np.uint8)] * 10
    written = write_clip(tmp_path / "out.mp4", frames, fps=10, sound=AudioSource(path))
    assert pitch_of(samples_of(written), 48000) == pytest.approx(1760, abs=5)


@pytest.mark.parametrize("flag", ["comment", "visual_impaired", "hearing_impaired"])
def test_commentaries_are_no_default(tmp_path: Path, flag: str) -> None:
    flags = ("-disposition:a:0", flag, "-disposition:a:1", "0")
    path = with_tracks(tmp_path / "clip.mkv", [("red", "64x48")], [440, 1760], flags)
    assert probe(path).audio_stream == 2


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_cover_art_before_the_video_is_not_a_video(tmp_path: Path, suffix: str) -> None:
    clip = with_tracks(tmp_path / "plain.mp4", [("lime", "64x48")])
    cover = tmp_path / "cover.png"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=640x480", "-frames:v", "1", str(cover))
    path = tmp_path / f"clip.{suffix}"
    attached = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic")
    if suffix == "mkv":
        attached = ("-map", "1", "-c", "copy", "-attach", str(cover), "-metadata:s:t", "mimetype=image/png")
    ffmpeg("-i", str(cover), "-i", str(clip), *attached, str(path))
    assert (colour_of(path), probe(path).width, probe(path).frames) == ("lime", 64, 10)


def switched_off(path: Path, number: int) -> Path:
    """Clear the flag "enabled" of a track of an mp4."""
    data = bytearray(path.read_bytes())
    place = -1
    for _ in range(number + 1):
        place = data.index(b"tkhd", place + 1)
    data[place + 7] &= 0xFE
    path.write_bytes(data)
    return path


def test_a_disabled_video_is_skipped(tmp_path: Path) -> None:
    path = with_tracks(
        tmp_path / "clip.mp4",
        [("red", "320x240"), ("lime", "64x48")],
        flags=("-disposition:v:0", "default", "-disposition:v:1", "default"),
    )
    assert colour_of(path) == "red"
    assert colour_of(switched_off(path, 0)) == "lime"


def test_disabled_sound_is_left_out_with_a_warning(tmp_path: Path) -> None:
    path = switched_off(with_tracks(tmp_path / "clip.mp4", [("red", "64x48")], [440]), 1)
    with pytest.warns(AnimateXWarning, match=r"disabled in the file"):
        assert not probe(path).has_audio
    switched_off(path, 0)  # a program that writes no flags
    assert probe(path).has_audio


LOG = """Input #0, mpegts, from 'file:x.ts':
  Duration: 00:00:04.02, start: 1.400000, bitrate: 31 kb/s
  Program 1
    Metadata:
      service_name    : One
  Stream #0:0[0x100]: Audio: mp2 ([3][0][0][0] / 0x0003), 48000 Hz, stereo, s16p, 384 kb/s
  Program 2
  Stream #0:1[0x200]: Video: h264 (High) ([27][0][0][0] / 0x001B), yuv420p, 160x120 [SAR 1:1 DAR 4:3], 30 fps
  Stream #0:2[0x201](eng): Audio: aac (LC) ([15][0][0][0] / 0x000F), 48000 Hz, mono, fltp, 4 kb/s
"""


def test_sound_is_that_of_the_program_of_the_video() -> None:
    tracks = choose_tracks(LOG)
    assert tracks.video is not None
    assert tracks.audio is not None
    assert (tracks.video.number, tracks.video.pixels, tracks.audio.number) == (1, 19200, 2)


def test_sound_of_an_unknown_codec_comes_last() -> None:
    unknown = LOG.replace("Audio: aac (LC)", "Audio: none").replace("  Program 2\n", "")
    tracks = choose_tracks(unknown)
    assert tracks.audio is not None
    assert tracks.audio.number == 0
