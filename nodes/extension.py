"""What the pack brings to ComfyUI."""

from comfy_api.latest import ComfyExtension, io

from .condition import AnimateXConditioning, AnimateXFeatures
from .host import folders
from .load import AnimateXLoadEncoders, AnimateXLoadModel
from .plus import AnimateXApplyPlus, AnimateXLoadPlus, AnimateXPlusReference
from .pose import DrawPoses, ExtractPoses, LoadDWPose, SmoothPoses
from .pose_files import LoadPoses, SavePoses
from .puppet import PuppetPreview
from .retarget import RetargetPoses
from .sample import AnimateXNoise, AnimateXSampler, AnimateXSolver
from .video import DrivingFrames, EncodeVideo

NODES: list[type[io.ComfyNode]] = [
    AnimateXLoadModel,
    AnimateXLoadEncoders,
    AnimateXFeatures,
    AnimateXConditioning,
    AnimateXSampler,
    AnimateXSolver,
    AnimateXNoise,
    LoadDWPose,
    ExtractPoses,
    LoadPoses,
    SavePoses,
    SmoothPoses,
    DrawPoses,
    RetargetPoses,
    DrivingFrames,
    EncodeVideo,
    AnimateXLoadPlus,
    AnimateXPlusReference,
    AnimateXApplyPlus,
    PuppetPreview,
]


class AnimateXExtension(ComfyExtension):
    """The nodes of Animate-X."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Return the nodes, and make the pack's models folder known: old versions never call `on_load`."""
        folders.register()
        return NODES
