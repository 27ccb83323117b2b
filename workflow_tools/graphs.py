"""The workflows of Animate-X that the pack ships."""

from .animation_graphs import (
    AUTOMATIC,
    DRAFT,
    animation,
    image_ending,
    ksampled,
    sampled,
    sprite_ending,
)
from .graph import Group, Workflow, node
from .handover_graphs import interpolated, upscaled
from .material import CLIP
from .motion_graphs import loop, motion_capture
from .notes import POSES, read_me
from .people_graphs import two_characters
from .plus_graphs import plus_workflows

MOMENT = {"frames": 1, "start": 1.0}


def workflows() -> tuple[Workflow, ...]:
    """Return all workflows, with few enough frames and steps to take a minute or two on any machine."""
    return (
        animation("animate-a-character", sampled(**AUTOMATIC)),
        animation("long-clip", sampled(**AUTOMATIC), part={"frames": 0, "stride": 2}),
        animation("retarget-with-mask", sampled(**AUTOMATIC), masked=True),
        animation("ksampler", ksampled),
        animation("few-steps", sampled(**DRAFT)),
        animation("repose-a-picture", sampled(**AUTOMATIC), part=MOMENT, ending=image_ending),
        animation("edit-a-pose", sampled(**AUTOMATIC), edited=True),
        animation("cut-out-and-sprite-sheet", sampled(**AUTOMATIC), ending=sprite_ending),
        extraction(),
        *plus_workflows(),
        motion_capture(),
        loop(),
        two_characters(),
        upscaled(),
        interpolated(),
    )


def extraction() -> Workflow:
    """Extract the poses of a video to a file and to a video."""
    clip = node("LoadVideo", "Dance", file=CLIP)
    dwpose = node("AnimateXLoadDWPose")
    driving = node("AnimateXDrivingFrames", video=clip["VIDEO"], frames=0, stride=1)
    found = node("AnimateXExtractPoses", dwpose=dwpose["dwpose"], images=driving["frames"])
    smooth = node("AnimateXSmoothPoses", poses=found["poses"], fps=driving["fps"])
    saved = node("AnimateXSavePoses", poses=smooth["poses"])
    drawn = node("AnimateXDrawPoses", poses=saved["poses"])
    video = node(
        "AnimateXEncodeVideo", images=drawn["pose_images"], fps=driving["fps"], audio=driving["audio"]
    )
    return Workflow(
        "extract-poses",
        (
            (read_me("extract-poses", (dwpose,), POSES),),
            (Group("1 · Video", ((clip, dwpose),)),),
            (Group("2 · Poses", ((driving,), (found, smooth))),),
            (Group("3 · File and video", ((saved, drawn), (video,))),),
        ),
    )
