"""URLs in messages and file names: without passwords, and without queries, which may hold tokens."""

import re
from urllib.parse import unquote

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # a single letter is a drive of Windows
LINKS = re.compile(rf"::(?={SCHEME.pattern})")  # between the parts of zip://a.png::http://b.zip
LOGIN = re.compile(
    rf"({SCHEME.pattern}[^/@:]*):(?!\d{{1,5}}/)"  # a port and a path are no login
    r"([^?#]*@|.*@)",  # passwords may have any character
    re.DOTALL,
)
PATHS = ("file://", "local://")  # have no queries
WEB = ("http://", "https://")
IN_TEXT = re.compile(rf"{SCHEME.pattern}[^\s'\"<>]+")
MIN_SECRET = 4  # characters of a part of a secret that is looked for in a text


def without_secrets(address: str) -> str:
    """Return a URL, whose parts may be chained by ::, without passwords and queries."""
    return "::".join(_split(part)[0] for part in LINKS.split(address))


def with_lower_schemes(address: str) -> str:
    """Return a URL with its schemes in lower case, as fsspec knows them."""
    parts = [part.partition("://") for part in LINKS.split(address)]
    return "::".join(f"{scheme.lower()}{mark}{path}" for scheme, mark, path in parts)


def conceal(text: str, address: str) -> str:
    """Return a text of another package about a URL without the secrets of the URL.

    Args:
        text: A text that may quote the URL, other URLs, or parts of them.
        address: The URL.

    """
    for part in (address, *LINKS.split(address)):
        text = text.replace(part, without_secrets(part))
    text = IN_TEXT.sub(lambda found: without_secrets(found[0]), text)
    secrets = {each for part in LINKS.split(address) for each in _secrets(_split(part)[1])}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def file_name(address: str) -> str:
    """Return the name of the file at a URL; of chained ones the first, which is inside the others."""
    parts = LINKS.split(address)
    plain = [_split(part)[0] if part.lower().startswith(WEB) else part for part in parts]
    names = [part.rstrip("/").rpartition("/")[2] for part in plain]
    return next(filter(None, names), "")


def _split(part: str) -> tuple[str, str]:
    """Return a URL without its secrets, and these."""
    login = LOGIN.match(part)
    password = login[2] if login else ""
    shown = f"{login[1]}@{part[login.end() :]}" if login else part
    if shown.lower().startswith(PATHS):
        return shown, password
    mark = re.search("[?#]" if shown.lower().startswith(WEB) else "[?]", shown)
    end = mark.start() if mark else len(shown)
    return shown[:end], password + shown[end:]


def _secrets(text: str) -> set[str]:
    """Return the parts of a secret that messages may quote, such as what was taken for a port."""
    pieces = re.split(r"[/@:?#&=]", text)
    both = {text.rstrip("@"), *pieces, *map(unquote, pieces)}
    return {piece for piece in both if len(piece) >= MIN_SECRET}
