"""What the core warns of, shown where users look: on the node and in the log."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from server import PromptServer

from ...animatex_core.errors import AnimateXWarning


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
            if not issubclass(warning.category, AnimateXWarning):
                warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
                continue
            if str(warning.message) not in sentences:
                sentences.append(str(warning.message))
            logging.warning("Animate-X: %s", warning.message)
        show(sentences, node_id)


def show(sentences: list[str], node_id: str | None) -> None:
    """Show sentences on a node."""
    if sentences and node_id is not None:
        server: Any = PromptServer.instance
        server.send_progress_text("\n".join(sentences), node_id)
