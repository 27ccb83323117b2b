"""The one place that starts ffmpeg, the executable that imageio-ffmpeg brings (4.2 and newer).

Its own generators are not used: they copy every frame while it arrives, ask for the header by polling, let
ffmpeg decide which frames of a clip are repeated or left out, and know neither of streams that start at
different times nor of part files.
"""

import re
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from threading import Thread
from types import TracebackType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput, MissingDependency
from .process import Collector, Guard, Process, ends_within, feed, kill, start, wait_until

PIPE_BYTES = 1 << 20  # a frame at once, where the system allows it
LOG_LINES = 50
_ERROR = re.compile(rb"^(\[[^]]*\] )*\[(error|fatal|panic)\] ")  # as `-loglevel level` marks them
_SIZE = re.compile(rb"^\[graph \S+ input from stream \S+ @ \S+\] \[verbose\] w:(\d+) h:(\d+) ")
BANNER = re.compile(r"ffmpeg version |built with |configuration: |lib\w+ +\d")


@dataclass(frozen=True)
class Finished:
    """What a run of ffmpeg left: its exit status, its output, and what it said."""

    status: int
    output: bytes
    log: str


def run(arguments: Sequence[str], guard: Guard, given: bytes = b"") -> Finished:
    """Run ffmpeg to its end.

    Args:
        arguments: Those after its name.
        guard: The limits; ffmpeg is killed where one is exceeded and where `guard.check` raises.
        given: Bytes for its standard input.

    Raises:
        InvalidInput, StorageError: ffmpeg did nothing for too long or gave more than fits.

    """
    process = start([executable(), *arguments], writes=bool(given))
    output, log = Collector(process.stdout), Collector(process.stderr)
    feeder = Thread(target=feed, args=(process.stdin, given), daemon=True)
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
    return Finished(process.returncode, output.content, _text(log.content))


class Running:
    """ffmpeg at work on frames that come or go through a pipe; leaving the block ends it at once.

    Time counts against the limits only while a frame is waited for: a caller may take as long as it likes
    between two frames.

    Args:
        arguments: Those after ffmpeg's name.
        guard: The limits of waiting for one frame.
        reading: Whether its standard output is read (else its standard input is written). Then it says
            everything, marked by its level, for only so sizes are known.

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
        # Pipes block, so another thread waits at them while this one hears of interrupts.
        self._worker = ThreadPoolExecutor(1, "ffmpeg")

    def __enter__(self) -> "Running":
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
        """Fill a frame; False where the stream ended before it was full."""
        return self._wait_for(_opened(self._process.stdout).readinto, frame.data) == frame.nbytes

    def write(self, frame: NDArray[np.uint8]) -> bool:
        """Hand over a frame; False where ffmpeg has ended and takes no more."""
        return bool(self._wait_for(_write_all, self._process.stdin, np.ascontiguousarray(frame)))

    def finish(self) -> int:
        """Signal that nothing more comes, wait for the end of ffmpeg and return its exit status."""
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
        """How many sizes the decoded frames had, known when the block is left."""
        return len(self._sizes)

    @property
    def log(self) -> str:
        """The last errors that ffmpeg reported."""
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
    version = re.match(r"ffmpeg version n?(\d+)\.(\d+)", _text(run(["-version"], Guard(path)).output))
    if version and tuple(map(int, version.groups())) < (5, 1):
        return "-vsync", "0"
    return "-fps_mode", "passthrough"  # builds without a number are recent ones


def reason(log: str) -> str:
    """Return the last line of a log that says something, without the addresses in front."""
    lines = [re.sub(r"^(\[[^]]*\] ?)+", "", line).strip(" .") for line in log.splitlines()]
    telling = [line for line in lines if line and line != "Conversion failed!" and not BANNER.match(line)]
    return telling[-1] if telling else "without saying why"


def _has_ended(process: Process, seconds: float, streams: tuple[Collector, ...], guard: Guard) -> bool:
    if max(stream.size for stream in streams) > guard.max_output:
        raise InvalidInput(
            f"{str(guard.subject)!r} gives more than {guard.max_output >> 20} MB of packets or messages: "
            "cut it into shorter parts."
        )
    return ends_within(process, seconds)


def _write_all(pipe: IO[bytes] | None, frame: NDArray[np.uint8]) -> bool:
    try:
        _opened(pipe).write(frame.data)
    except OSError:  # a broken pipe on one system, an invalid argument on another
        return False
    return True


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
