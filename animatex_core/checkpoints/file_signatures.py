"""What files are that are taken for weights: recognized by their first bytes, with what to do instead."""

import json
import re
from collections.abc import Callable
from pathlib import Path

HEAD = 4096
"""Bytes that are looked at."""

Recognized = Callable[[bytes], str | None]


def mistaken_for(head: bytes, *, any_file: bool = False) -> str | None:
    """Return what a file is that cannot be weights.

    Args:
        head: Its first bytes, `HEAD` of them where there are as many.
        any_file: Whether other files than weights are right too, such as ONNX, so that only what servers and
            tools send in the place of a file is recognized.

    Returns:
        The end of a sentence that begins with the file's name: what it is, and what to do instead. None where
        the bytes say nothing.

    """
    recognizers = SENT_INSTEAD if any_file else (*SENT_INSTEAD, *OTHER_FORMS)
    return next((said for recognize in recognizers if (said := recognize(head)) is not None), None)


def head_of(path: Path) -> bytes:
    """Return the first bytes of a file."""
    with path.open("rb") as file:
        return file.read(HEAD)


def _nothing(head: bytes) -> str | None:
    return None if head else "is empty: download it again, or check that the path is the right one"


def _git_lfs(head: bytes) -> str | None:
    if not head.startswith(b"version https://git-lfs.github.com/spec/"):
        return None
    size = re.search(rb"^size (\d{1,20})", head, re.MULTILINE)
    wanted = f" of {int(size[1]):,} bytes" if size else ""
    return (
        f"is only the pointer of Git LFS to a file{wanted}: run `git lfs pull` in the repository that it "
        "came from, or download the file itself from its page"
    )


def _page(head: bytes) -> str | None:
    if re.match(rb"\s*(<!doctype html|<html|<\?xml|<head|<body)", head.lstrip(b"\xef\xbb\xbf"), re.I) is None:
        return None
    return "is a web page and not weights: log in or accept the licence on that page, then download it again"


def _json(head: bytes) -> str | None:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not text.startswith((b"{", b"[")):
        return None
    if b'"weight_map"' in text:
        return (
            "is only the index of weights that are split over several files: put those beside it under the "
            "names that it lists"
        )
    error = _error_in(text)
    if error is not None:
        return f"is the answer of a server ({error}) and not weights: check the address and download it again"
    return "is a JSON file and not weights: choose the weights file beside it"


def _error_in(text: bytes) -> str | None:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return None
    found = [answer.get(key) for key in ("error", "message", "detail")] if isinstance(answer, dict) else []
    return next((" ".join(each.split())[:120] for each in found if isinstance(each, str)), None)


def _beginning(magic: bytes, said: str) -> Recognized:
    return lambda head: said if head.startswith(magic) else None


def _text(head: bytes) -> str | None:
    try:
        text = head.decode("ascii")
    except UnicodeDecodeError:
        return None
    if any(not (sign.isprintable() or sign in "\r\n\t") for sign in text):
        return None
    return "is a text and not weights: download it again from its page"


def _zeros(head: bytes) -> str | None:
    if head.strip(b"\0"):
        return None
    return "begins with zeros: the download did not finish, so start it again"


SENT_INSTEAD: tuple[Recognized, ...] = (_nothing, _git_lfs, _page, _json, _zeros)
"""Answers of servers and tools, looked through in this order."""

OTHER_FORMS: tuple[Recognized, ...] = (
    _text,
    _beginning(
        b"GGUF", "is a GGUF file, which holds quantized weights of other forms: get the safetensors version"
    ),
    _beginning(b"\x08", "seems to be an ONNX file: choose the weights of the network that this is about"),
    _beginning(b"\x89HDF", "holds weights of TensorFlow or Keras: get the safetensors version"),
    _beginning(b"\x1f\x8b", "is packed with gzip: unpack it"),
    _beginning(b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive: unpack it"),
    _beginning(b"Rar!", "is a RAR archive: unpack it"),
    _beginning(b"\xfd7zXZ", "is packed with xz: unpack it"),
    _beginning(b"\x28\xb5\x2f\xfd", "is packed with zstd: unpack it"),
    _beginning(b"\x93NUMPY", "is an array of NumPy and not named weights: get the safetensors version"),
)
"""Files of other programs."""
