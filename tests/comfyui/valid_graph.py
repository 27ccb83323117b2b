"""A graph in which every node of the pack has inputs that work, to spoil one of them at a time."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from animatex_core.assets.demo_files import MOTION
from tests.comfyui.graphs import BUILT_IN, Prompt, conditioned, node, poses, sampled_by_pack
from tests.video.samples import make_clip

CLIP, DANCE = "clip.mp4", "dance.bvh"
NEED_WAN = ("plus", "apply plus")
"""Ids of the nodes that do not run without files of Wan or Animate-X++."""


def put_clip(folder: Path) -> None:
    """Write the video and the motion that the graph loads."""
    make_clip(folder / CLIP, 4)
    shutil.copyfile(MOTION, folder / DANCE)


def valid_graph() -> Prompt:
    """Return nodes of the pack by their ids: each runs if asked for, except `NEED_WAN`."""
    pose_nodes = {
        "dwpose": node("AnimateXLoadDWPose", detector=BUILT_IN, estimator=BUILT_IN, device="cpu"),
        "extract": node(
            "AnimateXExtractPoses",
            dwpose=["dwpose", 0],
            person="best",
            detect_every=1,
            whole_frame=True,
            images=["picture", 0],
        ),
        "smooth": node(
            "AnimateXSmoothPoses",
            poses=["poses", 0],
            fps=12.0,
            fill_gaps=4,
            min_cutoff=1.5,
            beta=30.0,
            person="best",
        ),
        "draw": node("AnimateXDrawPoses", poses=["poses", 0], width=0, height=0),
        "save": node("AnimateXSavePoses", poses=["poses", 0], filename_prefix="poses/any"),
        "retarget": node(
            "AnimateXRetargetPoses",
            poses=["poses", 0],
            reference=["picture", 0],
            reference_pose=["own", 0],
            mask=["picture", 1],
            mode="retarget",
            bound=3.0,
            ground=False,
            drop="",
            add="",
            mask_shows="automatic",
            **dict.fromkeys(("body", "legs", "arms", "neck", "shoulders", "face"), 1.0),
        ),
        "own": poses("own.json"),
        "puppet": node(
            "AnimateXPuppetPreview",
            reference=["picture", 0],
            reference_pose=["own", 0],
            poses=["poses", 0],
            mask=["picture", 1],
            mask_shows="automatic",
        ),
        "edit": node(
            "AnimateXEditPoses", edits="", poses=["poses", 0], images=["picture", 0], mask=["picture", 1]
        ),
        "select": node(
            "AnimateXSelectPerson",
            poses=["poses", 0],
            choose_by="number",
            number=0,
            x=0.5,
            y=0.5,
            frame=0,
            mask=["picture", 1],
        ),
    }
    made = {**sampled_by_pack(), **conditioned(), **pose_nodes, **_video_nodes(), **_other_nodes()}
    return {**made, **_sprite_nodes()}


def asked_for(graph: Mapping[str, Any], node_id: str) -> Prompt:
    """Return a prompt that runs one node, and what it needs."""
    asked: Prompt = {}
    waiting = [node_id]
    while waiting:
        name = waiting.pop()
        asked[name] = graph[name]
        links = [value[0] for value in graph[name]["inputs"].values() if _is_link(value)]
        waiting += [link for link in links if link not in asked]
    return {**asked, "shown": node("PreviewAny", source=[node_id, 0])}


def given(value: object) -> dict[str, Any]:
    """Return the node that gives a JSON value to any input."""
    return node("TestAnyValue", text=json.dumps(value))


def spoiled(node_id: str, name: str, value: object, *, linked: bool) -> Prompt:
    """Return a prompt that runs one node with another value of an input, in the graph or from a node."""
    graph = valid_graph()
    inputs = {**graph[node_id]["inputs"], name: ["any", 0] if linked else value}
    return asked_for({**graph, node_id: {**graph[node_id], "inputs": inputs}, "any": given(value)}, node_id)


def _is_link(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2


def _video_nodes() -> Prompt:
    return {
        "video": node("LoadVideo", file=CLIP),
        "driving": node("AnimateXDrivingFrames", video=["video", 0], frames=2, stride=1, start=0.0, end=0.0),
        "audio": node("EmptyAudio", duration=1.0, sample_rate=8000, channels=1),
        "encode": node(
            "AnimateXEncodeVideo",
            images=["frames", 0],
            fps=8.0,
            filename_prefix="video/any",
            format="gif",
            quality=5.0,
            save_metadata=True,
            audio=["audio", 0],
            video=["video", 0],
        ),
    }


def _sprite_nodes() -> Prompt:
    return {
        "cut out": node(
            "AnimateXCutOut",
            images=["frames", 0],
            background="gray",
            fill_holes=True,
            reference=["picture", 0],
            mask=["picture", 1],
            mask_shows="automatic",
        ),
        "sheet": node(
            "AnimateXSpriteSheet",
            images=["frames", 0],
            fps=8.0,
            filename_prefix="sprites/any",
            rate=0.0,
            trim="each frame",
            padding=2,
            extrude=0,
            power_of_two=False,
            max_size=8192,
            form="hash",
        ),
    }


def _other_nodes() -> Prompt:
    return {
        "loop": node(
            "AnimateXLoopMotion",
            poses=["poses", 0],
            mode="ping-pong",
            min_frames=2,
            max_frames=0,
            fps=8.0,
            person="best",
            images=["frames", 0],
            audio=["audio", 0],
        ),
        "solver": node("AnimateXSolver", model=["model", 0], solver="ddim", steps=2, denoise=1.0),
        "motion": node(
            "AnimateXLoadMotion",
            file=DANCE,
            frames=2,
            start=0.0,
            fps=12.0,
            camera="front",
            angle=0.0,
            follow=True,
            up="auto",
            width=64,
            height=96,
            bones="",
        ),
        "noise": node("AnimateXNoise", seed=1, offset_noise=0.1),
        "plus reference": node(
            "AnimateXPlusReference",
            clip_vision=["encoders", 0],
            reference=["picture", 0],
            width=64,
            height=64,
        ),
        "plus": node("AnimateXLoadPlus", plus_name="automatic"),
        "apply plus": node(
            "AnimateXApplyPlus",
            model=["model", 0],
            positive=["condition", 0],
            negative=["condition", 1],
            plus=["plus", 0],
            poses=["poses", 0],
            strength=1.0,
            start_percent=0.0,
            end_percent=1.0,
            jpeg_noise=True,
        ),
    }
