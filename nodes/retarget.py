"""The node of the explicit pose indicator (EPI), which fits driving poses to a character's body."""

from typing import Any

import numpy as np
from comfy_api.latest import io
from torch import Tensor

from ..animatex_core.pose.draw import draw_poses_over, fit_preview
from ..animatex_core.pose.keypoints import PoseSequence
from ..animatex_core.retarget.masks import Shows
from ..animatex_core.retarget.parts import parse_parts
from ..animatex_core.retarget.retarget import (
    ADDABLE,
    PARTS,
    Factors,
    Mode,
    RetargetSettings,
    retarget_with_plan,
)
from ..animatex_core.retarget.settings import MAX_FACTOR, MIN_FACTOR, MODES
from .comfy.character import mask_shows_input, to_character
from .comfy.images import BYTES_PER_PIXEL, LazyImages, first_image, stack_images
from .comfy.messages import node_progress, report_warnings
from .comfy.poses import Poses, to_keypoints, to_poses
from .comfy.schema import searchable
from .comfy.validation import coerce_inputs
from .pose import CATEGORY

PREVIEW_BYTES = 512 << 20  # at most, so that previews of long videos are smaller
FACTORS = {
    "body": "neck to hips; the legs move with it",
    "legs": "hips to toes",
    "arms": "shoulders to fingers",
    "neck": "neck to nose",
    "shoulders": "neck to shoulders",
    "face": "eyes, ears and face points around the nose",
}


@searchable(
    "openpose",
    "explicit pose indicator",
    "pose alignment",
    "body proportions",
    "keypoints",
    advanced=("add", "mask_shows"),
)
class AnimateXRetargetPoses(io.ComfyNode):
    """Fits driving poses to the body of a character."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXRetargetPoses",
            display_name="Retarget Poses (EPI)",
            category=CATEGORY,
            description="Fits driving poses to a character's body, using the pose detected in "
            "its image or, if there is none, a mask of the character.",
            inputs=[
                Poses.Input("poses", tooltip="The driving poses."),
                io.Image.Input(
                    "reference", tooltip="Image of the character. Only the first image of a batch is used."
                ),
                Poses.Input(
                    "reference_pose",
                    optional=True,
                    tooltip="The character's own pose, detected in its image. It is ignored if it "
                    "shows nobody.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Where the character is. Used if there is no usable pose. Any size "
                    "works. An empty mask, which Load Image returns for an opaque image, is "
                    "ignored.",
                ),
                *_settings_inputs(),
            ],
            outputs=[
                Poses.Output(
                    display_name="poses", tooltip="The driving poses, fitted to the character's body."
                ),
                Poses.Output(
                    display_name="reference_pose",
                    tooltip="The character's own pose, or an empty pose if it could not be used.",
                ),
                io.Image.Output(
                    display_name="preview", tooltip="Every pose drawn over the character's image."
                ),
                io.String.Output(display_name="description", tooltip="What was done and why."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    @coerce_inputs
    def execute(
        cls,
        poses: Any,
        reference: Tensor,
        mode: Mode,
        bound: float,
        ground: bool,
        drop: str,
        add: str,
        reference_pose: Any = None,
        mask: Tensor | None = None,
        mask_shows: Shows = "automatic",
        **factors: float,
    ) -> io.NodeOutput:
        settings = RetargetSettings(
            mode, Factors(**factors), parse_parts(drop), parse_parts(add), ground, bound
        )
        with report_warnings(cls.hidden.unique_id) as sentences:
            driving, image = to_poses(poses), first_image(reference)
            character = to_character(image, reference_pose, mask, mask_shows, sentences)
            retargeted = retarget_with_plan(driving, character, settings)
            sentences.append(retargeted.plan.sentence)
        own = retargeted.own_pose or PoseSequence.empty(1, character.width, character.height)
        preview = _preview(image, retargeted.poses)
        return io.NodeOutput(
            to_keypoints(retargeted.poses), to_keypoints(own), preview, retargeted.plan.description
        )


def _preview(image: np.ndarray, poses: PoseSequence) -> Tensor:
    """Draw poses over an image (h, w, 3) uint8; returns an IMAGE that is drawn when a node reads it."""
    background = fit_preview(image, PREVIEW_BYTES / (BYTES_PER_PIXEL * len(poses)))

    def draw() -> Tensor:
        return stack_images(draw_poses_over(background, poses, node_progress(len(poses))), len(poses))

    return LazyImages.of((len(poses), *background.shape), draw)


def _settings_inputs() -> list[io.Input]:
    return [
        io.Combo.Input(
            "mode",
            options=list(MODES),
            default="retarget",
            tooltip="retarget: use the character's position, size and bone lengths. align: "
            "use its position and size only. none: keep the poses unchanged, as the "
            "official code does.",
        ),
        io.Float.Input(
            "bound",
            default=3.0,
            min=1.0,
            max=10.0,
            step=0.1,
            tooltip="By how much bones may be stretched or shrunk relative to the whole "
            "body. Lower it if limbs come out too long.",
        ),
        io.Boolean.Input(
            "ground", default=False, tooltip="Keep the feet on the ground that the character stands on."
        ),
        *map(_factor_input, FACTORS),
        io.String.Input(
            "drop", default="", tooltip=_parts_tooltip("Body parts that the character does not have", PARTS)
        ),
        io.String.Input(
            "add", default="", tooltip=_parts_tooltip("Body parts that only the character has", ADDABLE)
        ),
        mask_shows_input(),
    ]


def _factor_input(part: str) -> io.Input:
    return io.Float.Input(
        part,
        default=1.0,
        min=MIN_FACTOR,
        max=MAX_FACTOR,
        step=0.05,
        tooltip=f"Scale of the {part}: {FACTORS[part]}.",
    )


def _parts_tooltip(what: str, names: tuple[str, ...]) -> str:
    return f"{what}, comma-separated: {', '.join(names)}."
