"""Subgraph blueprints: parts of the workflows as one node, listed in the node library of ComfyUI 0.33."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from .graph import Workflow
from .graphs import AUTOMATIC, animation, extraction, sampled, sprite_ending, video_ending
from .layout import GAP, MARGINS, ROW, TITLE, WIDGET, WIDTH
from .schema import Schema
from .ui_form import ui_form

INPUT, OUTPUT = -10, -20  # ids of a subgraph's two ends
SOURCES = {"IMAGE": "image", "MASK": "mask", "VIDEO": "video"}  # names of the inputs that replace the loaders
LOADERS = {"LoadImage", "LoadVideo"}
MOTION = {"AnimateXLoadDWPose", "AnimateXDrivingFrames", "AnimateXExtractPoses"}
DANCE = {*MOTION, "AnimateXRetargetPoses"}
ANIMATION = {
    *DANCE,
    "AnimateXLoadModel",
    "AnimateXLoadEncoders",
    "AnimateXFeatures",
    "AnimateXConditioning",
    "AnimateXSampler",
    "VAEDecode",
    "CreateVideo",
}
CONDITIONING = {"AnimateXRetargetPoses", "AnimateXFeatures", "AnimateXConditioning"}
SAMPLING = {"AnimateXSampler", "VAEDecode"}
ENCODING = {"AnimateXCutOut", "AnimateXEncodeVideo"}
PART = tuple(("AnimateXDrivingFrames", name) for name in ("frames", "stride", "start"))
END_WIDTH = 120


@dataclass(frozen=True)
class Blueprint:
    """A part of a workflow.

    kept: types of its nodes. outputs: (type, output, name). widgets: (type, name). is_block: whether whatever
    comes from other nodes is an input, and not only images, masks and videos of the loaders.
    """

    name: str
    description: str
    aliases: tuple[str, ...]
    workflow: Workflow
    kept: set[str]
    outputs: tuple[tuple[str, str, str], ...]
    widgets: tuple[tuple[str, str], ...]
    is_block: bool = False


def blueprints() -> tuple[Blueprint, ...]:
    """Return all blueprints of the pack."""
    retargeted = (
        ("AnimateXRetargetPoses", "poses", "poses"),
        ("AnimateXRetargetPoses", "preview", "preview"),
    )
    return (
        Blueprint(
            "Animate a Character (Animate-X)",
            "Animates the character of an image with the motion of a video. The sound is kept.",
            ("animate character", "pose to video", "dance"),
            animation("animate-a-character", sampled(**AUTOMATIC), ending=video_ending),
            ANIMATION,
            (("CreateVideo", "VIDEO", "video"), retargeted[1]),
            (
                *PART,
                *_widgets("AnimateXSampler", "seed", "steps", "cfg"),
                *_widgets("AnimateXConditioning", "width", "height"),
                *_widgets("AnimateXSampler", "solver", "long_clip", "preset"),
            ),
        ),
        Blueprint(
            "Retarget Poses with Mask (Animate-X)",
            "Fits the poses of a video to the mask of a character whose own pose cannot be detected.",
            ("openpose", "pose alignment", "keypoints", "mask"),
            animation("retarget-with-mask", sampled(**AUTOMATIC), masked=True),
            DANCE,
            (
                *retargeted,
                ("AnimateXDrivingFrames", "frames", "frames"),
                ("AnimateXDrivingFrames", "fps", "fps"),
            ),
            (*PART, ("AnimateXRetargetPoses", "mode")),
        ),
        Blueprint(
            "Extract Poses (Animate-X)",
            "Detects one person's poses in a video, smooths them and draws them.",
            ("openpose", "dwpose", "pose estimation", "keypoints"),
            extraction(),
            {*MOTION, "AnimateXSmoothPoses"},
            (("AnimateXSmoothPoses", "poses", "poses"), ("AnimateXDrivingFrames", "fps", "fps")),
            (*PART, ("AnimateXExtractPoses", "person")),
        ),
        *_blocks(),
    )


def _blocks() -> tuple[Blueprint, ...]:
    """Return the steps between poses and video, to combine with other nodes."""
    whole = animation("animate-a-character", sampled(**AUTOMATIC))
    return (
        Blueprint(
            "Retarget and Condition (Animate-X)",
            "Fits poses to a character and encodes both for the sampler.",
            ("explicit pose indicator", "implicit pose indicator", "animate character"),
            whole,
            CONDITIONING,
            (
                *(("AnimateXConditioning", name, name) for name in ("positive", "negative", "latent")),
                ("AnimateXRetargetPoses", "preview", "preview"),
            ),
            (
                *_widgets("AnimateXRetargetPoses", "mode", "bound"),
                *_widgets("AnimateXConditioning", "width", "height"),
            ),
            is_block=True,
        ),
        Blueprint(
            "Sample and Decode (Animate-X)",
            "Samples an animation and decodes its frames.",
            ("animate character", "sampler", "pose to video"),
            whole,
            SAMPLING,
            (("VAEDecode", "IMAGE", "images"),),
            _widgets("AnimateXSampler", "seed", "steps", "cfg", "solver", "long_clip", "preset"),
            is_block=True,
        ),
        Blueprint(
            "Cut Out and Encode (Animate-X)",
            "Removes the background of an animation and saves it as a transparent video with sound.",
            ("transparent video", "alpha", "remove background"),
            animation("cut-out-and-sprite-sheet", sampled(**AUTOMATIC), ending=sprite_ending),
            ENCODING,
            (("AnimateXEncodeVideo", "video", "video"), ("AnimateXCutOut", "images", "images")),
            (
                *_widgets("AnimateXCutOut", "background", "fill_holes"),
                *_widgets("AnimateXEncodeVideo", "filename_prefix", "format", "quality"),
            ),
            is_block=True,
        ),
    )


def _widgets(kind: str, *names: str) -> tuple[tuple[str, str], ...]:
    return tuple((kind, name) for name in names)


def blueprint_form(blueprint: Blueprint, schemas: Mapping[str, Schema]) -> dict[str, Any]:
    """Return the file of a blueprint: a graph of one node, and the subgraph that is in it."""
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
