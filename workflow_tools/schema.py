"""The parts of `/object_info` that a saved workflow depends on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WIDGETS = {"COMBO", "INT", "FLOAT", "STRING", "BOOLEAN"}
GROWING, GROWN = "COMFY_AUTOGROW_V3", 2  # a type of input, and how many of its parts workflows use
UPLOADS = {"image_upload", "video_upload", "upload"}


@dataclass(frozen=True)
class Input:
    """An input: a socket, or a widget (which has a socket of its own, too)."""

    name: str
    type: str
    optional: bool
    options: Mapping[str, Any]
    choices: tuple[Any, ...] = ()

    @property
    def is_widget(self) -> bool:
        return self.type in WIDGETS and not self.options.get("forceInput")

    @property
    def default(self) -> Any:
        empty = {"COMBO": next(iter(self.choices), None), "STRING": "", "BOOLEAN": False}
        return self.options.get("default", empty.get(self.type, 0))

    @property
    def companion(self) -> tuple[str, ...]:
        """The value of the widget that the frontend adds next to this one."""
        if self.options.get("control_after_generate"):
            return ("fixed",)
        return ("image",) if UPLOADS & {name for name, value in self.options.items() if value} else ()


@dataclass(frozen=True)
class Schema:
    """A node type."""

    inputs: tuple[Input, ...]
    outputs: tuple[tuple[str, str], ...]  # name, type

    @property
    def sockets(self) -> list[Input]:
        """The inputs in the order of the frontend's slots."""
        return sorted(self.inputs, key=lambda given: given.is_widget)


def read_schemas(object_info: Mapping[str, Mapping[str, Any]]) -> dict[str, Schema]:
    """Read `/object_info`: the schemas by node id."""
    return {name: read_schema(info) for name, info in object_info.items()}


def read_schema(info: Mapping[str, Any]) -> Schema:
    """Read one entry of `/object_info`."""
    inputs = [
        each
        for kind in ("required", "optional")
        for name, given in info["input"].get(kind, {}).items()
        for each in _inputs(name, given, kind == "optional")
    ]
    return Schema(tuple(inputs), tuple(zip(info["output_name"], info["output"], strict=True)))


def _inputs(name: str, given: list[Any], optional: bool) -> list[Input]:
    """Return an input, or the first of one that grows with its links, such as `values.a` and `values.b`."""
    if given[0] != GROWING:
        return [_input(name, given, optional)]
    template = given[1]["template"]
    names = template.get("names") or [f"{template['prefix']}{number}" for number in range(GROWN)]
    each = next(value for group in template["input"].values() for value in group.values())
    return [_input(f"{name}.{part}", each, number > 0) for number, part in enumerate(names[:GROWN])]


def _input(name: str, given: list[Any], optional: bool) -> Input:
    kind, options = given[0], (given[1] if len(given) > 1 else {})
    if isinstance(kind, list):
        return Input(name, "COMBO", optional, options, tuple(kind))
    return Input(name, kind, optional, options, tuple(options.get("options", ())))
