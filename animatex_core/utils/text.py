"""Text: shortened keys and error messages for use in sentences, and Markdown tables."""

from collections.abc import Iterable, Sequence

MAX_KEY = 80  # characters of a key
MAX_REASON = 250


def shorten_key(key: str) -> str:
    """Return a key as one line of at most 80 printable characters."""
    shown = key if key.isprintable() else repr(key)
    return shown if len(shown) <= MAX_KEY else f"{shown[: MAX_KEY - 3]}..."


def first_sentence(error: Exception) -> str:
    """Return the first sentence of an error's message, or its class if it has none."""
    sentence = str(error).partition("\n")[0].partition(". ")[0].rstrip(".") or type(error).__name__
    return sentence if len(sentence) <= MAX_REASON else f"{sentence[: MAX_REASON - 3]}..."


def printable(text: str) -> str:
    r"""Return text whose characters UTF-8 cannot represent are escaped, such as \udce9 in file names."""
    return text.encode(errors="backslashreplace").decode()


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first are aligned to the right."""
    rules = ["---", *("---:" for _ in columns[1:])]
    return "\n".join([_line(columns), f"| {' | '.join(rules)} |", *map(_line, rows)])


def _line(cells: Iterable[str]) -> str:
    written = " | ".join(cell.replace("|", r"\|") for cell in cells)
    return f"| {written} |"
