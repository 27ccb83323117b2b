"""The node that puts frames on a sprite sheet."""

from typing import Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ..animatex_core.errors import warn
from ..animatex_core.sprites.files import SheetFiles
from ..animatex_core.sprites.packing import FORMS, MAX_SPACING, MAX_TEXTURE, TRIMS, SheetSettings
from ..animatex_core.sprites.sheet import build_sheet
from .comfy.alpha import has_alpha, iterate_rgba, transparency_input
from .comfy.files import new_output_file, validate_prefix
from .comfy.images import to_intermediate, warn_single_frame_list
from .comfy.messages import check_interrupt, node_progress, report_warnings
from .comfy.poses import Poses, to_poses
from .comfy.schema import searchable
from .comfy.validation import coerce_inputs
from .comfy.workflow import fill_patterns
from .cut_out import CATEGORY


@searchable("texture atlas", "texturepacker", "phaser", "pixijs", "game sprites", advanced=("extrude",))
class AnimateXSpriteSheet(io.ComfyNode):
    """Saves frames as a sprite sheet."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimateXSpriteSheet",
            display_name="Sprite Sheet",
            category=CATEGORY,
            description="Saves frames on one image with the JSON description that Phaser, PixiJS, Godot "
            "and Unity read, and an animated preview, in ComfyUI's output folder.",
            inputs=[
                io.Image.Input("images", tooltip="The frames, all in one batch."),
                io.Float.Input(
                    "fps",
                    default=12.0,
                    min=0.1,
                    max=1000.0,
                    step=0.01,
                    tooltip="Frame rate of the images. Connect the fps of Driving Frames.",
                ),
                io.String.Input(
                    "filename_prefix",
                    default="sprites/Animate-X",
                    tooltip="File name in the output folder, before the counter. May contain folders and "
                    "patterns such as %date:yyyy-MM-dd%.",
                ),
                io.Float.Input(
                    "rate",
                    default=0.0,
                    min=0.0,
                    max=1000.0,
                    step=0.1,
                    tooltip="Frames per second to keep on the sheet. 0 keeps all.",
                ),
                io.Combo.Input(
                    "trim",
                    options=list(TRIMS),
                    default=TRIMS[0],
                    tooltip="Which transparent borders to cut off. each frame: as much as possible, for "
                    "engines that read the JSON; all frames: the same of all, so that all sprites have "
                    "one size; off: none.",
                ),
                io.Int.Input(
                    "padding",
                    default=2,
                    min=0,
                    max=MAX_SPACING,
                    tooltip="Transparent pixels between sprites and along the border of the sheet.",
                ),
                io.Int.Input(
                    "extrude",
                    default=0,
                    min=0,
                    max=MAX_SPACING,
                    tooltip="How often the outermost pixels of a sprite are repeated around it, against "
                    "seams when an engine scales it.",
                ),
                io.Boolean.Input(
                    "power_of_two",
                    default=False,
                    tooltip="Round width and height of the sheet up to powers of two, for old engines.",
                ),
                io.Int.Input(
                    "max_size",
                    default=MAX_TEXTURE,
                    min=1,
                    max=1 << 15,
                    tooltip="Largest width and height of the sheet in pixels. Graphics cards of phones "
                    "support 4096, others 8192 or more.",
                ),
                io.Combo.Input(
                    "form",
                    options=list(FORMS),
                    default=FORMS[0],
                    tooltip="How the JSON lists frames: by name (hash), or in an array. Most engines read "
                    "both.",
                ),
                transparency_input(),
                Poses.Input(
                    "poses",
                    optional=True,
                    tooltip="Poses of the character in these frames, from Retarget Poses. The pivot is "
                    "between its feet. Without poses, it is at its lowest point.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="sheet", tooltip="The sheet, with four channels."),
                io.String.Output(display_name="json", tooltip="The description of the sheet."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo],
            is_output_node=True,
        )

    @classmethod
    def validate_inputs(cls, filename_prefix: Any = None) -> bool | str:
        """Reject an invalid prefix before the run."""
        return validate_prefix(filename_prefix)

    @classmethod
    @coerce_inputs
    def execute(
        cls,
        images: Tensor,
        fps: float,
        filename_prefix: str,
        mask: Tensor | None = None,
        poses: Any = None,
        **layout: Any,
    ) -> io.NodeOutput:
        with report_warnings(cls.hidden.unique_id):
            warn_single_frame_list(len(images), "Each image")
            if not has_alpha(images, mask):
                warn("The images have no transparency, so sprites are whole frames: connect Cut Out.")
            settings, frames = SheetSettings(**layout), list(iterate_rgba(images, mask))
            sheet = build_sheet(frames, fps, settings, None if poses is None else to_poses(poses))
            prefix = fill_patterns(filename_prefix, cls.hidden)
            saved = new_output_file(prefix, ".png", images.shape[2], images.shape[1])
            files = SheetFiles.of(saved.path)
            progress = node_progress(len(sheet.sprites))
            files.write(sheet, frames, settings.form, progress=progress, check=check_interrupt)
            image = to_intermediate(torch.from_numpy(sheet.image).float() / 255)[None]
            shown = saved.with_suffix(files.preview.suffix).saved_result
            text = files.description.read_text(encoding="utf-8")
            return io.NodeOutput(image, text, ui={"images": [shown], "animated": (True,)})
