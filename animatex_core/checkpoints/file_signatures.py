"""Files that are not weights, recognized by their first bytes, with what to do instead."""

import json
import re
from collections.abc import Callable
from pathlib import Path

HEAD_BYTES = 4096
"""Bytes to read from the beginning of a file."""

Recognizer = Callable[[bytes], str | None]


def describe_wrong_file(head: bytes, *, any_file: bool = False) -> str | None:
    """Recognize a file that cannot be weights.

    Args:
        head: Its first bytes, up to `HEAD`.
        any_file: Whether other kinds of files, such as ONNX, are valid too, so that only what servers and
            tools deliver instead of a file is recognized.

    Returns:
        What the file is and what to do, to complete a sentence that begins with its name; None if unknown.

    """
    recognizers = SENT_INSTEAD if any_file else (*SENT_INSTEAD, *OTHER_FORMATS)
    return next((fault for recognize in recognizers if (fault := recognize(head)) is not None), None)


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file."""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _empty(head: bytes) -> str | None:
    return None if head else "is empty: download it again, or check that the path is the right one"


def _git_lfs(head: bytes) -> str | None:
    if not head.startswith(b"version https://git-lfs.github.com/spec/"):
        return None
    size = re.search(rb"^size (\d{1,20})", head, re.MULTILINE)
    wanted = f" of {int(size[1]):,} bytes" if size else ""
    return (
        f"is only a Git LFS pointer to a file{wanted}: run `git lfs pull` in the repository that it came "
        "from, or download the file itself from its page"
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
            "is only the index of weights that are split over several files: put those next to it under the "
            "names that it lists"
        )
    error = _error_in(text)
    if error is not None:
        return (
            f"is an error message of a server ({error}) and not weights: check the URL and download it again"
        )
    return "is a JSON file and not weights: choose the weights file next to it"


def _error_in(text: bytes) -> str | None:
    try:
        response = json.loads(text)
    except (ValueError, RecursionError):
        return None
    fields = ("error", "message", "detail") if isinstance(response, dict) else ()
    found = [response.get(field) for field in fields]
    return next((" ".join(each.split())[:120] for each in found if isinstance(each, str)), None)


def _starts_with(magic: bytes, fault: str) -> Recognizer:
    return lambda head: fault if head.startswith(magic) else None


def _text(head: bytes) -> str | None:
    try:
        text = head.decode("ascii")
    except UnicodeDecodeError:
        return None
    if any(not (character.isprintable() or character in "\r\n\t") for character in text):
        return None
    return "is a text file and not weights: download it again from its page"


def _zeros(head: bytes) -> str | None:
    if head.strip(b"\0"):
        return None
    return "begins with zeros: the download did not finish, so start it again"


SENT_INSTEAD: tuple[Recognizer, ...] = (_empty, _git_lfs, _page, _json, _zeros)
"""What servers and tools deliver instead of a file, in the order of the checks."""

OTHER_FORMATS: tuple[Recognizer, ...] = (
    _text,
    _starts_with(b"GGUF", "is a GGUF file with quantized weights: get the safetensors version"),
    _starts_with(b"\x08", "seems to be an ONNX file: choose a weights file of the model"),
    _starts_with(b"\x89HDF", "contains weights of TensorFlow or Keras: get the safetensors version"),
    _starts_with(b"\x1f\x8b", "is compressed with gzip: unpack it"),
    _starts_with(b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive: unpack it"),
    _starts_with(b"Rar!", "is a RAR archive: unpack it"),
    _starts_with(b"\xfd7zXZ", "is compressed with xz: unpack it"),
    _starts_with(b"\x28\xb5\x2f\xfd", "is compressed with zstd: unpack it"),
    _starts_with(b"\x93NUMPY", "is a NumPy array without the names of weights: get the safetensors version"),
)
"""Files of other programs."""
