"""Running ffmpeg, the executable of imageio-ffmpeg (4.2 and newer). No other module starts it.

imageio-ffmpeg's own generators are not used: they copy every frame on arrival, poll for the header, let
ffmpeg decide which frames are repeated or dropped, and support neither streams that start at different times
nor temporary output files.
"""

import os
import re
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from threading import Thread
from types import TracebackType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput, MissingDependency
from .process import (
    CAN_POLL,
    Collector,
    Guard,
    Process,
    ends_within,
    is_readable,
    kill,
    start,
    wait_until,
    write_input,
)

PIPE_BYTES = 1 << 20  # a whole frame, if the system allows it
LOG_LINES = 50
_ERROR = re.compile(rb"^(\[[^]]*\] )*\[(error|fatal|panic)\] ")  # the marks of `-loglevel level`
_SIZE = re.compile(rb"^\[graph \S+ input from stream \S+ @ \S+\] \[verbose\] w:(\d+) h:(\d+) ")
BANNER = re.compile(r"ffmpeg version |built with |configuration: |lib\w+ +\d")


@dataclass(frozen=True)
class FFmpegResult:
    """The result of a run of ffmpeg: its exit status, standard output and log."""

    status: int
    output: bytes
    log: str


def run(arguments: Sequence[str], guard: Guard, given: bytes = b"") -> FFmpegResult:
    """Run ffmpeg to its end.

    Args:
        arguments: Its arguments.
        guard: The limits; ffmpeg is killed if one is exceeded or `guard.check` raises.
        given: Bytes for its standard input.

    Returns:
        Its exit status, output and log.

    Raises:
        InvalidInput: There was no activity for too long, or more output than allowed.
        StorageError: The same, while a file was written.

    """
    process = start([executable(), *arguments], writes=bool(given))
    output, log = Collector(process.stdout), Collector(process.stderr)
    feeder = Thread(target=write_input, args=(process.stdin, given), daemon=True)
    try:
        feeder.start()
        wait_until(
            lambda seconds: _has_ended(process, seconds, (output, log), guard),
            guard,
            lambda: (output.size, log.size),
        )
    finally:
        kill(process)
        for thread in (output, log, feeder):
            thread.join()
    return FFmpegResult(process.returncode, output.content, _text(log.content))


