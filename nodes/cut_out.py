"""The node that cuts the character out of the finished frames."""

import numpy as np
import torch
from comfy_api.latest import io
from torch import Tensor

from ..animatex_core.cutout.cutout import prepare_cut_out
from ..animatex_core.cutout.masks import character_masks
from ..animatex_core.errors import InvalidInput, warn
from ..animatex_core.retarget.masks import Shows
from .comfy.alpha import mask_levels
from .comfy.character import mask_shows_input, reference_at_size
from .comfy.images import LazyImages, iterate_images, stack_images, to_intermediate
from .comfy.messages import node_progress, report_warnings
from .comfy.schema import searchable
from .comfy.validation import coerce_inputs

CATEGORY = "Animate-X/sprites"


@searchable("remove background", "alpha matte", "transparent video", "rembg", advanced=("mask_shows",))
class AnimateXCutOut(io.ComfyNode):
    """Cuts the character out of the frames of a video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXCutOut",
            display_name="Cut Out",
            category=CATEGORY,
            description="Removes the background of an animation, with soft edges and steady over time. "
            "Needs the reference with its mask, a plain background, or a mask for every frame.",
            inputs=[
                io.Image.Input("images", tooltip="The frames of the animation, all in one batch."),
                io.String.Input(
                    "background",
                    default="",
                    tooltip="Color of a plain background, such as #00ff00 or white. Empty: found from the "
                    "reference and its mask or, without a mask, along the border of the frames.",
                ),
                io.Boolean.Input(
                    "fill_holes",
                    default=False,
                    tooltip="Count everything that the character encloses as part of it, such as a white "
                    "belly on white. Gaps between limbs become opaque too.",
                ),
                io.Image.Input(
                    "reference",
                    optional=True,
                    tooltip="Image of the character that the animation was made from. Its background is "
                    "that of the frames.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Where the character is in the reference. Without a reference: where it is in "
                    "the frames, one mask for each.",
                ),
                mask_shows_input(),
            ],
            outputs=[
                io.Image.Output(
                    display_name="images",
                    tooltip="The frames with the character's own colors, also at its edges.",
                ),
                io.Mask.Output(
                    display_name="mask", tooltip="Transparency: white at the background. For Encode Video."
                ),
                io.Image.Output(display_name="rgba", tooltip="The same as images of four channels."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    @coerce_inputs
    def execute(
        cls,
        images: Tensor,
        background: str,
        fill_holes: bool,
        reference: Tensor | None = None,
        mask: Tensor | None = None,
        mask_shows: Shows = "automatic",
    ) -> io.NodeOutput:
        with report_warnings(cls.hidden.unique_id) as sentences:
            frames = _stacked(images)
            known = _known(frames, reference, mask, mask_shows, sentences)
            cut_out = prepare_cut_out(
                frames, color=background.strip() or None, fill_holes=fill_holes, **known
            )
            sentences.append(cut_out.background.description)
            progress, alphas, colors = node_progress(len(frames)), [], []
            for frame in cut_out:
                alphas.append(frame.rgba[..., 3])  # whole levels survive inverting and saving exactly
                colors.append(frame.colors)
                progress(len(alphas), len(frames))
            mask = to_intermediate(1 - torch.from_numpy(np.stack(alphas)).float() / 255)
            straight = stack_images(colors, len(colors))
            return io.NodeOutput(straight, mask, _joined(straight, mask))


def _stacked(images: Tensor) -> np.ndarray:
    """Return an IMAGE as (f, h, w, 3) uint8."""
    frames = list(iterate_images(images))
    if not frames:
        raise InvalidInput("There are no frames to cut out: connect at least one image.")
    return np.stack(frames)


def _known(
    frames: np.ndarray, reference: Tensor | None, mask: Tensor | None, shows: Shows, sentences: list[str]
) -> dict[str, np.ndarray | None]:
    """Return what is known of the background, as arguments of `prepare_cut_out`."""
    if reference is None:
        return {} if mask is None else {"masks": character_masks(mask_levels(mask), shows)}
    if mask is None:
        warn("reference has no mask, so it is not used: connect the mask of the character in it.")
        return {}
    picture, shown = reference_at_size(reference, mask, shows, (frames.shape[2], frames.shape[1]), sentences)
    return {"reference": picture, "shown": shown}


def _joined(images: Tensor, mask: Tensor) -> Tensor:
    """Return an IMAGE of four channels, whose memory is used only if a node reads it."""
    return LazyImages.of(
        (*images.shape[:3], 4), lambda: torch.cat([images, 1 - mask[..., None].to(images)], dim=-1)
    )
