"""What the core warns of, shown where users look: on the node and in the log."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from server import PromptServer

from ...animatex_core.errors import AnimateXWarning
from .printable import encodable, printable


@contextmanager
def told(node_id: str | None) -> Iterator[list[str]]:
    """Collect the core's warnings and show them on a node when its work is done; yields the sentences.

    A node may add sentences of its own to the list. Other warnings go their own way.
    """
    sentences: list[str] = []
    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", AnimateXWarning)
            yield sentences
    finally:  # a warning often tells why the work failed
        for warning in caught:
            sentence = str(warning.message)
            if not issubclass(warning.category, AnimateXWarning):
                origin = warning.category, warning.filename, warning.lineno
                with suppress(UnicodeError):  # of the name of the file, or the line in it
                    warnings.warn_explicit(printable(sentence), *origin)
                continue
            if sentence not in sentences:
                sentences.append(sentence)
            logging.warning("Animate-X: %s", printable(sentence))
        show(sentences, node_id)


def show(sentences: list[str], node_id: str | None) -> None:
    """Show sentences on a node."""
    if sentences and node_id is not None:
        server: Any = PromptServer.instance
        server.send_progress_text(encodable("\n".join(sentences)), encodable(node_id))
