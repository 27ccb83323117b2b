"""Nodes that detect, smooth and draw poses."""

from typing import Any

from comfy_api.input import VideoInput
from comfy_api.latest import io
from torch import Tensor

from ..animatex_core.pose.dwpose import DWPose, find_poses
from ..animatex_core.pose.everyone import find_people
from ..animatex_core.pose.filtering import fill_gaps as fill_pose_gaps
from ..animatex_core.pose.filtering import smooth
from ..animatex_core.pose.person_region import read_person_box
from .comfy.images import warn_single_frame_list
from .comfy.messages import node_progress, report_warnings
from .comfy.poses import (
    ALL,
    DWPoseModels,
    Poses,
    draw_pose_images,
    frame_source,
    lazy_pose_images,
    parse_person,
    person_box_input,
    person_input,
    pose_cache,
    to_keypoints,
    to_people,
    validate_person,
)
from .comfy.schema import searchable
from .comfy.validation import coerce_inputs

CATEGORY = "Animate-X/pose"


@searchable(
    "openpose", "pose estimation", "pose detection", "keypoints", "preprocessor", advanced=("detect_every",)
)
class AnimateXExtractPoses(io.ComfyNode):
    """Detects the poses of one person in images or in a video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXExtractPoses",
            display_name="DWPose Extract",
            category=CATEGORY,
            description="Detects the poses of one person, or of all people, in images or in a whole video; "
            "connect one of the two. Results are cached, so the same frames are never "
            "processed twice.",
            inputs=[
                DWPoseModels.Input("dwpose", tooltip="The models of Load DWPose."),
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
                Poses.Output(
                    display_name="poses",
                    tooltip="The poses of one person, or of everybody for all, one per frame.",
                ),
                io.Image.Output(
                    display_name="pose_images", tooltip="The poses, drawn as the model sees them."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, person: Any = None) -> bool | str:
        """Accept any person's number, also one that is not among the options."""
        return validate_person(person)

    @classmethod
    @coerce_inputs
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
        with report_warnings(cls.hidden.unique_id) as sentences, frame_source(images, video) as shots:
            settings: dict[str, Any] = {
                "detect_every": detect_every,
                "whole_frame": whole_frame,
                "progress": node_progress(shots.total or 1),
            }
            if person == ALL and person_box is None:
                everybody = find_people(dwpose, shots, pose_cache(), **settings)
                sentence, people = everybody.sentence, everybody.people
            else:
                rule = parse_person(person) if person_box is None else read_person_box(person_box)
                found = find_poses(dwpose, shots, pose_cache(), person=rule, **settings)
                sentence, people = found.sentence, (found.poses,)
            sentences.append(sentence)
            pose_images = lazy_pose_images(people, cls.hidden.unique_id)
        return io.NodeOutput(to_keypoints(people), pose_images)


@searchable("openpose", "pose jitter", "one euro filter", "keypoints", advanced=("beta",))
class AnimateXSmoothPoses(io.ComfyNode):
    """Fills short gaps in poses and reduces jitter."""

    @classmethod
    def define_schema(cls) -> io.Schema:
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
            outputs=[Poses.Output(display_name="poses", tooltip="The smoothed poses.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, person: Any = None) -> bool | str:
        """Accept any person's number, also one that is not among the options."""
        return validate_person(person)

    @classmethod
    @coerce_inputs
    def execute(
        cls, poses: Any, fps: float, fill_gaps: int, min_cutoff: float, beta: float, person: str
    ) -> io.NodeOutput:
        with report_warnings(cls.hidden.unique_id):
            people = to_people(poses, person=person)
            warn_single_frame_list(len(people[0]), "Each pose")
            cleaned = [fill_pose_gaps(each, fill_gaps) for each in people]
            if min_cutoff:
                progress = node_progress(len(people[0]))
                settings: dict[str, Any] = {"min_cutoff": min_cutoff, "beta": beta, "fps": fps}
                cleaned = [smooth(each, **settings, progress=progress) for each in cleaned]
        return io.NodeOutput(to_keypoints(cleaned))


@searchable("openpose", "pose skeleton", "stick figure", "keypoints")
class AnimateXDrawPoses(io.ComfyNode):
    """Draws poses as images."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXDrawPoses",
            display_name="Draw Poses",
            category=CATEGORY,
            description="Draws poses as the model sees them: body and hands on black. All people are drawn.",
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
    @coerce_inputs
    def execute(cls, poses: Any, width: int, height: int) -> io.NodeOutput:
        with report_warnings(cls.hidden.unique_id):
            return io.NodeOutput(draw_pose_images(to_people(poses), width or None, height or None))
