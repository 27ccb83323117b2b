"""A graph in the format of ComfyUI's API, and the inputs of it that a job sets."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InvalidInput
from ...utils.documents import FileFault, document_errors, read_json
from ..job_list import as_flag

FILES: Mapping[str, tuple[str, ...]] = {
    "reference": ("LoadImage",),
    "driving": ("LoadVideo",),
    "mask": ("LoadImageMask",),
}
"""Column -> the classes of the nodes that load such a file, in core ComfyUI."""

TITLES: Mapping[str, tuple[str, ...]] = {
    "reference": ("character", "reference"),
    "driving": ("dance", "driving"),
}
"""Column -> titles that say which of several such nodes is meant."""

SYNONYMS: Mapping[str, tuple[str, ...]] = {"seed": ("seed", "noise_seed")}


@dataclass(frozen=True)
class Upload:
    """The place in a graph of a file that has to be on the server first.

    Attributes:
        path: The file on this machine.

    """

    path: Path


@dataclass(frozen=True)
class Graph:
    """A graph.

    Attributes:
        nodes: Id -> node, with `class_type` and `inputs`.

    """

    nodes: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, path: str | Path) -> "Graph":
        """Read a graph that was exported with *Export (API)*.

        Raises:
            InvalidInput: The file cannot be read, or is a workflow of the editor.

        """
        remedy = "export the workflow with File, Export (API)"
        with document_errors(f"The workflow {str(path)!r} cannot be used", remedy):
            nodes = read_json(Path(path))
            if isinstance(nodes, dict) and "nodes" in nodes:
                raise FileFault("it is a workflow of the editor, not of the API")
            if not isinstance(nodes, dict) or not nodes or not all(map(_is_node, nodes.values())):
                raise FileFault("it is not a graph of ComfyUI's API")
        return cls(nodes)

    @property
    def classes(self) -> set[str]:
        """The classes of all nodes."""
        return {node["class_type"] for node in self.nodes.values()}

    @property
    def seed(self) -> Any:
        """The first seed in it; 0 without any."""
        values = (self.nodes[node]["inputs"][name] for node, name in self._inputs("seed"))
        return next(values, 0)

    def find(self, column: str) -> list[tuple[str, str]]:
        """Return the inputs that a column sets.

        Args:
            column: "reference", "driving", "mask", the name of an input, or the title, class or id of a
                node, a dot, and the name of an input.

        Returns:
            Ids of nodes and names of inputs: one, or for a seed as many as there are.

        Raises:
            InvalidInput: There is no such input, or several.

        """
        found = self._file_inputs(column) if column in FILES else list(self._inputs(column))
        if not found:
            raise InvalidInput(
                f"the workflow has no input for the column {column!r}: name it as title.input."
            )
        if len(found) > 1 and column not in SYNONYMS:
            known = ", ".join(f"{self._title(node)}.{name}" for node, name in found)
            raise InvalidInput(f"the column {column!r} could be {known}: name it like that.")
        return found

    def filled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the nodes with the values of a job.

        Args:
            values: Column -> value; paths become `Upload`s. Text is converted to the type of what it
                replaces.

        Raises:
            InvalidInput: A column is not an input of the graph, or a value has the wrong type.

        """
        nodes = copy.deepcopy(dict(self.nodes))
        for column, value in values.items():
            for node, name in self.find(column):
                new = (
                    Upload(value)
                    if isinstance(value, Path)
                    else _as_before(column, value, nodes[node]["inputs"][name])
                )
                nodes[node]["inputs"][name] = new
        return nodes

    def _file_inputs(self, column: str) -> list[tuple[str, str]]:
        loaders = [
            node for node, each in self.nodes.items() if each["class_type"] in FILES[column] and _texts(each)
        ]
        named = [node for node in loaders if self._title(node).lower() in TITLES.get(column, ())]
        return [(node, _texts(self.nodes[node])[0]) for node in (named or loaders)]

    def _inputs(self, column: str) -> Iterator[tuple[str, str]]:
        owner, dot, name = column.rpartition(".")
        for node, each in self.nodes.items():
            names = {_plain(self._title(node)), _plain(each["class_type"]), node}
            if not dot or _plain(owner) in names:
                for input_name, value in each["inputs"].items():
                    if _plain(input_name) in SYNONYMS.get(name, (_plain(name),)) and not isinstance(
                        value, list
                    ):
                        yield node, input_name

    def _title(self, node: str) -> str:
        each = self.nodes[node]
        return str(each.get("_meta", {}).get("title", each["class_type"]))


def uploads(nodes: Mapping[str, Any]) -> list[Path]:
    """Return the files that a filled graph needs on the server."""
    values = (value for node in nodes.values() for value in node["inputs"].values())
    return list(dict.fromkeys(value.path for value in values if isinstance(value, Upload)))


def with_uploads(nodes: Mapping[str, Any], names: Mapping[Path, str]) -> dict[str, Any]:
    """Return a filled graph with the names that the server gave to its files."""

    def named(value: Any) -> Any:
        return names[value.path] if isinstance(value, Upload) else value

    return {
        number: {**node, "inputs": {name: named(value) for name, value in node["inputs"].items()}}
        for number, node in nodes.items()
    }


def _is_node(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("class_type"), str)
        and isinstance(value.get("inputs"), dict)
    )


def _texts(node: Mapping[str, Any]) -> list[str]:
    """Return the inputs of a node that are texts, such as the name of a file; a link is none."""
    return [name for name, value in node["inputs"].items() if isinstance(value, str)]


def _plain(name: str) -> str:
    """Return a name as the columns of a job list are written."""
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def _as_before(column: str, value: Any, before: Any) -> Any:
    if not isinstance(value, str) or not isinstance(before, bool | int | float):
        return value
    if isinstance(before, bool):
        return as_flag(column, value)
    try:
        return type(before)(value)
    except ValueError as error:
        kind = "a whole number" if isinstance(before, int) else "a number"
        raise InvalidInput(f"{column} is {value!r}, but it must be {kind}.") from error
