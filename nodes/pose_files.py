"""Nodes that read and write files of poses."""

from typing import Any

from comfy_api.latest import io, ui

from ..animatex_core.errors import AnimateXError
from ..animatex_core.pose.formats.reader import read_poses, write_poses
from .host.discovery import found_as
from .host.files import existing_input, input_files, inputs_of_kind, new_output, validate_prefix
from .host.fingerprints import choice_state
from .host.poses import (
    Poses,
    affordable_pictures_of,
    keypoints_of,
    person_input,
    person_rule,
    poses_of,
    validate_person,
)
from .host.prefixes import filled_in
from .host.printable import printable
from .host.progress import node_progress
from .host.told import told
from .host.values import OpenCombo, checked
from .pose import CATEGORY

SUFFIX = ".json"
SUFFIXES = (SUFFIX, ".jsonl", ".ndjson")  # that are read


@found_as("openpose", "import poses", "pose json", "keypoints")
class LoadPoses(io.ComfyNode):
    """One person's poses from a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="AnimateXLoadPoses",
            display_name="Load Poses",
            category=CATEGORY,
            description="Loads the poses of one person from JSON of OpenPose, AlphaPose, MMPose, COCO, "
            "DWPose or MediaPipe.",
            inputs=[
                OpenCombo(
                    "file",
                    options=[name for suffix in SUFFIXES for name in inputs_of_kind(suffix)],
                    tooltip="A .json, .jsonl or .ndjson file in ComfyUI's input folder, or in its output "
                    "folder, where Save Poses writes. Copy your file into the input folder and press R.",
                ),
                person_input(),
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
    def fingerprint_inputs(cls, file: Any = None, person: Any = None) -> Any:
        """Notice a file that was replaced.

        A name from another node may mean any file of the input folder. The output folder is left out: Save
        Poses never replaces a file, and each new one would make this node run again.
        """
        files = [path for suffix in SUFFIXES for path in input_files(suffix)]
        return choice_state(file, lambda name: existing_input(str(name)), lambda: files)

    @classmethod
    def validate_inputs(cls, file: Any = None, person: Any = None) -> bool | str:
        """Refuse names that are no files in ComfyUI's folders, and people that cannot be chosen.

        ComfyUI takes a sentence for a refusal.
        """
        try:
            if file is not None:  # else another node gives the name
                existing_input(str(file))
        except AnimateXError as error:
            return printable(str(error))
        return validate_person(person)

    @classmethod
    @checked
    def execute(cls, file: str, person: str) -> io.NodeOutput:
        """Read."""
        with told(cls.hidden.unique_id):
            rule, progress = person_rule(person), node_progress(0)
            poses = read_poses(existing_input(file), person=rule, progress=progress)
            pictures = affordable_pictures_of(poses, cls.hidden.unique_id)
        return io.NodeOutput(keypoints_of(poses), pictures)


@found_as("openpose", "export poses", "pose json", "keypoints")
class SavePoses(io.ComfyNode):
    """One person's poses into a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="AnimateXSavePoses",
            display_name="Save Poses",
            category=CATEGORY,
            description="Saves the poses of one person in ComfyUI's output folder as OpenPose "
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
        """Refuse a prefix before the work whose result it names."""
        return validate_prefix(filename_prefix)

    @classmethod
    @checked
    def execute(cls, poses: Any, filename_prefix: str) -> io.NodeOutput:
        """Write, and tell the name."""
        with told(cls.hidden.unique_id):
            written = poses_of(poses)
            prefix = filled_in(filename_prefix, cls.hidden)
            file = new_output(prefix, SUFFIX, written.width, written.height)
            keypoints = keypoints_of(written)  # before the file, which a stop must not leave behind
            write_poses(file.path, written, node_progress(len(written)))
        name = "/".join(filter(None, [file.subfolder, file.path.name]))
        return io.NodeOutput(keypoints, ui=ui.PreviewText(name))
