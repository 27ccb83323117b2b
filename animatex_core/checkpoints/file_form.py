"""The format of a weights file, recognized by its content, and errors for damaged files."""

import enum
import struct
import zipfile
from pathlib import Path

from ..errors import CheckpointError, DamagedCheckpoint, OutOfMemory
from ..utils.devices import is_out_of_memory
from ..utils.text import first_sentence
from ..utils.validation import may_block
from .file_signatures import describe_wrong_file, read_head

REMEDY_DAMAGED = "download it again, or check that the path is correct"

MALFORMED = (  # what zipfile and torch's restricted unpickler raise for damage and for too little memory
    zipfile.BadZipFile,
    EOFError,
    RuntimeError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    struct.error,
    MemoryError,
    OSError,
)


class FileFormat(enum.Enum):
    """The format of a weights file."""

    SAFETENSORS = "safetensors"
    ZIP = "zip"  # written by torch.save since torch 1.6
    LEGACY = "legacy"  # written by torch.save before; cannot be memory-mapped


def detect_format(path: Path) -> FileFormat:
    """Return the format of a weights file by its first bytes; names are unreliable.

    Args:
        path: The file.

    Returns:
        Its format.

    Raises:
        CheckpointError: It cannot be opened, or is not a regular file.
        DamagedCheckpoint: It has none of these formats.

    """
    if path.is_dir():
        raise CheckpointError(f"{path} is a directory: give the path of the weights file in it.")
    if may_block(path):
        raise CheckpointError(f"{path} is a pipe or device: give the path of a weights file.")
    try:
        head = read_head(path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be opened ({error.strerror}): check the path.") from error
    form = _form_of(head)
    if form is None:
        fault = (
            describe_wrong_file(head) or f"is neither a safetensors file nor a torch pickle: {REMEDY_DAMAGED}"
        )
        raise DamagedCheckpoint(f"{path} {fault}.")
    return form


def unreadable(path: Path, error: Exception) -> DamagedCheckpoint | OutOfMemory:
    """Return the exception for a failed read; a lack of memory does not mean that the file is damaged."""
    if is_out_of_memory(error):
        return OutOfMemory(f"There is too little memory to read {path}: close other programs.")
    return DamagedCheckpoint(f"{path} is truncated or damaged ({first_sentence(error)}): {REMEDY_DAMAGED}.")


def _form_of(head: bytes) -> FileFormat | None:
    if head.startswith(b"PK\x03\x04"):
        return FileFormat.ZIP
    if head[8:9] == b"{":  # eight bytes of length, then the JSON header
        return FileFormat.SAFETENSORS
    if head.startswith(b"\x80"):
        return FileFormat.LEGACY
    return None
