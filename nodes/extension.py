"""The extension that ComfyUI loads: the list of all nodes."""

from comfy_api.latest import ComfyExtension, io

from .comfy.model_files import register_folder
from .conditioning import AnimateXConditioning, AnimateXFeatures
from .cut_out import AnimateXCutOut
from .loaders import AnimateXLoadDWPose, AnimateXLoadEncoders, AnimateXLoadModel, AnimateXLoadPlus
from .loop import AnimateXLoopMotion
from .motion import AnimateXLoadMotion
from .people import AnimateXSelectPerson
from .pose import AnimateXDrawPoses, AnimateXExtractPoses, AnimateXSmoothPoses
from .pose_edits import AnimateXEditPoses
from .pose_files import AnimateXLoadPoses, AnimateXSavePoses
from .puppet import AnimateXPuppetPreview
from .retarget import AnimateXRetargetPoses
from .sampling import AnimateXSampler
from .solver import AnimateXNoise, AnimateXSolver
from .sprites import AnimateXSpriteSheet
from .video import AnimateXDrivingFrames, AnimateXEncodeVideo
from .wan import AnimateXApplyPlus, AnimateXPlusReference

NODES: list[type[io.ComfyNode]] = [
    AnimateXLoadModel,
    AnimateXLoadEncoders,
    AnimateXFeatures,
    AnimateXConditioning,
    AnimateXSampler,
    AnimateXSolver,
    AnimateXNoise,
    AnimateXLoadDWPose,
    AnimateXExtractPoses,
    AnimateXLoadPoses,
    AnimateXSavePoses,
    AnimateXSmoothPoses,
    AnimateXDrawPoses,
    AnimateXRetargetPoses,
    AnimateXDrivingFrames,
    AnimateXEncodeVideo,
    AnimateXLoadPlus,
    AnimateXPlusReference,
    AnimateXApplyPlus,
    AnimateXPuppetPreview,
    AnimateXEditPoses,
    AnimateXCutOut,
    AnimateXSpriteSheet,
    AnimateXLoadMotion,
    AnimateXLoopMotion,
    AnimateXSelectPerson,
]


class AnimateXExtension(ComfyExtension):
    """The Animate-X extension."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Return the nodes, and register the models folder here, since old versions never call `on_load`."""
        register_folder()
        return NODES
