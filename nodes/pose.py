"""Nodes that find, clean and draw poses."""

from typing import Any

from comfy_api.input import VideoInput
from comfy_api.latest import io
from torch import Tensor

from ..animatex_core.hub.models_dir import POSE_DETECTOR, POSE_ESTIMATOR
from ..animatex_core.pose.dwpose import DWPose, find_poses
from ..animatex_core.pose.filtering import fill_gaps as filled
from ..animatex_core.pose.filtering import smooth
from ..animatex_core.pose.person import read_person_box
from ..animatex_core.pose.providers import check_device
from .host.boxes import person_box_input
from .host.discovery import found_as
from .host.fingerprints import files_state
from .host.lists import warn_of_single_frames
from .host.onnx_files import chosen_file, onnx_choices, onnx_files
from .host.poses import (
    DWPoseNets,
    Poses,
    affordable_pictures_of,
    keypoints_of,
    person_input,
    person_rule,
    pictures_of,
    pose_cache,
    poses_of,
    shots_of,
    validate_person,
)
from .host.progress import node_progress
from .host.told import told
from .host.values import OpenCombo, checked

CATEGORY = "Animate-X/pose"
DEVICES = ["auto", "cuda", "directml", "coreml", "cpu"]


@found_as("openpose", "dwpose", "yolox", "onnx", advanced=("device",))
class LoadDWPose(io.ComfyNode):
    """The two nets that find people and their poses."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="AnimateXLoadDWPose",
            display_name="Load DWPose",
            category="Animate-X/loaders",
            description="Selects the two models of DWPose. They are loaded when poses are first "
            "detected, and not at all if the same poses are cached.",
            inputs=[
                OpenCombo(
                    "detector",
                    options=onnx_choices(),
                    tooltip="Person detector: yolox_l.onnx in models/animate_x, models/detection or "
                    "the folder of controlnet_aux. automatic uses it if found, otherwise "
                    "the small built-in network.",
                ),
                OpenCombo(
                    "estimator",
                    options=onnx_choices(),
                    tooltip="Keypoint estimator: dw-ll_ucoco_384.onnx in the same folders. The "
                    "built-in network is small and only works for drawn dancers.",
                ),
                OpenCombo(
                    "device",
                    options=DEVICES,
                    default=DEVICES[0],
                    tooltip="Device for the ONNX files. auto uses the first that works. The built- "
                    "in networks run on the CPU.",
                ),
            ],
            outputs=[DWPoseNets.Output(display_name="dwpose", tooltip="The models, for DWPose Extract.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def fingerprint_inputs(cls, detector: Any = None, estimator: Any = None, device: Any = None) -> Any:
        """Notice files that come and go."""
        return files_state(lambda: onnx_files().values())

    @classmethod
    @checked
    def execute(cls, detector: str, estimator: str, device: str) -> io.NodeOutput:
        """Choose the files."""
        check_device(device)
        with told(cls.hidden.unique_id):
            files = chosen_file(detector, POSE_DETECTOR), chosen_file(estimator, POSE_ESTIMATOR)
        return io.NodeOutput(DWPose(*files, device=device))


@found_as(
    "openpose", "pose estimation", "pose detection", "keypoints", "preprocessor", advanced=("detect_every",)
)
class ExtractPoses(io.ComfyNode):
    """The poses of one person in frames or in a clip."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="AnimateXExtractPoses",
            display_name="DWPose Extract",
            category=CATEGORY,
            description="Detects the poses of one person in images or in a whole video; connect "
            "one of the two. Results are cached, so the same frames are never "
            "processed twice.",
            inputs=[
                DWPoseNets.Input("dwpose", tooltip="The models of Load DWPose."),
                person_input(),
                io.Int.Input(
                    "detect_every",
                    default=1,
                    min=1,
                    max=100,
                    tooltip="Run the person detector in every n-th frame and track the person in "
                    "between, which is faster. 1 detects in every frame (default of the "
                    "official code).",
                ),
                io.Boolean.Input(
                    "whole_frame",
                    default=True,
                    tooltip="Use the whole image as the person if nobody is detected (default of "
                    "the official code). Turn it off for cartoons and animals, where the "
                    "keypoints would be arbitrary.",
                ),
                io.Image.Input("images", optional=True, tooltip="The frames, all of the same size."),
                io.Video.Input("video", optional=True, tooltip="A video. All of its frames are used."),
                person_box_input(),
            ],
            outputs=[
                Poses.Output(display_name="poses", tooltip="The poses of one person, one per frame."),
                io.Image.Output(
                    display_name="pose_images", tooltip="The poses, drawn as the model sees them."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, person: Any = None) -> bool | str:
        """Take a person also as a number, which is none of the choices that ComfyUI knows."""
        return validate_person(person)

    @classmethod
    @checked
    def execute(
        cls,
        dwpose: DWPose,
        person: str,
        detect_every: int,
        whole_frame: bool,
        images: Tensor | None = None,
        video: VideoInput | None = None,
        person_box: Any = None,
    ) -> io.NodeOutput:
        """Find the poses, or remember them."""
        with told(cls.hidden.unique_id) as sentences, shots_of(images, video) as shots:
            found = find_poses(
                dwpose,
                shots,
                pose_cache(),
                person=person_rule(person) if person_box is None else read_person_box(person_box),
                detect_every=detect_every,
                whole_frame=whole_frame,
                progress=node_progress(shots.total or 1),
            )
            sentences.append(found.sentence)
            pictures = affordable_pictures_of(found.poses, cls.hidden.unique_id)
        return io.NodeOutput(keypoints_of(found.poses), pictures)


@found_as("openpose", "pose jitter", "one euro filter", "keypoints", advanced=("beta",))
class SmoothPoses(io.ComfyNode):
    """Poses with short gaps filled and less trembling."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="AnimateXSmoothPoses",
            display_name="Smooth Poses",
            category=CATEGORY,
            description="Fills short gaps in poses and reduces jitter without lagging behind the motion.",
            inputs=[
                Poses.Input("poses", tooltip="Poses of consecutive frames."),
                io.Float.Input(
                    "fps",
                    default=24.0,
                    min=0.1,
                    max=1000.0,
                    step=0.01,
                    tooltip="Frame rate of the poses, which pose files do not store: connect the "
                    "fps of Driving Frames.",
                ),
                io.Int.Input(
                    "fill_gaps",
                    default=4,
                    min=0,
                    max=1000,
                    tooltip="Fill in a keypoint that is missing for at most this many frames. 0 "
                    "fills nothing.",
                ),
                io.Float.Input(
                    "min_cutoff",
                    default=1.5,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="Cutoff frequency in Hz for keypoints at rest. Lower values are "
                    "smoother. 0 turns smoothing off.",
                ),
                io.Float.Input(
                    "beta",
                    default=30.0,
                    min=0.0,
                    max=1000.0,
                    step=1.0,
                    tooltip="How closely fast motion is followed. Higher values follow more "
                    "closely, lower values are smoother.",
                ),
                person_input(),
            ],
            outputs=[Poses.Output(display_name="poses", tooltip="The smoothed poses of one person.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, person: Any = None) -> bool | str:
        """Take a person also as a number, which is none of the choices that ComfyUI knows."""
        return validate_person(person)

    @classmethod
    @checked
    def execute(
        cls, poses: Any, fps: float, fill_gaps: int, min_cutoff: float, beta: float, person: str
    ) -> io.NodeOutput:
        """Fill, then smooth."""
        with told(cls.hidden.unique_id):
            read = poses_of(poses, person=person)
            warn_of_single_frames(len(read), "Each pose")
            cleaned = filled(read, fill_gaps)
            if min_cutoff:
                progress = node_progress(len(cleaned))
                cleaned = smooth(cleaned, min_cutoff=min_cutoff, beta=beta, fps=fps, progress=progress)
        return io.NodeOutput(keypoints_of(cleaned))


@found_as("openpose", "pose skeleton", "stick figure", "keypoints")
class DrawPoses(io.ComfyNode):
    """Poses as pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="AnimateXDrawPoses",
            display_name="Draw Poses",
            category=CATEGORY,
            description="Draws poses as the model sees them: body and hands on black.",
            inputs=[
                Poses.Input("poses", tooltip="Poses from this or any other pack."),
                io.Int.Input(
                    "width",
                    default=0,
                    min=0,
                    max=16384,
                    tooltip="Width of the images in pixels. 0 uses the size in which the poses were "
                    "detected.",
                ),
                io.Int.Input(
                    "height",
                    default=0,
                    min=0,
                    max=16384,
                    tooltip="Height of the images in pixels. 0 uses the size in which the poses "
                    "were detected.",
                ),
            ],
            outputs=[io.Image.Output(display_name="pose_images", tooltip="One image per pose.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    @checked
    def execute(cls, poses: Any, width: int, height: int) -> io.NodeOutput:
        """Draw."""
        with told(cls.hidden.unique_id):
            return io.NodeOutput(pictures_of(poses_of(poses), width or None, height or None))
