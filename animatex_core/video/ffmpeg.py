"""The one place that starts ffmpeg, the executable that imageio-ffmpeg brings (4.2 and newer).

Its own generators are not used: they copy every frame while it arrives, ask for the header by polling, let
ffmpeg decide which frames of a clip are repeated or left out, and know neither of streams that start at
different times nor of part files.
"""

import os
import re
import subprocess
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from threading import Thread
from types import TracebackType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingDependency

PIPE_BYTES = 1 << 20  # a frame at once, where the system allows it
LOG_LINES = 50
# Apart from ours, so that an interrupt from the keyboard reaches only us and we end ffmpeg.
_GROUP = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)


@dataclass(frozen=True)
class Finished:
    """What a run of ffmpeg left: its exit status, its output, and what it said."""

    status: int
    output: bytes
    log: str


def run(arguments: Sequence[str], given: bytes = b"") -> Finished:
    """Run ffmpeg to its end. given: bytes for its standard input."""
    done = subprocess.run(  # noqa: S603
        [executable(), *arguments],
        input=given,
        capture_output=True,
        env=_environment(),
        creationflags=_GROUP,
        start_new_session=True,
    )
    return Finished(done.returncode, done.stdout, _text(done.stderr))


class Running:
    """ffmpeg at work on frames that come or go through a pipe; leaving the block ends it at once.

    reading: whether its standard output is read (else its standard input is written).
    """

    def __init__(self, arguments: Sequence[str], *, reading: bool) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            [executable(), "-nostats", *(("-nostdin",) if reading else ()), *arguments],
            stdin=subprocess.DEVNULL if reading else subprocess.PIPE,
            stdout=subprocess.PIPE if reading else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=_environment(),
            creationflags=_GROUP,
            start_new_session=True,
        )
        _widen(self._process.stdout if reading else self._process.stdin)
        self._lines: deque[bytes] = deque(maxlen=LOG_LINES)
        assert self._process.stderr is not None
        self._listener = Thread(target=self._lines.extend, args=(self._process.stderr,), daemon=True)
        self._listener.start()

    def __enter__(self) -> "Running":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self.finish()

    def read_into(self, frame: NDArray[np.uint8]) -> bool:
        """Fill a frame; False where the stream ended before it was full."""
        return _opened(self._process.stdout).readinto(frame.data) == frame.nbytes

    def write(self, frame: NDArray[np.uint8]) -> bool:
        """Hand over a frame; False where ffmpeg has ended and takes no more."""
        try:
            _opened(self._process.stdin).write(np.ascontiguousarray(frame).data)
        except OSError:  # a broken pipe on one system, an invalid argument on another
            return False
        return True

    def finish(self) -> int:
        """Tell ffmpeg that nothing more comes, wait for its end and return its exit status."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        status = self._process.wait()
        self._listener.join()
        _opened(self._process.stderr).close()
        return status

    @property
    def log(self) -> str:
        """The last lines that ffmpeg wrote."""
        return _text(b"".join(self._lines))


def executable() -> str:
    """Return the path of ffmpeg, or raise MissingDependency."""
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        return str(get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise MissingDependency(
            "No ffmpeg was found for reading and writing clips: run 'pip install imageio-ffmpeg'."
        ) from error


def each_frame_once() -> tuple[str, str]:
    """Return the option that makes ffmpeg pass every frame on as it is; its name changed with version 5.1."""
    return _each_frame_once(executable())


@lru_cache
def _each_frame_once(path: str) -> tuple[str, str]:
    said = subprocess.run([path, "-version"], capture_output=True, check=True).stdout  # noqa: S603
    version = re.match(r"ffmpeg version n?(\d+)\.(\d+)", _text(said))
    if version and tuple(map(int, version.groups())) < (5, 1):
        return "-vsync", "0"
    return "-fps_mode", "passthrough"  # builds without a number are recent ones


def reason(log: str) -> str:
    """Return the last line of a log that says something, without the addresses in front."""
    lines = [re.sub(r"^(\[[^]]*\] ?)+", "", line).strip(" .") for line in log.splitlines()]
    telling = [line for line in lines if line and line != "Conversion failed!"]
    return telling[-1] if telling else "without saying why"


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C", "AV_LOG_FORCE_NOCOLOR": "1"}


def _opened(pipe: IO[bytes] | None) -> Any:  # IO[bytes] has no readinto
    assert pipe is not None
    return pipe


def _text(log: bytes) -> str:
    return log.decode("utf-8", "replace").replace("\r\n", "\n")


def _widen(pipe: IO[bytes] | None) -> None:
    """Let a pipe hold a frame, on systems that can and where their limits allow it."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(_opened(pipe), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
