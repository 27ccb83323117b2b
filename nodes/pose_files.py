"""Nodes that load and save poses."""

from typing import Any

from comfy_api.latest import io, ui

from ..animatex_core.errors import AnimateXError
from ..animatex_core.pose.formats.reader import read_people, read_poses, write_poses
from .comfy.files import find_input_file, list_input_files, list_input_names, new_output_file, validate_prefix
from .comfy.messages import node_progress, printable, report_warnings
from .comfy.poses import (
    ALL,
    Poses,
    lazy_pose_images,
    parse_person,
    person_input,
    to_keypoints,
    to_people,
    validate_person,
)
from .comfy.schema import choice_fingerprint, searchable
from .comfy.validation import OpenCombo, coerce_inputs
from .comfy.workflow import fill_patterns
from .pose import CATEGORY

SUFFIX = ".json"
READABLE_SUFFIXES = (SUFFIX, ".jsonl", ".ndjson")


@searchable("openpose", "import poses", "pose json", "keypoints")
class AnimateXLoadPoses(io.ComfyNode):
    """Loads poses from a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXLoadPoses",
            display_name="Load Poses",
            category=CATEGORY,
            description="Loads the poses of one person, or of all people, from JSON of OpenPose, AlphaPose, "
            "MMPose, COCO, DWPose or MediaPipe.",
            inputs=[
                OpenCombo(
                    "file",
                    options=[name for suffix in READABLE_SUFFIXES for name in list_input_names(suffix)],
                    tooltip="A .json, .jsonl or .ndjson file in ComfyUI's input folder, or in its output "
                    "folder, where Save Poses writes. Copy your file into the input folder and press R.",
                ),
                person_input(),
            ],
            outputs=[
                Poses.Output(display_name="poses", tooltip="The poses, one per frame."),
                io.Image.Output(
                    display_name="pose_images", tooltip="The poses, drawn as the model sees them."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def fingerprint_inputs(cls, file: Any = None, person: Any = None) -> Any:
        """Run again if the file was replaced.

        A name from another node may mean any file in the input folder. The output folder is left out: Save
        Poses never replaces a file, and each new one would make this node run again.
        """
        files = [path for suffix in READABLE_SUFFIXES for path in list_input_files(suffix)]
        return choice_fingerprint(file, lambda name: find_input_file(str(name)), lambda: files)

    @classmethod
    def validate_inputs(cls, file: Any = None, person: Any = None) -> bool | str:
        """Reject names of missing files and invalid people before the run; ComfyUI shows the message."""
        try:
            if file is not None:  # otherwise another node provides the name
                find_input_file(str(file))
        except AnimateXError as error:
            return printable(str(error))
        return validate_person(person)

    @classmethod
    @coerce_inputs
    def execute(cls, file: str, person: str) -> io.NodeOutput:
        with report_warnings(cls.hidden.unique_id):
            path, progress = find_input_file(file), node_progress(0)
            if person == ALL:
                poses = read_people(path, progress=progress)
            else:
                poses = (read_poses(path, person=parse_person(person), progress=progress),)
            pose_images = lazy_pose_images(poses, cls.hidden.unique_id)
        return io.NodeOutput(to_keypoints(poses), pose_images)


@searchable("openpose", "export poses", "pose json", "keypoints")
class AnimateXSavePoses(io.ComfyNode):
    """Saves poses to a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXSavePoses",
            display_name="Save Poses",
            category=CATEGORY,
            description="Saves poses, also of several people, in ComfyUI's output folder as OpenPose "
            "keypoints (JSON), which Load Poses and other packs can read.",
            inputs=[
                Poses.Input("poses", tooltip="Poses from this or any other pack."),
                io.String.Input(
                    "filename_prefix",
                    default="poses/Animate-X",
                    tooltip="File name in the output folder, before the counter. May contain "
                    "folders, %date:yyyy-MM-dd%, %year%, %width%, %KSampler.seed% and "
                    "similar patterns.",
                ),
            ],
            outputs=[Poses.Output(display_name="poses", tooltip="The saved poses, unchanged.")],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo],
            is_output_node=True,
        )

    @classmethod
    def validate_inputs(cls, filename_prefix: Any = None) -> bool | str:
        """Reject an invalid prefix before the run."""
        return validate_prefix(filename_prefix)

    @classmethod
    @coerce_inputs
    def execute(cls, poses: Any, filename_prefix: str) -> io.NodeOutput:
        with report_warnings(cls.hidden.unique_id):
            people = to_people(poses)
            prefix = fill_patterns(filename_prefix, cls.hidden)
            file = new_output_file(prefix, SUFFIX, people[0].width, people[0].height)
            keypoints = to_keypoints(people)  # before writing, so that an interrupt leaves no file behind
            write_poses(file.path, people, node_progress(len(people[0])))
        name = "/".join(filter(None, [file.subfolder, file.path.name]))
        return io.NodeOutput(keypoints, ui=ui.PreviewText(name))
