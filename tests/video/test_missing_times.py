"""Videos whose frames have no or negative times: every frame is read, and audio stays in sync."""

from pathlib import Path

import numpy as np
import pytest

from animatex_core.video.audio import AudioSource
from animatex_core.video.info import count_frames, probe
from animatex_core.video.missing_times import fill_times
from animatex_core.video.reader import read_frames
from animatex_core.video.timestamps import Packets
from animatex_core.video.writer import write_clip
from tests.video.samples import beep_of, ffmpeg, flash_of, make_clip, make_flash, numbers_of

FRAMES = 96
HALF = 0.5 / 24  # a frame
X264 = ("-c:v", "libx264", "-c:a", "aac")
PLAIN = ("-c:v", "libx264", "-bf", "0", "-c:a", "pcm_s16le")
MPEG2 = ("-c:v", "mpeg2video", "-bf", "2", "-c:a", "mp2")
EARLY = ("-c", "copy", "-avoid_negative_ts", "disabled")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos of four seconds, white and beeping from the second second on."""
    folder = tmp_path_factory.mktemp("flash")
    make_flash(folder / "x264.mp4", options=X264)
    make_flash(folder / "plain.mkv", options=PLAIN)
    make_flash(folder / "vp9.webm", options=("-c:v", "libvpx-vp9", "-c:a", "libopus"))
    return folder


def check(path: Path, tmp_path: Path, frames: int = FRAMES, apart: float = HALF) -> None:
    """Check the number of frames, and the sound of what is written of them."""
    info = probe(path)
    read = list(read_frames(info))
    assert (info.frames, len(read), count_frames(info), info.jumps) == (frames, frames, frames, False)
    assert info.fps == pytest.approx(24, abs=0.01)
    written = write_clip(tmp_path / "out.mp4", read, fps=24, sound=AudioSource(path))
    assert abs(beep_of(written) - flash_of(read, 24)) < apart


@pytest.mark.parametrize("offset", ["-0.042", "-0.1", "-0.7", "-1.9"])
@pytest.mark.parametrize("name", ["x264.mp4", "plain.mkv", "vp9.webm"])
def test_matroska_may_begin_before_zero(folder: Path, tmp_path: Path, name: str, offset: str) -> None:
    path = tmp_path / ("early.webm" if name.endswith("webm") else "early.mkv")
    ffmpeg("-itsoffset", offset, "-i", str(folder / name), *EARLY, str(path))
    check(path, tmp_path)


@pytest.mark.parametrize("suffix", ["mkv", "ts", "mov", "mp4"])
def test_a_cut_between_key_frames_keeps_step(folder: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut.{suffix}"
    ffmpeg("-ss", "0.7", "-i", str(folder / "x264.mp4"), *EARLY, str(path))
    hidden = 17 if suffix in ("mov", "mp4") else 0  # by an edit list
    check(path, tmp_path, FRAMES - hidden)


def test_the_start_of_a_cut_avi_is_not_squeezed(folder: Path, tmp_path: Path) -> None:
    ffmpeg("-ss", "0.7", "-i", str(folder / "x264.mp4"), *EARLY, str(tmp_path / "cut.avi"))
    check(tmp_path / "cut.avi", tmp_path, apart=2 * HALF)  # AVI does not say by how much AAC is delayed


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("b.mpg", MPEG2),
        ("b.vob", (*MPEG2[:-1], "ac3", "-f", "vob")),
        ("mpeg1.mpg", ("-c:v", "mpeg1video", "-bf", "2", "-c:a", "mp2")),
        ("b.ts", MPEG2),
        ("b.m2ts", X264),
        ("b.avi", ("-c:v", "mpeg4", "-bf", "2", "-c:a", "pcm_s16le")),
        ("x264.avi", ("-c:v", "libx264", "-c:a", "pcm_s16le")),
        ("plain.avi", ("-c:v", "mjpeg", "-c:a", "pcm_s16le")),
        ("b.wmv", ("-c:v", "wmv2", "-c:a", "wmav2")),
        ("b.flv", X264),
        ("b.3gp", X264),
        ("b.nut", X264),
        ("fragments.mp4", (*X264, "-movflags", "frag_keyframe+empty_moov")),
    ],
)
def test_containers_lose_no_frame_and_no_step(tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
    check(make_flash(tmp_path / name, options=options), tmp_path)


def test_packets_without_content_repeat_the_frame_before(tmp_path: Path) -> None:
    path = make_flash(tmp_path / "b.ogv", options=("-c:v", "libtheora", "-c:a", "libvorbis"))
    info = probe(path)
    frames = list(read_frames(info))
    assert info.fps == 24
    assert FRAMES - 12 < len(frames) == info.frames  # but for those at the end
    assert flash_of(frames, 24) == 2
    written = write_clip(tmp_path / "out.mp4", frames, fps=24, sound=AudioSource(path))
    assert abs(beep_of(written) - 2) < HALF


@pytest.mark.parametrize("seconds", [1, 2.5])
def test_a_program_stream_may_be_cut_anywhere(tmp_path: Path, seconds: float) -> None:
    whole = make_flash(tmp_path / "whole.mpg", options=MPEG2)
    ffmpeg("-ss", str(seconds), "-i", str(whole), "-c", "copy", str(tmp_path / "cut.mpg"))
    info = probe(tmp_path / "cut.mpg")
    assert info.frames == len(list(read_frames(info)))
    assert not info.variable


@pytest.mark.parametrize("count", [1, 2, 3, 12, 13, 50])
@pytest.mark.parametrize("fps", ["25", "30000/1001"])
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("c.mpg", "mpeg2video"),
        ("c.vob", "mpeg2video"),
        ("c.m2v", "mpeg2video"),
        ("c.avi", "mpeg4"),
        ("c.h264", "libx264"),
        ("c.m4v", "mpeg4"),
    ],
)
def test_no_video_is_shorter_by_one(tmp_path: Path, name: str, codec: str, count: int, fps: str) -> None:
    b_frames = ("-bf", "2", "-pix_fmt", "yuv420p", "-q:v", "2", "-r", fps)
    path = make_clip(tmp_path / name, count, fps, ("-c:v", codec, *b_frames))
    info = probe(path)
    assert (info.frames, numbers_of(read_frames(info))) == (count, list(range(count)))


def test_frames_before_the_first_key_frame_are_not_counted() -> None:
    missing = np.full(5, np.nan)
    packets = Packets(np.arange(5.0), missing, np.array([False, False, True, False, False]), corrupt=False)
    times = fill_times(packets, "avi", 2.0, 1.0)
    assert times is not None
    assert times.tolist() == [2.0, 3.0, 4.0]


def test_times_that_are_all_there_are_left_as_they_are() -> None:
    packets = Packets(np.arange(4.0), np.array([1.0, 3, 2, 4]), np.ones(4, bool), corrupt=False)
    assert fill_times(packets, "mpegts", 1.0, 1.0) is None
    assert fill_times(packets, "matroska,webm", 1.0, 1.0) is None


def test_a_pause_in_an_avi_is_kept() -> None:
    decoded = np.array([0.0, 1, 2, 10, 11, 12, 13])
    packets = Packets(decoded, np.full(7, np.nan), np.ones(7, bool), corrupt=False)
    times = fill_times(packets, "avi", 0.0, 1.0)
    assert times is not None
    assert times.tolist() == decoded.tolist()


def test_frames_at_the_same_moment_in_matroska_are_no_guesses() -> None:
    decoded = np.array([0.0, 0.04, 0.08, 0.12, 0.12, 0.16, 0.2])
    packets = Packets(decoded, decoded, np.ones(7, bool), corrupt=False)
    assert fill_times(packets, "matroska,webm", 0.0, 25.0) is None
