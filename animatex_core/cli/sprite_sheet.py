"""`animatex sprite-sheet`: the frames of a video on one image, for game engines."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from .cut_out import add_cut_out_options, cut_out_clip, has_cut_out_options
from .names import MAX_TEXTURE, SHEET_FORMS, SHEET_SPACING, TRIMS
from .options import positive
from .output import require_inputs_kept

if TYPE_CHECKING:
    import numpy as np

    from ..sprites.packing import SheetSettings
    from ..video.info import VideoInfo

TRIM_NAMES = {"each": TRIMS[0], "all": TRIMS[1], "off": TRIMS[2]}
INPUTS = ("clip", "reference", "mask", "masks", "poses")  # options whose files must not be replaced


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `sprite-sheet`."""
    parser = subparsers.add_parser(
        "sprite-sheet",
        help=summary,
        description="Put the frames of a video on one image, with the JSON description that Phaser, PixiJS, "
        "Godot and Unity read, and an animated preview. A video with alpha is used as it is; the character "
        "is cut out of any other.",
    )
    parser.add_argument(
        "--clip",
        type=Path,
        required=True,
        metavar="CLIP",
        help="the video: a file, a folder of images, or a pattern such as frame_%%04d.png",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("sprites.png"),
        metavar="PNG",
        help="the sheet; description and preview get its name with .json and .webp; default: %(default)s",
    )
    parser.add_argument(
        "--clip-fps", type=float, metavar="X", help="frame rate if the video is a folder or pattern of images"
    )
    parser.add_argument(
        "--poses",
        type=Path,
        metavar="JSON",
        help="poses of the character in the video, which put the pivot between its feet; default: its "
        "lowest row",
    )
    add_cut_out_options(parser)
    _add_layout(parser)
    parser.set_defaults(run=run)


def _add_layout(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("sheet")
    group.add_argument(
        "--rate", type=float, default=0.0, metavar="X", help="frames per second to keep; 0: all"
    )
    group.add_argument(
        "--trim",
        choices=TRIM_NAMES,
        default="each",
        help="cut transparent borders off each frame, the same off all, or keep them; default: %(default)s",
    )
    group.add_argument(
        "--padding",
        type=int,
        default=SHEET_SPACING["padding"],
        metavar="N",
        help="transparent pixels between sprites; default: %(default)s",
    )
    group.add_argument(
        "--extrude",
        type=int,
        default=SHEET_SPACING["extrude"],
        metavar="N",
        help="repeat the outermost pixels of a sprite this often, against seams; default: %(default)s",
    )
    group.add_argument("--power-of-two", action="store_true", help="round the size up to powers of two")
    group.add_argument(
        "--max-size",
        type=positive,
        default=MAX_TEXTURE,
        metavar="N",
        help="largest width and height in pixels; default: %(default)s",
    )
    group.add_argument(
        "--form",
        choices=SHEET_FORMS,
        default=SHEET_FORMS[0],
        help="frames in the description by name, or as a list; default: %(default)s",
    )


def run(arguments: argparse.Namespace) -> None:
    """Build the sheet, write it, and print what was written."""
    # These import PyTorch, which the help does without.
    from ..pose.formats.reader import read_poses
    from ..sprites.files import SheetFiles
    from ..sprites.sheet import build_sheet
    from ..video.info import probe

    settings, files = _settings(arguments), SheetFiles.of(arguments.out)
    inputs = {name: getattr(arguments, name) for name in INPUTS}
    require_inputs_kept(files.paths, **inputs)
    files.require_replaceable()
    clip = probe(arguments.clip, fps=arguments.clip_fps)
    frames = list(_read(arguments, clip))
    poses = None if arguments.poses is None else read_poses(arguments.poses, size=(clip.width, clip.height))
    sheet = build_sheet(frames, clip.fps, settings, poses)
    files.write(sheet, frames, settings.form)
    height, width, _ = sheet.image.shape
    print(f"{arguments.out}: {len(sheet.sprites)} sprites on {width}x{height} at {sheet.timing.fps:g} fps")
    print(f"also: {files.description.name}, {files.preview.name}")


def _settings(arguments: argparse.Namespace) -> "SheetSettings":
    from ..sprites.packing import SheetSettings

    return SheetSettings(
        trim=TRIM_NAMES[arguments.trim],  # type: ignore[arg-type]  # one of TRIMS
        padding=arguments.padding,
        extrude=arguments.extrude,
        power_of_two=arguments.power_of_two,
        max_size=arguments.max_size,
        form=arguments.form,
        rate=arguments.rate,
    )


def _read(arguments: argparse.Namespace, clip: "VideoInfo") -> "np.ndarray":
    """Return the frames with alpha (f, h, w, 4): the video's own, unless an option asks for a cut-out."""
    import numpy as np

    from ..video.reader import read_frames

    cuts = has_cut_out_options(arguments)
    frames = list(read_frames(clip, alpha=not cuts))
    if not frames:
        raise InvalidInput(f"{str(arguments.clip)!r} has no frames: give a video with at least one.")
    stacked = np.stack(frames)
    if cuts or (stacked[..., 3] == 255).all():
        return cut_out_clip(arguments, np.ascontiguousarray(stacked[..., :3]))
    return stacked
