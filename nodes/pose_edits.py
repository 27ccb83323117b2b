"""The node of the pose editor, which corrects poses by hand."""

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..animatex_core.errors import AnimateXError
from ..animatex_core.pose.edits.reader import read_edits
from ..animatex_core.retarget.character import Box
from .comfy.character import to_character
from .comfy.images import first_image
from .comfy.messages import printable, report_warnings
from .comfy.pose_editor import incoming_poses, save_for_editor
from .comfy.poses import (
    PERSON_OPTIONS,
    Poses,
    edited_person_input,
    lazy_pose_images,
    to_keypoints,
    validate_person,
)
from .comfy.schema import searchable
from .comfy.validation import coerce_inputs
from .pose import CATEGORY


@searchable("openpose editor", "pose editor", "correct poses", "skeleton", "keypoints")
class AnimateXEditPoses(io.ComfyNode):
    """Corrects poses by hand."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXEditPoses",
            display_name="Edit Poses",
            category=CATEGORY,
            description="Corrects poses by hand, or places a skeleton where none was found. Run the workflow "
            "once, then press Edit poses on the node.",
            inputs=[
                io.String.Input(
                    "edits",
                    default="",
                    tooltip="The edits as text (JSON), written by the editor. Empty hands the poses on "
                    "unchanged.",
                ),
                Poses.Input(
                    "poses",
                    optional=True,
                    tooltip="The poses to correct. Without them, place a skeleton on the images by hand.",
                ),
                io.Image.Input(
                    "images",
                    optional=True,
                    tooltip="What the editor shows behind the poses: their frames, or one image for all of "
                    "them.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Where the character is, so that a skeleton placed by hand starts there. An "
                    "empty mask is ignored.",
                ),
                edited_person_input(),
            ],
            outputs=[
                Poses.Output(
                    display_name="poses",
                    tooltip="The poses with the corrections. Other people are kept as they are.",
                ),
                io.Image.Output(
                    display_name="pose_images", tooltip="The poses, drawn as the model sees them."
                ),
            ],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def validate_inputs(cls, edits: Any = None, person: Any = None) -> bool | str:
        """Reject unreadable edits and invalid people before the run."""
        try:
            if edits is not None:  # otherwise another node provides the text
                read_edits(str(edits))
        except AnimateXError as error:
            return printable(str(error))
        return validate_person(person, all_people=False)

    @classmethod
    @coerce_inputs
    def execute(
        cls,
        edits: str,
        poses: Any = None,
        images: Tensor | None = None,
        mask: Tensor | None = None,
        person: str = PERSON_OPTIONS[0],
    ) -> io.NodeOutput:
        with report_warnings(cls.hidden.unique_id) as sentences:
            corrections = read_edits(edits)
            incoming = incoming_poses(poses, images, person, corrections.person)
            shown = save_for_editor(incoming, images, _box(images, mask, sentences))
            unchanged = corrections.is_empty and poses is not None
            people = incoming.edited(corrections)
            pose_images = lazy_pose_images(people, cls.hidden.unique_id)
            return io.NodeOutput(poses if unchanged else to_keypoints(people), pose_images, ui=shown)


def _box(images: Tensor | None, mask: Tensor | None, sentences: list[str]) -> Box | None:
    if images is None or mask is None:
        return None
    return to_character(first_image(images[:1]), None, mask, "automatic", sentences).box
