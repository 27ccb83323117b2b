"""The node that moves the reference picture itself, before any sampling."""

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..animatex_core.puppet.puppet import iterate_puppet
from ..animatex_core.retarget.masks import Shows
from ..animatex_core.utils.progress import with_progress
from .host.character import mask_of, mask_shows_input
from .host.discovery import found_as
from .host.pictures import images_of, picture_of
from .host.poses import Poses, poses_of, reference_pose_of
from .host.progress import node_progress
from .host.told import told
from .host.values import checked
from .pose import CATEGORY


@found_as("cut-out animation", "animatic", "warp by pose", "rig", "quick preview", advanced=("mask_shows",))
class PuppetPreview(io.ComfyNode):
    """The reference picture, moved along its bones."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="AnimateXPuppetPreview",
            display_name="Puppet Preview",
            category=CATEGORY,
            description="Moves the picture of the character like a cut-out puppet: a preview of the dance "
            "within seconds, without any model.",
            inputs=[
                io.Image.Input("reference", tooltip="The picture of the character; of several the first."),
                Poses.Input("reference_pose", tooltip="The character's own pose, found in its picture."),
                Poses.Input("poses", tooltip="The dance on the character's body, from Retarget Poses."),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Where the character is. Without a mask, its outline is estimated from pose and "
                    "colors, which suits drawings on plain backgrounds. An empty mask is ignored.",
                ),
                mask_shows_input(),
            ],
            outputs=[
                io.Image.Output(display_name="images", tooltip="The moving picture, one frame per pose.")
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    @checked
    def execute(
        cls,
        reference: Tensor,
        reference_pose: Any,
        poses: Any,
        mask: Tensor | None = None,
        mask_shows: Shows = "automatic",
    ) -> io.NodeOutput:
        """Draw every frame."""
        with told(cls.hidden.unique_id) as sentences:
            picture = picture_of(reference)
            height, width, _ = picture.shape
            own, moved = reference_pose_of(reference_pose, (width, height)), poses_of(poses)
            shown = mask_of(picture, own, mask, mask_shows, sentences)
            frames = iterate_puppet(picture, own, moved, shown)
            images = (frame for frame, _ in with_progress(frames, len(moved), node_progress(len(moved))))
            return io.NodeOutput(images_of(images, len(moved)))
