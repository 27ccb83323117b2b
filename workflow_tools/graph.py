"""A workflow without positions and ids."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

NOTE = "MarkdownNote"


@dataclass(frozen=True, eq=False)
class Node:
    """A node. values: its widgets and links by the names of its inputs; other widgets keep their default."""

    type: str
    title: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, output: str) -> "Output":
        return Output(self, output)


@dataclass(frozen=True)
class Output:
    """An output of a node, by its name."""

    node: Node
    name: str


def node(type: str, title: str | None = None, /, **values: Any) -> Node:
    """Describe a node."""
    return Node(type, title, values)


def note(text: str, title: str = "Note") -> Node:
    """Describe a note in Markdown."""
    return Node(NOTE, title, {"text": text})


@dataclass(frozen=True)
class Group:
    """A titled group of nodes, in columns from left to right."""

    title: str
    columns: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True)
class Workflow:
    """A workflow. name: of its file. columns: of groups, from left to right."""

    name: str
    columns: tuple[tuple[Group, ...], ...]

    def __iter__(self) -> Iterator[Node]:
        for groups in self.columns:
            for group in groups:
                for nodes in group.columns:
                    yield from nodes

    def ids(self) -> dict[Node, int]:
        """Return the id of every node, in reading order."""
        return {node: number for number, node in enumerate(self, start=1)}
