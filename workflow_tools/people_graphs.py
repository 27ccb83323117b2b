"""The workflow with two dancers and two characters."""

from typing import Any

from .animation_graphs import AUTOMATIC, FRAMES, Motion, Start, conditioned, sampled
from .graph import Group, Node, Workflow, node
from .material import DUET, SECOND_CHARACTER, STAGE
from .notes import read_me

WIDTH, HEIGHT = 128, 192  # pixels of the small built-in model's animations


def two_characters() -> Workflow:
    """Let each of two dancers animate a character of its own, and put both on one stage."""
    start = Start.of_part(FRAMES, clip=DUET)
    second = node("LoadImage", "Right character", image=SECOND_CHARACTER)
    stage = node("LoadImage", "Stage", image=STAGE)
    everybody = node(
        "AnimateXExtractPoses",
        "Both dancers",
        dwpose=start.dwpose["dwpose"],
        images=start.driving["frames"],
        person="all",
    )
    drawn = node("AnimateXDrawPoses", poses=everybody["poses"])
    seen = node("PreviewImage", "Who is who", images=drawn["pose_images"])
    dancers = [
        node("AnimateXSelectPerson", side, poses=everybody["poses"], number=number)
        for number, side in enumerate(("Left dancer", "Right dancer"))
    ]
    left = _Performance(start, start.character, dancers[0])
    right = _Performance(start, second, dancers[1])
    ending = _on_stage(start, stage, left, right)
    columns = (
        (read_me("two-characters"),),
        (Group("1 · Images and video", ((start.character, second), (start.clip, stage))),),
        (
            Group("2 · Models", ((start.model, start.encoders, start.dwpose),)),
            Group("3 · Part of the video", ((start.driving,),)),
        ),
        (Group("4 · Who is who", ((everybody, *dancers), (drawn, seen))),),
        (left.group("5 · Left character"), right.group("6 · Right character")),
        (ending,),
    )
    return Workflow("two-characters", columns)


class _Performance:
    """The nodes that animate one character with one dancer."""

    def __init__(self, start: Start, character: Node, dancer: Node) -> None:
        known = {"reference": character["IMAGE"], "mask": character["MASK"]}
        nets = {"dwpose": start.dwpose["dwpose"], "images": character["IMAGE"], "whole_frame": False}
        self.own = node("AnimateXExtractPoses", "Character pose", **nets)
        self.retargeted = node(
            "AnimateXRetargetPoses", poses=dancer["poses"], reference_pose=self.own["poses"], **known
        )
        frames: dict[str, Any] = {"frames": start.driving["frames"], "poses": dancer["poses"]}
        self.features = node("AnimateXFeatures", clip_vision=start.encoders["CLIP_VISION"], **frames)
        motion = Motion(dancer, self.own, None, self.retargeted, self.features)
        self.conditioning = conditioned(start, motion, character)
        (self.sampler,) = sampled(**AUTOMATIC)(start.model, self.conditioning)
        self.decoded = node("VAEDecode", samples=self.sampler["LATENT"], vae=start.encoders["VAE"])
        self.cut_out = node("AnimateXCutOut", images=self.decoded["IMAGE"], fill_holes=True, **known)
        self.shown = node("InvertMask", mask=self.cut_out["mask"])

    def group(self, title: str) -> Group:
        return Group(
            title,
            (
                (self.own, self.features),
                (self.retargeted,),
                (self.conditioning,),
                (self.sampler,),
                (self.decoded, self.cut_out, self.shown),
            ),
        )


def _on_stage(start: Start, stage: Node, left: _Performance, right: _Performance) -> Group:
    """Put both characters next to each other on the stage, and save the video."""
    width, height = 2 * WIDTH, HEIGHT
    # The driving frames give the stage their number: it covers them all.
    frames = node(
        "ImageScale",
        image=start.driving["frames"],
        upscale_method="area",
        width=width,
        height=height,
        crop="disabled",
    )
    scene = node(
        "ImageCompositeMasked",
        "Stage for every frame",
        destination=frames["IMAGE"],
        source=stage["IMAGE"],
        x=0,
        y=0,
        resize_source=True,
    )
    steps = [frames, scene]
    for side, performance, x in (("left", left, 0), ("right", right, WIDTH)):
        steps.append(
            node(
                "ImageCompositeMasked",
                f"Put the {side} character on it",
                destination=steps[-1]["IMAGE"],
                source=performance.cut_out["images"],
                mask=performance.shown["MASK"],
                x=x,
                y=0,
                resize_source=False,
            )
        )
    driving = start.driving
    video = node("AnimateXEncodeVideo", images=steps[-1]["IMAGE"], fps=driving["fps"], audio=driving["audio"])
    return Group("7 · On one stage", (tuple(steps), (video,)))
