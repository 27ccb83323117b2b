"""The file of a subgraph blueprint: a graph of one node, and the subgraph that is in it."""

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from .blueprints import Blueprint
from .layout import GAP, MARGINS, ROW, TITLE, WIDGET, WIDTH
from .schema import Schema
from .ui_form import ui_form

INPUT, OUTPUT = -10, -20  # ids of a subgraph's two ends
SOURCES = {"IMAGE": "image", "MASK": "mask", "VIDEO": "video"}  # names of the inputs that replace the loaders
LOADERS = {"LoadImage", "LoadVideo"}
END_WIDTH = 120


def blueprint_form(blueprint: Blueprint, schemas: Mapping[str, Schema]) -> dict[str, Any]:
    """Return the file of a blueprint."""
    inner = _Inner(blueprint, ui_form(blueprint.workflow, schemas))
    identity = str(uuid5(NAMESPACE_URL, f"animate-x/{blueprint.name}"))
    given, made = inner.inputs(), inner.outputs()
    node = {
        "id": 1,
        "type": identity,
        "pos": [0, 0],
        "size": inner.size(),
        "flags": {},
        "order": 0,
        "mode": 0,
        "inputs": [{"name": each["name"], "type": each["type"], "link": None} for each in given],
        "outputs": [{"name": each["name"], "type": each["type"], "links": []} for each in made],
        "properties": {"proxyWidgets": inner.widgets()},
        "widgets_values": [],
        "title": blueprint.name,
    }
    subgraph = {
        "id": identity,
        "version": 1,
        "state": inner.state(),
        "revision": 0,
        "config": {},
        "name": blueprint.name,
        "inputNode": inner.end(INPUT),
        "outputNode": inner.end(OUTPUT),
        "inputs": given,
        "outputs": made,
        "widgets": [],
        "nodes": inner.nodes,
        "groups": [],
        "links": inner.links,
        "extra": {},
        "category": "Animate-X",
        "description": blueprint.description,
    }
    return {
        "revision": 0,
        "last_node_id": 1,
        "last_link_id": 0,
        "nodes": [node],
        "links": [],
        "version": 0.4,
        "definitions": {"subgraphs": [subgraph]},
        "extra": {
            "BlueprintDescription": blueprint.description,
            "BlueprintSearchAliases": list(blueprint.aliases),
        },
    }


class _Inner:
    """The nodes and links inside a subgraph, taken from a whole graph."""

    def __init__(self, blueprint: Blueprint, graph: Mapping[str, Any]) -> None:
        self.blueprint = blueprint
        self.nodes = [node for node in graph["nodes"] if node["type"] in blueprint.kept]
        self._ids = {node["id"] for node in self.nodes}
        by_id = {node["id"]: node for node in graph["nodes"]}
        is_source = {id: blueprint.is_block or node["type"] in LOADERS for id, node in by_id.items()}
        self._given: dict[tuple[str, str], list[int]] = {}  # by name and type
        names: dict[tuple[int, int], str] = {}  # of inputs, by where they come from
        self.links: list[dict[str, Any]] = []
        for number, origin, slot, target, place, kind in graph["links"]:
            if target not in self._ids or not (origin in self._ids or is_source[origin]):
                continue
            if origin not in self._ids:
                own = by_id[target]["inputs"][place]["name"] if blueprint.is_block else SOURCES[kind]
                given = names.setdefault((origin, slot), own), kind
                self._given.setdefault(given, []).append(number)
                origin, slot = INPUT, list(self._given).index(given)
            self._link(number, origin, slot, target, place, kind)
        self._made = self._link_outputs(graph["last_link_id"])
        self._forget_other_links()
        self._close_up()

    def _link(self, number: int, origin: int, slot: int, target: int, place: int, kind: str) -> None:
        self.links.append(
            {
                "id": number,
                "origin_id": origin,
                "origin_slot": slot,
                "target_id": target,
                "target_slot": place,
                "type": kind,
            }
        )

    def _link_outputs(self, last: int) -> list[tuple[str, str, int]]:
        made = []
        for place, (kind, output, name) in enumerate(self.blueprint.outputs):
            node = self._find(kind)
            slot = [each["name"] for each in node["outputs"]].index(output)
            number = last + 1 + place
            node["outputs"][slot]["links"].append(number)
            self._link(number, node["id"], slot, OUTPUT, place, node["outputs"][slot]["type"])
            made.append((name, node["outputs"][slot]["type"], number))
        return made

    def _forget_other_links(self) -> None:
        """Unlink sockets whose other end is outside."""
        kept = {link["id"] for link in self.links}
        for node in self.nodes:
            for socket in node["inputs"]:
                socket["link"] = socket["link"] if socket["link"] in kept else None
            for socket in node["outputs"]:
                socket["links"] = [link for link in socket["links"] if link in kept]

    def _close_up(self) -> None:
        """Move nodes up to close the gaps of nodes outside."""
        top = min(node["pos"][1] for node in self.nodes)
        for x in {node["pos"][0] for node in self.nodes}:
            y = top
            for node in sorted((n for n in self.nodes if n["pos"][0] == x), key=lambda n: n["pos"][1]):
                node["pos"] = [x, y]
                y += node["size"][1] + TITLE + GAP // 2

    def size(self) -> list[int]:
        """Return the size of the subgraph node."""
        sockets = max(len(self._given), len(self._made))
        return [WIDTH, ROW * sockets + WIDGET * len(self.blueprint.widgets) + MARGINS]

    def _find(self, kind: str) -> dict[str, Any]:
        return next(node for node in self.nodes if node["type"] == kind)

    def inputs(self) -> list[dict[str, Any]]:
        return [self._slot(name, kind, numbers, "in") for (name, kind), numbers in self._given.items()]

    def outputs(self) -> list[dict[str, Any]]:
        return [self._slot(name, kind, [number], "out") for name, kind, number in self._made]

    def _slot(self, name: str, kind: str, links: list[int], side: str) -> dict[str, Any]:
        identity = str(uuid5(NAMESPACE_URL, f"animate-x/{self.blueprint.name}/{side}/{name}"))
        return {"id": identity, "name": name, "type": kind, "linkIds": links, "label": name}

    def widgets(self) -> list[list[str]]:
        return [[str(self._find(kind)["id"]), name] for kind, name in self.blueprint.widgets]

    def end(self, identity: int) -> dict[str, Any]:
        left = min(node["pos"][0] for node in self.nodes)
        right = max(node["pos"][0] + node["size"][0] for node in self.nodes)
        x = left - 2 * END_WIDTH if identity == INPUT else right + END_WIDTH
        return {"id": identity, "bounding": [x, 0, END_WIDTH, 100]}

    def state(self) -> dict[str, int]:
        links = max(link["id"] for link in self.links)
        return {"lastGroupId": 0, "lastNodeId": max(self._ids), "lastLinkId": links, "lastRerouteId": 0}
