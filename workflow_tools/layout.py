"""Places the nodes of a workflow: groups in columns, and columns of nodes in each group."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .graph import NOTE, Group, Node, Workflow
from .schema import Schema

GAP = 40
TITLE = 30  # above a node
HEADING = 50  # of a group
ROW, WIDGET, TEXT = 20, 24, 80
MARGINS = 44  # of a node, with the button for advanced inputs that Nodes 2.0 adds below
# Space for the messages that our nodes show after a run: long ones of loaders, two of DWPose.
MESSAGE, LONG_MESSAGE, TWO_LONG_MESSAGES = 70, 120, 210
WIDTH = 340
WIDTHS = {
    "VAEDecode": 200,
    "PrimitiveInt": 260,  # the name of its second widget, "control after generate", is long
    "LoadImage": 400,  # wide enough for whole file names
    "LoadVideo": 400,
    "UNETLoader": 480,
    "LoraLoaderModelOnly": 640,
    "CLIPLoader": 480,
    "CLIPVisionLoader": 420,
    NOTE: 560,
}
PREVIEWS = {  # space for the image or video that a node shows
    "LoadImage": 400,
    "LoadVideo": 620,
    "PreviewImage": 400,
    "SaveImage": 520,
    "AnimateXEncodeVideo": 520,
    "AnimateXEditPoses": 300,
}
CHARACTERS, LINE = 84, 13  # of a note: characters per line, and pixels per line
COLOR = "#3f789e"


@dataclass(frozen=True)
class Place:
    """The upper left corner of a node, below its title, and its size."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Layout:
    """groups: as the editor saves them."""

    places: dict[Node, Place] = field(default_factory=dict)
    groups: list[dict[str, Any]] = field(default_factory=list)


def arrange(workflow: Workflow, schemas: Mapping[str, Schema]) -> Layout:
    """Place every node and group."""
    layout, x = Layout(), 0
    for groups in workflow.columns:
        y = 0
        for group in groups:
            places = _arrange_group(group, x, y, schemas)
            layout.places.update(places)
            bounding = _frame(x, y, places)
            number = len(layout.groups) + 1
            layout.groups.append(
                {"id": number, "title": group.title, "bounding": bounding, "color": COLOR, "flags": {}}
            )
            y += bounding[3] + GAP
        x = max(bounding[0] + bounding[2] for bounding in _bounds(layout)) + GAP
    return layout


def _arrange_group(group: Group, x: int, y: int, schemas: Mapping[str, Schema]) -> dict[Node, Place]:
    places: dict[Node, Place] = {}
    left = x + GAP // 2
    for nodes in group.columns:
        top, widest = y + HEADING, max(width(node) for node in nodes)
        for node in nodes:
            places[node] = Place(left, top + TITLE, width(node), height(node, schemas))
            top = places[node].y + places[node].height + GAP // 2
        left += widest + 2 * GAP
    return places


def _frame(x: int, y: int, places: Mapping[Node, Place]) -> list[int]:
    right = max(place.x + place.width for place in places.values()) + GAP // 2
    bottom = max(place.y + place.height for place in places.values()) + GAP // 2
    return [x, y, right - x, bottom - y]


def _bounds(layout: Layout) -> list[list[int]]:
    return [group["bounding"] for group in layout.groups]


def width(node: Node) -> int:
    """Return the width of a node."""
    return WIDTHS.get(node.type, WIDTH)


def height(node: Node, schemas: Mapping[str, Schema]) -> int:
    """Return the height of a node, at least what the editor needs for it."""
    if node.type == NOTE:
        lines = sum(1 + len(line) // CHARACTERS for line in node.values["text"].splitlines())
        return 60 + LINE * lines
    schema = schemas[node.type]
    sockets = max(sum(not given.is_widget for given in schema.inputs), len(schema.outputs))
    widgets = sum(1 + len(given.companion) for given in schema.inputs if given.is_widget)
    texts = sum(bool(given.options.get("multiline")) for given in schema.inputs)
    return (
        sockets * ROW
        + widgets * WIDGET
        + texts * TEXT
        + _message_height(node)
        + MARGINS
        + PREVIEWS.get(node.type, 0)
    )


def _message_height(node: Node) -> int:
    if not node.type.startswith("AnimateX"):
        return 0
    if node.type == "AnimateXLoadDWPose":
        return TWO_LONG_MESSAGES
    return LONG_MESSAGE if node.type.startswith("AnimateXLoad") else MESSAGE
