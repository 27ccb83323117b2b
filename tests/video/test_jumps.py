"""Timestamps that jump cause neither a long video nor long work: each existing frame is read once."""

import struct
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from animatex_core.errors import AnimateXWarning, InvalidInput
from animatex_core.video.audio import AudioSource
from animatex_core.video.audio_samples import read_samples
from animatex_core.video.ffmpeg import each_frame_once
from animatex_core.video.info import count_frames, probe
from animatex_core.video.reader import read_frames
from animatex_core.video.timestamps import FREE_REPEATS, MAX_REPEATS, find_rate
from animatex_core.video.writer import write_clip
from tests.video.samples import ffmpeg, make_clip, numbered, numbers_of

COUNT = 40
REGULAR = np.arange(COUNT) / 25
ENCODER = ("-pix_fmt", "yuv420p", "-g", "5")
JUMPS = {
    "one late": "N/25+if(eq(N,39),10000,0)",
    "one very late": "N/25+if(eq(N,39),150000,0)",
    "two halves": "N/25+if(gte(N,20),1000,0)",
    "first far early": "N/25+if(gte(N,1),5000,0)",
    "three parts": "N/25+if(gte(N,10),100,0)+if(gte(N,30),3000,0)",
}


def shown_at(path: Path, times: str, options: tuple[str, ...] = ("-bf", "0")) -> Path:
    """Write numbered frames shown at times of an expression of N."""
    return make_clip(
        path, COUNT, "25", ("-vf", f"setpts='({times})/TB'", *each_frame_once(), *ENCODER, *options)
    )


def with_times(path: Path, times: Callable[[int], int]) -> Path:
    """Write numbered frames as Matroska whose blocks have the given milliseconds, which no program writes."""
    data, at = bytearray(make_clip(path, COUNT, "25", (*ENCODER, "-bf", "0")).read_bytes()), 0
    for number in range(COUNT):
        block = struct.pack(">Bh", 0x81, number * 40)  # track 1
        at = data.index(block, at) + 1
        data[at : at + 2] = struct.pack(">h", times(number))
    path.write_bytes(data)
    return path


def read_once(path: Path) -> list[int]:
    with pytest.warns(AnimateXWarning, match="timestamps of the video .* jump"):
        clip = probe(path)
    assert (clip.jumps, clip.variable) == (True, False)
    assert clip.fps == pytest.approx(25, rel=0.02)
    numbers = numbers_of(read_frames(clip))
    assert count_frames(clip) == len(numbers)
    return numbers


@pytest.mark.parametrize("name", ["mkv", "mp4", "mov"])
@pytest.mark.parametrize("jump", JUMPS)
def test_a_gap_that_no_video_has_is_closed(tmp_path: Path, jump: str, name: str) -> None:
    assert read_once(shown_at(tmp_path / f"jump.{name}", JUMPS[jump])) == list(range(COUNT))


def test_frames_out_of_order_are_read_in_the_order_of_showing(tmp_path: Path) -> None:
    path = shown_at(tmp_path / "jump.mp4", JUMPS["two halves"], ("-bf", "3"))
    assert read_once(path) == list(range(COUNT))


@pytest.mark.parametrize(
    "times",
    [
        lambda number: number * 40 - (800 if number >= 20 else 0),
        lambda number: 30_000 if number == 0 else number * 40,
        lambda number: 30_000 - number * 40,
    ],
    ids=["half again from 0", "first far late", "backwards"],
)
def test_time_that_goes_backwards_loses_no_frame(tmp_path: Path, times: Callable[[int], int]) -> None:
    assert read_once(with_times(tmp_path / "back.mkv", times)) == list(range(COUNT))


@pytest.mark.parametrize("suffix", ["ts", "mpg"])
@pytest.mark.parametrize("offset", [0, 3000])
def test_files_put_behind_each_other_are_both_read(tmp_path: Path, suffix: str, offset: int) -> None:
    options = ("-pix_fmt", "yuv420p") if suffix == "ts" else ()
    one = make_clip(tmp_path / f"one.{suffix}", COUNT, "25", options).read_bytes()
    shifted = (*options, "-output_ts_offset", str(offset))
    two = make_clip(tmp_path / f"two.{suffix}", COUNT, "25", shifted).read_bytes()
    for data in (one + two, two + one):
        (tmp_path / f"both.{suffix}").write_bytes(data)
        assert read_once(tmp_path / f"both.{suffix}") == [*range(COUNT)] * 2


