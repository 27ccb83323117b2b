"""What comes from a file or a library, cut to fit into one sentence of ours."""

LONGEST = 80  # characters of a key
LONGEST_REASON = 250


def short(key: str) -> str:
    """Return a key as one line of at most 80 characters."""
    shown = key if key.isprintable() else repr(key)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 3]}..."


def reason_of(error: Exception) -> str:
    """Return the first sentence of an error's message, or its class where it has none."""
    sentence = str(error).partition("\n")[0].partition(". ")[0].rstrip(".") or type(error).__name__
    return sentence if len(sentence) <= LONGEST_REASON else f"{sentence[: LONGEST_REASON - 3]}..."


def printable(text: str) -> str:
    r"""Return text with what UTF-8 lacks as escapes, such as \udce9 in names of another encoding."""
    return text.encode(errors="backslashreplace").decode()
