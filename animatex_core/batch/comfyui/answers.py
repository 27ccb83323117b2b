"""What the answers of a ComfyUI server say: outputs, failures, refusals."""

import json
from collections.abc import Mapping
from typing import Any

from ...errors import AnimateXError


class Unreachable(AnimateXError):
    """The server does not answer, or answered with an error of its own."""


class Refused(AnimateXError):
    """The server does not take a file or a graph, or a node failed; another server may."""


class Lost(AnimateXError):
    """The server no longer knows the graph: it was restarted, or somebody emptied its queue."""


def outputs_of(outputs: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the files that a graph wrote to the output folder, without previews."""
    lists = [value for node in outputs.values() for value in node.values() if isinstance(value, list)]
    entries = [entry for each in lists for entry in each if isinstance(entry, dict)]
    return [entry for entry in entries if entry.get("type") == "output" and entry.get("filename")]


def failure_of(history: Mapping[str, Any]) -> str:
    """Return why a graph failed, by its entry in the history."""
    for kind, message in history["status"].get("messages", ()):
        if kind == "execution_error":
            return f"{message['node_type']}: {message['exception_message'].strip()}"
        if kind == "execution_interrupted":
            return "the job was interrupted."
    return "the job failed without a reason."


def refusal_of(text: str) -> str:
    """Return why a graph was refused, by the body of the answer."""
    try:
        answer = json.loads(text)
        said = node_errors_of(answer)
        return said or f"{answer['error']['message']} {answer['error'].get('details', '')}".strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"the graph was refused: {text[:200]}"


def node_errors_of(answer: Mapping[str, Any]) -> str:
    """Return the faults of nodes in an answer, empty without any; versions differ in its form then."""
    nodes = answer.get("node_errors") or {}
    if not isinstance(nodes, dict):
        return ""
    errors = [error for node in nodes.values() for error in node["errors"]]
    return "; ".join(f"{error['message']}: {error['details']}" for error in errors)
