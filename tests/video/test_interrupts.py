"""Every run of ffmpeg stops immediately on an interrupt, and after too long without activity."""

import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from animatex_core.errors import Cancelled, InvalidInput, StorageError
from animatex_core.video import ffmpeg as program
from animatex_core.video.audio import AudioSource, probe_audio
from animatex_core.video.audio_samples import read_samples
from animatex_core.video.ffmpeg import FFmpegStream, run
from animatex_core.video.info import VideoInfo, count_frames, probe
from animatex_core.video.process import Guard
from animatex_core.video.reader import read_frames
from animatex_core.video.writer import write_clip
from tests.video.samples import make_clip, make_flash, numbered, numbers_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a script stands for an ffmpeg that hangs")
FAR = 3600.0  # seconds for which the script hangs: longer than any test


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> VideoInfo:
    return probe(make_flash(tmp_path_factory.mktemp("clips") / "clip.mp4", seconds=1.0, at=0.5))


@pytest.fixture
def hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a script in the place of ffmpeg that starts a program, says nothing and takes nothing."""
    real, script = program.executable(), tmp_path / "ffmpeg"
    script.write_text(f'#!/bin/sh\n[ "$1" = -version ] && exec {real} -version\nsleep {FAR}\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(program, "executable", lambda: str(script))
    return tmp_path / "out.mp4"


def children() -> list[psutil.Process]:
    """Return the processes of ffmpeg and its script; a test session may have others, such as servers."""
    found = psutil.Process().children(recursive=True)
    return [each for each in found if each.is_running() and each.name().startswith(("ffmpeg", "sh", "sleep"))]


class Interrupt:
    """Raises at its third call, when ffmpeg certainly runs."""

    calls = 0

    def __call__(self) -> None:
        self.calls += 1
        if self.calls == 3:
            raise Cancelled("stopped")


def _written(clip: VideoInfo, out: Path, check: Interrupt, suffix: str = ".mp4") -> None:
    frames = [numbered(0, 640, 480)] * 9
    write_clip(out.with_suffix(suffix), frames, fps=10, check=check)


CALLS: dict[str, Callable[[VideoInfo, Path, Interrupt], object]] = {
    "probe": lambda clip, _, check: probe(clip.path, check),
    "count": lambda clip, _, check: count_frames(VideoInfo(**{**vars(clip), "declared": 99}), check),
    "read": lambda clip, _, check: list(read_frames(clip, check=check)),
    "samples": lambda clip, _, check: read_samples(clip, 0, 1, check),
    "find sound": lambda clip, _, check: probe_audio(AudioSource(clip.path), check),
    "write": _written,
    "write gif": lambda clip, out, check: _written(clip, out, check, ".gif"),
    "write sound": lambda clip, out, check: write_clip(
        out, [numbered(0)], fps=10, sound=AudioSource(clip.path), check=check
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_an_interrupt_ends_ffmpeg_while_it_hangs(clip: VideoInfo, hangs: Path, call: str) -> None:
    before = set(hangs.parent.iterdir())
    with pytest.raises(Cancelled):
        CALLS[call](clip, hangs, Interrupt())
    assert not children()
    assert set(hangs.parent.iterdir()) == before


def test_reading_ends_where_nothing_arrives(hangs: Path) -> None:
    with pytest.raises(InvalidInput, match=r"'dance\.mp4' was stopped .* nothing arrived for 0\.2 s"):
        run(["-i", "dance.mp4"], Guard("dance.mp4", quiet=0.2))
    assert not children()


def test_a_frame_is_not_waited_for_without_end(hangs: Path) -> None:
    with (
        FFmpegStream([], Guard("dance.mp4", quiet=0.2), reading=True) as process,
        pytest.raises(InvalidInput, match=r"nothing arrived for 0\.2 seconds"),
    ):
        process.read_into(np.empty((4, 4, 3), np.uint8))
    assert not children()


def test_writing_ends_where_nothing_is_taken(hangs: Path) -> None:
    frame = np.zeros((2000, 2000, 3), np.uint8)  # more than a pipe holds
    with (
        FFmpegStream([], Guard("out.mp4", output=hangs, quiet=0.2), reading=False) as process,
        pytest.raises(StorageError, match=r"out\.mp4 could not be written .* no progress for 0\.2 seconds"),
    ):
        process.write(frame)
    assert not children()


def test_the_end_of_writing_is_not_waited_for_without_end(hangs: Path) -> None:
    with (
        FFmpegStream([], Guard("out.mp4", output=hangs, quiet=0.2), reading=False) as process,
        pytest.raises(StorageError, match="no progress"),
    ):
        process.finish()
    assert not children()


def test_a_slow_caller_is_not_a_stall(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", 6, options=("-c:v", "ffv1"), size=(640, 480))
    raw = ["-v", "error", "-i", str(path), "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"]
    frames = [np.empty((480, 640, 3), np.uint8) for _ in range(6)]
    with FFmpegStream(raw, Guard(path, quiet=5.0), reading=True) as process:
        process._guard = Guard(path, quiet=0.5)  # for what follows the start
        for frame in frames:
            time.sleep(0.7)
            assert process.read_into(frame)
    assert numbers_of(frames) == list(range(6))


def test_more_output_than_fits_is_refused(clip: VideoInfo) -> None:
    endless = ["-f", "lavfi", "-i", "testsrc", "-f", "rawvideo", "pipe:1"]
    with pytest.raises(InvalidInput, match="more than 1 MB"):
        run(endless, Guard(clip.path, max_output=1 << 20))
    assert not children()
