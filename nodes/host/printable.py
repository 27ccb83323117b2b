"""Text that every log stream can print.

ComfyUI logs the messages of errors to streams that refuse what their encoding lacks, such as Korean in cp1252
or a lone surrogate anywhere. An error with such a message ends ComfyUI's worker thread.
"""

import codecs
import logging
import sys
from collections.abc import Iterator
from typing import TypeGuard
from unicodedata import category

from ...animatex_core.errors import AnimateXError

MAX_LENGTH = 100
"""Characters of a value in a message."""

MAX_BITS = 256  # of whole numbers in messages

UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")  # control characters, lone surrogates, separators of lines


def printable(text: str) -> str:
    r"""Return text with characters that a log stream or UTF-8 lacks as backslash escapes, such as \ud55c."""
    for encoding in _log_encodings():
        text = encodable(text, encoding)
    return text


def encodable(text: str, encoding: str = "utf-8") -> str:
    """Return text with characters that an encoding lacks as backslash escapes: of UTF-8, lone surrogates."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


def one_line(text: str, max_length: int = MAX_LENGTH) -> str:
    r"""Return text from outside as a part of a sentence: control characters escaped (\n), the end left out.

    Args:
        text: What a user or another node gave.
        max_length: Characters that are kept.

    """
    kept = text[:max_length] + ("..." if len(text) > max_length else "")
    escaped = (repr(each)[1:-1] if category(each) in UNPRINTABLE else each for each in kept)
    return printable("".join(escaped))


def quoted(value: object) -> str:
    """Return how a message shows a value of any type: a short one itself, of others only the type."""
    if isinstance(value, str):
        return f"'{one_line(value)}'"
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        return "a number of too many digits"
    if value is None or isinstance(value, int | float):
        return str(value)
    return f"of type {type(value).__name__}"


def printable_error(error: Exception) -> Exception:
    """Return an error that can be logged with all its causes: itself, or one of the same class.

    An error of another library whose message cannot be printed becomes an AnimateXError.
    """
    text = str(error)
    if printable(text) != text:
        own = isinstance(error, AnimateXError)
        return type(error)(printable(text)) if own else AnimateXError(_named(error))
    if any(printable(str(cause)) != str(cause) for cause in _causes(error)):
        error.__cause__ = error.__context__ = None
    return error


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {one_line(str(error), max_length=1000)}"


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
