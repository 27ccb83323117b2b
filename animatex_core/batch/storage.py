"""Files at URLs: fsspec knows many kinds of storage, most of which need a package of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import AnimateXError, InvalidInput, MissingDependency
from ..utils.optional import optional_package
from .addresses import SCHEME, conceal, with_lower_schemes, without_secrets

EXAMPLE = "a URL such as s3://bucket/folder"


def is_url(text: str) -> bool:
    """Return whether a text is a URL rather than a path."""
    return SCHEME.match(text) is not None


@dataclass(frozen=True)
class Storage:
    """A file or folder at a URL.

    Attributes:
        address: The URL, of any protocol that fsspec knows.
        name: What messages call it, such as "The file".
        kind: The exception for what goes wrong there.

    """

    address: str
    name: str
    kind: type[AnimateXError]

    @property
    def shown(self) -> str:
        """The URL without passwords, queries and a slash at its end."""
        return without_secrets(self.address).rstrip("/")

    def open(self) -> tuple[Any, str]:
        """Return the file system, and the path on it without a slash at its end.

        Raises:
            InvalidInput: The protocol is unknown.
            MissingDependency: The package of the protocol is not installed.

        """
        if not is_url(self.address):
            raise InvalidInput(f"{self.name} is {self.shown!r}, but it must be {EXAMPLE}.")
        core = optional_package("fsspec", "files at URLs need it", "pip install fsspec").core
        with self.errors("reached"):  # some file systems connect at once
            try:
                files, path = core.url_to_fs(with_lower_schemes(self.address))
            except ImportError as error:
                raise MissingDependency(
                    f"{self.name} {self.shown} needs a package that cannot be imported "
                    f"({self._reason(error)}): install it on every machine of the batch."
                ) from error
            except ValueError as error:
                raise InvalidInput(
                    f"{self.name} {self.shown} is not understood ({self._reason(error)}): use {EXAMPLE}."
                ) from error
        return files, str(path).rstrip("/")

    @contextmanager
    def errors(self, done: str) -> Iterator[None]:
        """Raise `kind` for whatever goes wrong in the block; `done` says what could not be done."""
        try:
            yield
        except AnimateXError:
            raise
        except Exception as error:  # every storage has its own kinds
            raise self.kind(
                f"{self.name} {self.shown} cannot be {done} ({self._reason(error)}): check the address, the "
                "login and the permissions."
            ) from error

    def _reason(self, error: Exception) -> str:
        """Return the first line of a message, which may quote the URL."""
        lines = conceal(str(error), self.address).splitlines()
        return next(filter(None, map(str.strip, lines)), type(error).__name__).rstrip(".")
