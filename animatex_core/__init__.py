"""Animate-X and Animate-X++ as a PyTorch library that does not depend on ComfyUI.

The public API is listed in `__all__`. A name is imported when it is first used, so importing this package is
fast and loads neither PyTorch nor any optional package. docs/python-api.md shows how to use it, and
docs/architecture.md where to find things.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .animate_x.animation import Animation
    from .animate_x.pipeline import AnimateXPipeline
    from .animate_x.settings import AnimationSettings, SamplingSettings
    from .animate_x.windows import AlternatingWindows, Segments, Windows
    from .animate_x_plus.pipeline import AnimateXPlusPipeline
    from .animate_x_plus.sampling import PlusSampling
    from .animate_x_plus.settings import PlusSettings
    from .diffusion.guidance import Guidance
    from .driving import DrivingClip, open_driving
    from .driving_motion import open_motion
    from .errors import AnimateXError, AnimateXWarning
    from .pose.dwpose import DWPose
    from .pose.formats.reader import read_poses, write_poses
    from .pose.keypoints import PoseSequence
    from .reference import Reference, open_reference
    from .retarget.character import Box
    from .retarget.settings import RetargetSettings
    from .video.reader import read_frames as read_video
    from .video.writer import write_clip as write_video

__version__ = "0.1.0"

_SOURCES = {
    "AlternatingWindows": "animate_x.windows.AlternatingWindows",
    "AnimateXPipeline": "animate_x.pipeline.AnimateXPipeline",
    "Animation": "animate_x.animation.Animation",
    "AnimationSettings": "animate_x.settings.AnimationSettings",
    "SamplingSettings": "animate_x.settings.SamplingSettings",
    "Segments": "animate_x.windows.Segments",
    "Windows": "animate_x.windows.Windows",
    "AnimateXPlusPipeline": "animate_x_plus.pipeline.AnimateXPlusPipeline",
    "PlusSettings": "animate_x_plus.settings.PlusSettings",
    "PlusSampling": "animate_x_plus.sampling.PlusSampling",
    "Guidance": "diffusion.guidance.Guidance",
    "DrivingClip": "driving.DrivingClip",
    "open_driving": "driving.open_driving",
    "open_motion": "driving_motion.open_motion",
    "AnimateXError": "errors.AnimateXError",
    "AnimateXWarning": "errors.AnimateXWarning",
    "DWPose": "pose.dwpose.DWPose",
    "read_poses": "pose.formats.reader.read_poses",
    "write_poses": "pose.formats.reader.write_poses",
    "PoseSequence": "pose.keypoints.PoseSequence",
    "Reference": "reference.Reference",
    "open_reference": "reference.open_reference",
    "Box": "retarget.character.Box",
    "RetargetSettings": "retarget.settings.RetargetSettings",
    "read_video": "video.reader.read_frames",
    "write_video": "video.writer.write_clip",
}

__all__ = [
    "AlternatingWindows",
    "AnimateXError",
    "AnimateXPipeline",
    "AnimateXPlusPipeline",
    "AnimateXWarning",
    "Animation",
    "AnimationSettings",
    "Box",
    "DWPose",
    "DrivingClip",
    "Guidance",
    "PlusSampling",
    "PlusSettings",
    "PoseSequence",
    "Reference",
    "RetargetSettings",
    "SamplingSettings",
    "Segments",
    "Windows",
    "__version__",
    "open_driving",
    "open_motion",
    "open_reference",
    "read_poses",
    "read_video",
    "write_poses",
    "write_video",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _SOURCES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, symbol = _SOURCES[name].rpartition(".")
    value = getattr(import_module(f".{module}", __name__), symbol)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return list(__all__)
