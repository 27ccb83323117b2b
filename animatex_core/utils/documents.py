"""JSON, YAML and text files from untrusted sources, bounded in size before they are parsed.

Parsed JSON can take thirty times the bytes of its text, and aliases let YAML grow without limit.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from ..errors import AnimateXError, InvalidInput
from .text import first_sentence
from .validation import may_block

MAX_BYTES = 16 << 20  # of a settings or record file
MAX_YAML_BYTES = 1 << 20
MAX_CONTAINERS = 500_000  # lists and objects; an empty one is two bytes of text and up to 72 bytes in memory
MAX_DEPTH = 100
MAX_YAML_NODES = 100_000  # with all aliases expanded
MAX_YAML_DIGITS = 100  # of a number: base 60 takes hours to parse, and longer ones cannot be printed
NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


class FileFault(ValueError):
    """The content of a file is invalid. The message completes a sentence about the file."""


class TooLarge(FileFault):
    """The content of a file exceeds a limit."""


@contextmanager
def document_errors(fault: str, remedy: str, kind: type[AnimateXError] = InvalidInput) -> Iterator[None]:
    """Raise one sentence where a document cannot be read or does not have the expected content.

    Args:
        fault: The beginning of the sentence, such as "x.json cannot be read".
        remedy: The end of the sentence: what to do.
        kind: The exception to raise.

    Raises:
        AnimateXError: Of the class `kind`. Other exceptions of this library pass unchanged, except
            InvalidInput, whose message becomes the reason.

    """
    try:
        yield
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise kind(f"{fault} ({_reason(error)}): {remedy}.") from error


def read_bytes(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the content of a file; raises OSError or FileFault."""
    if may_block(path):
        raise FileFault("it is a pipe or device")
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise TooLarge(f"it is larger than {max_bytes:,} bytes")
    return data


def read_text(path: Path, max_bytes: int = MAX_BYTES) -> str:
    """Return UTF-8 text without its byte order mark; raises OSError or FileFault."""
    data = read_bytes(path, max_bytes)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileFault(f"it is not UTF-8 (byte {error.start})") from error


def read_json(path: Path, max_bytes: int = MAX_BYTES, max_containers: int = MAX_CONTAINERS) -> Any:
    """Return the content of a JSON file.

    Args:
        path: The file, in UTF-8.
        max_bytes: Size beyond which it is not read.
        max_containers: Number of lists and objects beyond which it is not parsed.

    Raises:
        OSError: The file cannot be read.
        FileFault: It is too large, or not JSON.

    """
    return parse_json(read_text(path, max_bytes), max_containers)


def parse_json(text: str, max_containers: int = MAX_CONTAINERS) -> Any:
    """Return the content of a JSON text; raises FileFault if it is invalid, too large or too deep."""
    if text.count("[") + text.count("{") > max_containers:
        raise TooLarge(f"it has more than {max_containers:,} lists and objects")
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise FileFault(f"it is nested deeper than {MAX_DEPTH} levels") from error
    except ValueError as error:
        raise FileFault(f"it is not JSON: {short_reason(error)}") from error
    require_shallow(value)
    return value


def read_yaml(path: Path) -> Any:
    """Return the content of a YAML file; raises OSError or FileFault."""
    return parse_yaml(read_text(path, MAX_YAML_BYTES))


def parse_yaml(text: str) -> Any:
    """Return plain values of YAML; raises FileFault if it is invalid, or too large with aliases expanded."""
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _require_small(node)
        return loader.construct_document(node)
    except RecursionError as error:
        raise FileFault(f"it is nested deeper than {MAX_DEPTH} levels") from error
    except FileFault:
        raise
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
        raise FileFault(f"it is not YAML: {short_reason(error)}") from error
    finally:
        if loader is not None:
            loader.dispose()


def require_shallow(value: object) -> None:
    """Raise FileFault for lists and objects that are nested too deeply for `repr`."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner for outer in level for inner in _members(outer) if isinstance(inner, dict | list | tuple)
        ]
        if not level:
            return
    raise FileFault(f"it is nested deeper than {MAX_DEPTH} levels")


def short_reason(error: Exception) -> str:
    """Return an error's message as one line of at most 200 characters."""
    line = " ".join(str(error).split()) or type(error).__name__
    return line if len(line) <= 200 else f"{line[:197]}..."


def _reason(error: Exception) -> str:
    """Describe an error within parentheses; that of an OSError would repeat the path."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, KeyError):
        return f"{error} is missing"
    return first_sentence(error)


def _members(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value


def _require_small(node: yaml.Node) -> None:
    """Count the nodes level by level, those behind an alias once for each use."""
    level, count = [node], 0
    for _ in range(MAX_DEPTH):
        count += len(level)
        level = _inner_nodes(level, MAX_YAML_NODES - count)
        if not level:
            return
    raise FileFault(f"it is nested deeper than {MAX_DEPTH} levels")


def _inner_nodes(level: list[yaml.Node], remaining: int) -> list[yaml.Node]:
    found: list[yaml.Node] = []
    for node in level:
        if isinstance(node, yaml.MappingNode):
            found += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            found += node.value
        elif node.tag in NUMBERS and len(node.value) > MAX_YAML_DIGITS:
            raise TooLarge(f"it has a number of more than {MAX_YAML_DIGITS} digits")
        if len(found) > remaining:
            raise TooLarge(f"it has more than {MAX_YAML_NODES:,} entries with aliases expanded")
    return found