def test_the_clock_of_a_transport_stream_may_begin_again(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "w.ts", COUNT, "25", ("-pix_fmt", "yuv420p", "-output_ts_offset", "95442.9"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert numbers_of(read_frames(path)) == list(range(COUNT))


@pytest.mark.parametrize("pause", [2, 5, 50])
def test_a_still_image_is_not_a_jump(tmp_path: Path, pause: int) -> None:
    path = shown_at(tmp_path / "still.mkv", f"N/25+if(gte(N,20),{pause},0)")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clip = probe(path)
        numbers = numbers_of(read_frames(clip))
    assert (clip.variable, clip.frames, len(numbers)) == (True, COUNT + 25 * pause, COUNT + 25 * pause)
    assert (numbers[5], numbers[20 + 25 * pause // 2]) == (5, 19)
    assert numbers[-5] in (35, 36)  # half a frame beside the grid


@pytest.mark.parametrize("fps", ["1500", "90000", "1000000"])
def test_rates_that_no_video_has_are_refused(tmp_path: Path, fps: str) -> None:
    path = make_clip(tmp_path / "fast.nut", 20, fps, ("-c:v", "ffv1"))
    with pytest.raises(InvalidInput, match="frames per second, but the maximum is 1000"):
        probe(path)


def test_a_jump_of_the_sound_makes_no_hours_of_silence(tmp_path: Path) -> None:
    silent = make_clip(tmp_path / "silent.mkv", COUNT, "25", ("-c:v", "ffv1"))
    late = "aevalsrc=1:d=1:s=8000,asetnsamples=800,asetpts='PTS+if(gte(N,4000),1e6,0)/TB'"
    path = tmp_path / "clip.mkv"
    ffmpeg("-i", str(silent), "-f", "lavfi", "-i", late, "-c:v", "copy", "-c:a", "pcm_s16le", str(path))
    samples = read_samples(probe(path), 0, 1.6)
    assert samples is not None
    assert samples.waveform.shape == (1, 12800)
    out = write_clip(tmp_path / "out.mp4", [numbered(0)] * COUNT, fps=25, sound=AudioSource(path))
    assert out.stat().st_size < 100_000


@pytest.mark.parametrize(
    ("times", "fps"),
    [
        ([0, 1e9], 1.0),  # two frames
        ([0, 0.04, 0.08, 1e9], 25.0),
        ([0, 0.04, 1000, 1000.04, 2000, 2000.04, 3000], 25.0),
        ([5, 5, 5, 5, 5], 1.0),
        (np.concatenate([REGULAR, REGULAR[-1] + 0.04 + np.arange(1, 31) * 50]), None),
    ],
)
def test_which_times_jump(times: list[float], fps: float | None) -> None:
    found = find_rate(np.array(times, float), None)
    assert (found.jumps, found.variable) == (True, False)
    assert fps is None or found.fps == pytest.approx(fps)


@pytest.mark.parametrize(
    "times",
    [
        REGULAR,
        [0, 10, 20, 30, 45, 70, 160, 170],  # slides
        [0, 0.02, 10],
        np.arange(10) * 50,
        [0, 0.04, 0.04, 0.08, 0.12],
    ],
)
def test_which_times_do_not_jump(times: list[float]) -> None:
    assert not find_rate(np.array(times, float), None).jumps


@pytest.mark.parametrize("seed", range(20))
def test_frames_are_bounded_by_those_that_are_there(seed: int) -> None:
    random = np.random.default_rng(seed)
    times = np.sort(random.exponential(1, 30) ** random.integers(1, 30))
    found = find_rate(times, None)
    made = (times[-1] - times[0]) * found.fps + 1 if found.variable else len(times)
    assert made <= (MAX_REPEATS + 1) * len(times) + FREE_REPEATS


def test_a_declared_rate_that_no_video_has_is_the_clock_of_the_file() -> None:
    assert find_rate(np.array([0.0]), float(Fraction(90000))).fps == 1.0
