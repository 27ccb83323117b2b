"""The node that loads motion capture, in place of a driving video."""

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..animatex_core.driving_motion import MotionClip, open_motion
from ..animatex_core.errors import AnimateXError
from ..animatex_core.motion.bones import parse_bones
from ..animatex_core.motion.bvh import SUFFIX
from ..animatex_core.motion.camera import UPS, VIEWS, CameraSettings, Up, View
from ..animatex_core.motion.mannequin import draw_mannequins
from ..animatex_core.motion.settings import MotionSettings
from .comfy.files import find_input_file, list_input_files, list_input_names
from .comfy.images import LazyImages, stack_images
from .comfy.messages import node_progress, printable, report_warnings
from .comfy.poses import Poses, to_keypoints
from .comfy.schema import choice_fingerprint, searchable
from .comfy.validation import OpenCombo, coerce_inputs
from .pose import CATEGORY


@searchable(
    "bvh",
    "motion capture",
    "mocap",
    "mixamo",
    "rokoko",
    "blender",
    "skeleton animation",
    advanced=("up", "bones"),
)
class AnimateXLoadMotion(io.ComfyNode):
    """Loads motion capture as driving frames with poses."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXLoadMotion",
            display_name="Load Motion",
            category=CATEGORY,
            description="Loads motion capture (BVH) in place of a driving video: its poses, and frames in "
            "which a mannequin performs it.",
            inputs=[
                OpenCombo(
                    "file",
                    options=list_input_names(SUFFIX),
                    tooltip="A .bvh file in ComfyUI's input folder, or in its output folder. Copy your file "
                    "into the input folder and press R. Export FBX and other formats as BVH with Blender.",
                ),
                io.Int.Input(
                    "frames",
                    default=32,
                    min=0,
                    max=100_000,
                    tooltip="Number of frames to use. 0 uses all frames from start. The model was trained "
                    "on 32.",
                ),
                io.Float.Input(
                    "start",
                    default=0.0,
                    min=0.0,
                    max=1e6,
                    step=0.01,
                    tooltip="Time of the first frame in the recording, in seconds.",
                ),
                io.Float.Input(
                    "fps",
                    default=12.0,
                    min=0.1,
                    max=1000.0,
                    step=0.01,
                    tooltip="Frames per second that are taken from the recording, whose own rate is usually "
                    "30 to 120. Frames in between are interpolated.",
                ),
                io.Combo.Input(
                    "camera",
                    options=list(VIEWS),
                    default=VIEWS[0],
                    tooltip="front: where the dancer faces on average. three-quarter: 45 degrees to their "
                    "left.",
                ),
                io.Float.Input(
                    "angle",
                    default=0.0,
                    min=-360.0,
                    max=360.0,
                    step=5.0,
                    tooltip="Orbits the camera around the dancer, in degrees: 90 shows the left side, 180 "
                    "the back.",
                ),
                io.Boolean.Input(
                    "follow",
                    default=True,
                    tooltip="Keep the hips in the middle of the frame. Turned off, the camera is fixed and "
                    "shows the whole path.",
                ),
                io.Combo.Input(
                    "up",
                    options=list(UPS),
                    default=UPS[0],
                    tooltip="The axis of the file that points up. auto: along which the dancer stands. Set "
                    "it if the dancer lies.",
                ),
                io.Int.Input(
                    "width", default=512, min=16, max=16384, tooltip="Width of the frames in pixels."
                ),
                io.Int.Input(
                    "height", default=768, min=16, max=16384, tooltip="Height of the frames in pixels."
                ),
                io.String.Input(
                    "bones",
                    default="",
                    multiline=True,
                    tooltip="Only for skeletons with unusual names: one line per joint, such as right_elbow: "
                    "RightForeArm. null leaves out a joint that the body does not have.",
                ),
            ],
            outputs=[
                Poses.Output(
                    display_name="poses", tooltip="The poses as the camera sees them, one per frame."
                ),
                io.Image.Output(
                    display_name="frames", tooltip="A mannequin in these poses, for IPI Features."
                ),
                io.Float.Output(
                    display_name="fps", tooltip="The frame rate at which these frames keep the tempo."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def fingerprint_inputs(cls, file: Any = None, **_: Any) -> Any:
        """Run again if the file was replaced; a name from another node may mean any file."""
        return choice_fingerprint(
            file, lambda name: find_input_file(str(name)), lambda: list_input_files(SUFFIX)
        )

    @classmethod
    def validate_inputs(cls, file: Any = None, bones: Any = None) -> bool | str:
        """Reject names of missing files and invalid bones before the run; ComfyUI shows the message."""
        try:
            if file is not None:  # otherwise another node provides the name
                find_input_file(str(file))
            if bones is not None:
                parse_bones(str(bones))
        except AnimateXError as error:
            return printable(str(error))
        return True

    @classmethod
    @coerce_inputs
    def execute(
        cls,
        file: str,
        frames: int,
        start: float,
        fps: float,
        camera: View,
        angle: float,
        follow: bool,
        up: Up,
        width: int,
        height: int,
        bones: str,
    ) -> io.NodeOutput:
        with report_warnings(cls.hidden.unique_id):
            settings = MotionSettings(
                CameraSettings(camera, angle, follow, up, width, height), fps, parse_bones(bones)
            )
            clip = open_motion(
                find_input_file(file),
                settings,
                frames=frames or None,
                stride=1,
                start=start,
                progress=node_progress(0),
            )
            return io.NodeOutput(to_keypoints(clip.poses), _lazy_frames(clip), fps)


def _lazy_frames(clip: MotionClip) -> Tensor:
    """Return an IMAGE of the mannequin that is drawn when a node reads it."""
    seen = clip.seen

    def draw() -> Tensor:
        return stack_images(draw_mannequins(seen, node_progress(len(seen))), len(seen))

    return LazyImages.of((len(seen), seen.height, seen.width, 3), draw)
