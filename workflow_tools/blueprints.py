"""Subgraph blueprints: parts of the workflows as one node, listed in the node library of ComfyUI 0.33."""

from dataclasses import dataclass

from .animation_graphs import AUTOMATIC, animation, sampled, sprite_ending, video_ending
from .graph import Workflow
from .graphs import extraction

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
