"""The node that animates the reference image itself, as a preview before sampling."""

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..animatex_core.puppet.puppet import iterate_puppet
from ..animatex_core.retarget.masks import Shows
from ..animatex_core.utils.progress import with_progress
from .comfy.character import mask_shows_input, to_character_mask
from .comfy.images import first_image, stack_images
from .comfy.messages import node_progress, report_warnings
from .comfy.poses import Poses, to_poses, to_reference_pose
from .comfy.schema import searchable
from .comfy.validation import coerce_inputs
from .pose import CATEGORY


@searchable("cut-out animation", "animatic", "warp by pose", "rig", "quick preview", advanced=("mask_shows",))
class AnimateXPuppetPreview(io.ComfyNode):
    """Moves the reference image along its bones."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXPuppetPreview",
            display_name="Puppet Preview",
            category=CATEGORY,
            description="Moves the character's image like a cut-out puppet. Previews the motion in "
            "seconds, without any model.",
            inputs=[
                io.Image.Input(
                    "reference", tooltip="Image of the character. Only the first image of a batch is used."
                ),
                Poses.Input("reference_pose", tooltip="The character's own pose, detected in its image."),
                Poses.Input("poses", tooltip="The poses on the character's body, from Retarget Poses."),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Where the character is. Without a mask, the outline is estimated from the pose "
                    "and the colors, which works for drawings on plain backgrounds. An empty mask is "
                    "ignored.",
                ),
                mask_shows_input(),
            ],
            outputs=[
                io.Image.Output(display_name="images", tooltip="The animated image, one frame per pose.")
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    @coerce_inputs
    def execute(
        cls,
        reference: Tensor,
        reference_pose: Any,
        poses: Any,
        mask: Tensor | None = None,
        mask_shows: Shows = "automatic",
    ) -> io.NodeOutput:
        with report_warnings(cls.hidden.unique_id) as sentences:
            image = first_image(reference)
            height, width, _ = image.shape
            own, targets = to_reference_pose(reference_pose, (width, height)), to_poses(poses)
            visible = to_character_mask(image, own, mask, mask_shows, sentences)
            frames = iterate_puppet(image, own, targets, visible)
            images = (frame for frame, _ in with_progress(frames, len(targets), node_progress(len(targets))))
            return io.NodeOutput(stack_images(images, len(targets)))