class FFmpegStream:
    """ffmpeg with frames coming or going through a pipe; leaving the block kills it.

    Time counts against the limits only while a frame is awaited: the caller may take any time between two
    frames.

    Args:
        arguments: ffmpeg's arguments.
        guard: The limits of waiting for one frame.
        reading: Whether frames are read from its standard output, else written to its standard input. When
            reading, its log is verbose and marked by level, which is the only way to know frame sizes.

    """

    def __init__(self, arguments: Sequence[str], guard: Guard, *, reading: bool) -> None:
        self._guard, self._marked = guard, reading
        level = ("-nostdin", "-hide_banner", "-loglevel", "level+verbose") if reading else ()
        self._process = start(
            [executable(), "-nostats", *level, *arguments],
            writes=not reading,
            reads=reading,
        )
        _widen(self._process.stdout if reading else self._process.stdin)
        self._lines: deque[bytes] = deque(maxlen=LOG_LINES)
        self._sizes: set[tuple[bytes, bytes]] = set()
        self._heard = 0
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()
        # Pipes block where they cannot be polled, and while a frame is written, so another thread waits for
        # them while this one handles interrupts.
        self._worker = ThreadPoolExecutor(1, "ffmpeg")

    def __enter__(self) -> "FFmpegStream":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        kill(self._process)
        self._worker.shutdown()
        self._close()
        self._listener.join()
        _opened(self._process.stderr).close()

    def read_into(self, frame: NDArray[np.uint8]) -> bool:
        """Fill a frame; returns False if the stream ended before the frame was complete."""
        pipe = _opened(self._process.stdout)
        if not CAN_POLL:
            return self._wait_for(pipe.readinto, frame.data) == frame.nbytes
        missing = frame.data.cast("B")
        while missing:
            # Faster than a thread that blocks: no other thread has to be woken for each frame.
            wait_until(partial(is_readable, pipe), self._guard, lambda: self._heard)
            arrived = os.readv(pipe.fileno(), [missing])
            if not arrived:
                return False
            missing = missing[arrived:]
        return True

    def write(self, frame: NDArray[np.uint8]) -> bool:
        """Write a frame; returns False if ffmpeg has ended and takes no more."""
        return bool(self._wait_for(_write_all, self._process.stdin, np.ascontiguousarray(frame)))

    def finish(self) -> int:
        """Close the pipes, wait for ffmpeg to end and return its exit status."""
        status = self._wait_for(self._close)
        self._listener.join()
        return status

    def _wait_for(self, task: Callable[..., Any], *arguments: object) -> Any:
        future = self._worker.submit(task, *arguments)
        wait_until(lambda seconds: bool(wait([future], seconds).done), self._guard, lambda: self._heard)
        return future.result()

    def _close(self) -> int:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        return self._process.wait()

    def _listen(self) -> None:
        for line in _opened(self._process.stderr):
            size = _SIZE.match(line)
            if size:
                self._sizes.add((size[1], size[2]))
            if not self._marked or _ERROR.match(line):
                self._lines.append(line)
            self._heard += 1

    @property
    def sizes(self) -> int:
        """The number of different sizes that decoded frames had, known after the block."""
        return len(self._sizes)

    @property
    def log(self) -> str:
        """The last errors that ffmpeg logged."""
        return _text(b"".join(self._lines))


def executable() -> str:
    """Return the path of ffmpeg; raises MissingDependency."""
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        return str(get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise MissingDependency(
            "No ffmpeg was found for reading and writing videos: run 'pip install imageio-ffmpeg'."
        ) from error


def each_frame_once() -> tuple[str, str]:
    """Return the option that makes ffmpeg pass each frame on once; version 5.1 renamed it."""
    return _each_frame_once(executable())


@lru_cache
def _each_frame_once(path: str) -> tuple[str, str]:
    version = re.match(r"ffmpeg version n?(\d+)\.(\d+)", _text(run(["-version"], Guard(path)).output))
    if version and tuple(map(int, version.groups())) < (5, 1):
        return "-vsync", "0"
    return "-fps_mode", "passthrough"  # builds without a version number are recent ones


def last_log_line(log: str) -> str:
    """Return the last meaningful line of a log, without the addresses in front."""
    lines = [re.sub(r"^(\[[^]]*\] ?)+", "", line).strip(" .") for line in log.splitlines()]
    telling = [line for line in lines if line and line != "Conversion failed!" and not BANNER.match(line)]
    return telling[-1] if telling else "without saying why"


def _has_ended(process: Process, seconds: float, streams: tuple[Collector, ...], guard: Guard) -> bool:
    if max(stream.size for stream in streams) > guard.max_output:
        raise InvalidInput(
            f"{str(guard.subject)!r} produces more than {guard.max_output >> 20} MB of packets or messages: "
            "cut it into shorter parts."
        )
    return ends_within(process, seconds)


def _write_all(pipe: IO[bytes] | None, frame: NDArray[np.uint8]) -> bool:
    try:
        _opened(pipe).write(frame.data)
    except OSError:  # a broken pipe, or an invalid argument on other systems
        return False
    return True


def _opened(pipe: IO[bytes] | None) -> Any:  # IO[bytes] has no readinto
    assert pipe is not None
    return pipe


def _text(log: bytes) -> str:
    return log.decode("utf-8", "replace").replace("\r\n", "\n")


def _widen(pipe: IO[bytes] | None) -> None:
    """Enlarge a pipe to hold a frame, where the system and its limits allow it."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(_opened(pipe), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
