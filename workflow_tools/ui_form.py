"""A workflow as ComfyUI's editor saves it, in version 0.4 of the format."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from .graph import NOTE, Node, Output, Workflow
from .layout import Place, arrange
from .needed_files import needed_files
from .schema import Schema

CORE, PACK = {"cnr_id": "comfy-core", "ver": "0.3.64"}, {"cnr_id": "animate-x", "ver": version("animate-x")}
NEWER_CORE = {**CORE, "ver": "0.33.0"}  # the editor names the version that a missing node needs
NEWER = "FrameInterpolate", "FrameInterpolationModelLoader", "ComfyMathExpression"
"""Nodes that the oldest supported ComfyUI does not have."""

# Empty strings take the theme's own colors: the editor's brown for notes hides text in some themes.
THEME_COLORS = {"color": "", "bgcolor": ""}


def ui_form(workflow: Workflow, schemas: Mapping[str, Schema]) -> dict[str, Any]:
    """Return the graph that the editor loads. schemas: of all node types except notes."""
    ids, layout = workflow.ids(), arrange(workflow, schemas)
    links = _links(ids, schemas)
    nodes = [_node(node, ids[node], layout.places[node], schemas, links) for node in workflow]
    return {
        "last_node_id": len(nodes),
        "last_link_id": len(links),
        "nodes": nodes,
        "links": links,
        "groups": layout.groups,
        "config": {},
        "extra": {},
        "version": 0.4,
    }


def _links(ids: Mapping[Node, int], schemas: Mapping[str, Schema]) -> list[list[Any]]:
    """Return [id, from node, its slot, to node, its slot, type] of every link."""
    links: list[list[Any]] = []
    for node, number in ids.items():
        sockets = schemas[node.type].sockets if node.type != NOTE else []
        for slot, socket in enumerate(sockets):
            source = node.values.get(socket.name)
            if isinstance(source, Output):
                names = [name for name, _ in schemas[source.node.type].outputs]
                origin = names.index(source.name)
                kind = schemas[source.node.type].outputs[origin][1]
                links.append([len(links) + 1, ids[source.node], origin, number, slot, kind])
    return links


def _node(
    node: Node, number: int, place: Place, schemas: Mapping[str, Schema], links: list[list[Any]]
) -> dict[str, Any]:
    common: dict[str, Any] = {
        "id": number,
        "type": node.type,
        "pos": [place.x, place.y],
        "size": [place.width, place.height],
        "flags": {},
        "order": number - 1,
        "mode": 0,
        **({"title": node.title} if node.title else {}),
    }
    if node.type == NOTE:
        empty: dict[str, Any] = {"inputs": [], "outputs": [], "properties": {}}
        return common | empty | {"widgets_values": [node.values["text"]]} | THEME_COLORS
    schema = schemas[node.type]
    return common | {
        "inputs": _inputs(schema, [link for link in links if link[3] == number]),
        "outputs": _outputs(schema, [link for link in links if link[1] == number]),
        "properties": _properties(node),
        "widgets_values": _widgets(node, schema),
    }


def _inputs(schema: Schema, links: list[list[Any]]) -> list[dict[str, Any]]:
    by_slot = {slot: link for link, _, _, _, slot, _ in links}
    return [
        {
            "name": socket.name,
            "type": socket.type,
            **({"label": socket.name.partition(".")[2]} if "." in socket.name else {}),
            **({"shape": 7} if socket.optional else {}),
            **({"widget": {"name": socket.name}} if socket.is_widget else {}),
            "link": by_slot.get(slot),
        }
        for slot, socket in enumerate(schema.sockets)
    ]


def _outputs(schema: Schema, links: list[list[Any]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "type": kind, "links": [link[0] for link in links if link[2] == slot]}
        for slot, (name, kind) in enumerate(schema.outputs)
    ]


def _properties(node: Node) -> dict[str, Any]:
    files = needed_files(node)
    core = NEWER_CORE if node.type in NEWER else CORE
    pack = PACK if node.type.startswith("AnimateX") else core
    return {"Node name for S&R": node.type, **pack, **({"models": files} if files else {})}


def _widgets(node: Node, schema: Schema) -> list[Any]:
    """Return the values of the widgets in the order of the frontend, which adds some of its own."""
    values: list[Any] = []
    for given in schema.inputs:
        if given.is_widget:
            value = node.values.get(given.name, given.default)
            values += [given.default if isinstance(value, Output) else value, *given.companion]
    return values
