"""What a node reports while it runs: warnings, progress and errors, in text that every log can print.

ComfyUI logs error messages to streams that reject characters their encoding lacks, such as Korean in cp1252
or a lone surrogate anywhere. An error with such a message would end ComfyUI's worker thread.
"""

import codecs
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeGuard
from unicodedata import category

import comfy.utils
from comfy.model_management import throw_exception_if_processing_interrupted
from server import PromptServer

from ...animatex_core.errors import AnimateXError, AnimateXWarning
from ...animatex_core.utils.progress import Check, Progress

MAX_LENGTH = 100
"""Characters of a value that a message shows."""

MAX_BITS = 256  # of integers in messages

UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")  # control characters, lone surrogates, line separators

check_interrupt: Check = throw_exception_if_processing_interrupted
"""Called by the core while ffmpeg runs; raises if the user interrupts."""


@contextmanager
def report_warnings(node_id: str | None) -> Iterator[list[str]]:
    """Collect the core's warnings and show them on a node and in the log, also if the work fails.

    Other warnings are passed on.

    Args:
        node_id: The node; None only logs.

    Yields:
        The sentences to show, to which a node may append its own.

    """
    sentences: list[str] = []
    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", AnimateXWarning)
            yield sentences
    finally:  # a warning often explains the failure
        for warning in caught:
            sentence = str(warning.message)
            if not issubclass(warning.category, AnimateXWarning):
                origin = warning.category, warning.filename, warning.lineno
                with suppress(UnicodeError):  # in the name of the file, or in the source line
                    warnings.warn_explicit(printable(sentence), *origin)
                continue
            if sentence not in sentences:
                sentences.append(sentence)
            logging.warning("Animate-X: %s", printable(sentence))
        if sentences and node_id is not None:
            server: Any = PromptServer.instance
            server.send_progress_text(encodable("\n".join(sentences)), encodable(node_id))


def node_progress(total: int) -> Progress:
    """Return a callback that moves the progress bar of the running node.

    Every call checks for an interrupt and raises if the user asked for one. The bar only moves in whole
    percents, since older versions of ComfyUI send a message to the browser for every move.
    """
    bar: Any = comfy.utils.ProgressBar(total)
    shown = -1

    def report(done: int, total: int) -> None:
        nonlocal shown
        throw_exception_if_processing_interrupted()
        percent = done * 100 // total if total else done
        if percent != shown:
            shown = percent
            bar.update_absolute(done, total or None)

    return report


def printable(text: str) -> str:
    r"""Escape characters that a log stream or UTF-8 cannot encode with backslashes, such as \ud55c."""
    for encoding in _log_encodings():
        text = encodable(text, encoding)
    return text


def encodable(text: str, encoding: str = "utf-8") -> str:
    """Escape characters that an encoding lacks with backslashes; for UTF-8 these are lone surrogates."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


def one_line(text: str, max_length: int = MAX_LENGTH) -> str:
    r"""Make untrusted text part of a sentence: control characters are escaped (\n), long text is cut.

    Args:
        text: What a user or another node provided.
        max_length: Characters to keep.

    """
    kept = text[:max_length] + ("..." if len(text) > max_length else "")
    escaped = (repr(each)[1:-1] if category(each) in UNPRINTABLE else each for each in kept)
    return printable("".join(escaped))


def quoted(value: object) -> str:
    """Return how a message shows any value: short values themselves, the type of all others."""
    if isinstance(value, str):
        return f"'{one_line(value)}'"
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        return "a number with too many digits"
    if value is None or isinstance(value, int | float):
        return str(value)
    return f"of type {type(value).__name__}"


def printable_error(error: Exception) -> Exception:
    """Return an error that can be logged with all its causes: itself, or a copy with an escaped message.

    An error of another library whose message cannot be printed becomes an AnimateXError.
    """
    text = str(error)
    if printable(text) != text:
        if isinstance(error, AnimateXError):
            return type(error)(printable(text))
        return AnimateXError(f"{type(error).__name__}: {one_line(text, max_length=1000)}")
    if any(printable(str(cause)) != str(cause) for cause in _causes(error)):
        error.__cause__ = error.__context__ = None
    return error


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error.__cause__, error.__context__]
    while waiting:
        cause = waiting.pop()
        if cause is not None and id(cause) not in seen:
            seen.add(id(cause))
            waiting += [cause.__cause__, cause.__context__]
            yield cause


def _log_encodings() -> set[str]:
    handlers = logging.getLogger().handlers
    streams = [sys.stdout, sys.stderr, *(getattr(handler, "stream", None) for handler in handlers)]
    named = (getattr(stream, "encoding", None) for stream in streams)
    return {"utf-8", *filter(_is_encoding, named)}


def _is_encoding(name: object) -> TypeGuard[str]:
    try:
        return isinstance(name, str) and bool(codecs.lookup(name))
    except LookupError:
        return False
