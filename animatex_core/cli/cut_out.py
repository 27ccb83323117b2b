"""Options that cut the character out of a video, and what they do."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from .names import MASK_SHOWS

if TYPE_CHECKING:
    import numpy as np

    from ..reference import Reference


def add_cut_out_flag(parser: argparse.ArgumentParser) -> None:
    """Add --cut-out, for commands that know the reference."""
    parser.add_argument(
        "--cut-out",
        action="store_true",
        help="leave out the background: write the character with transparency to a .webm, .mov, .webp, .apng "
        "or a folder of PNG images; needs --mask, a reference with alpha, or a background of one color",
    )


def add_cut_out_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is behind the character."""
    group = parser.add_argument_group("cutting out the character, for a video without alpha")
    group.add_argument(
        "--reference",
        type=Path,
        metavar="PICTURE",
        help="the image that the video was made from, with --mask or an alpha channel",
    )
    group.add_argument(
        "--mask", type=Path, metavar="PICTURE", help="an image that marks the character in --reference"
    )
    group.add_argument(
        "--mask-shows",
        choices=MASK_SHOWS,
        default=MASK_SHOWS[0],
        help="what the mask marks; automatic: detected from its edges; default: %(default)s",
    )
    group.add_argument(
        "--masks",
        type=Path,
        metavar="CLIP",
        help="a video or folder of masks, one for each frame",
    )
    group.add_argument(
        "--background",
        metavar="COLOR",
        help="color of a plain background, such as 00ff00 or white; default: detected",
    )
    group.add_argument(
        "--fill-holes",
        action="store_true",
        help="count everything that the character encloses as part of it, such as a white belly on white",
    )


def has_cut_out_options(arguments: argparse.Namespace) -> bool:
    """Return whether an option of `add_cut_out_options` is set that needs a cut-out."""
    given = (arguments.reference, arguments.mask, arguments.masks, arguments.background)
    return any(each is not None for each in given)


def cut_out_clip(arguments: argparse.Namespace, frames: "np.ndarray") -> "np.ndarray":
    """Cut the character out of a video, as the options of `add_cut_out_options` specify.

    Args:
        arguments: The parsed arguments.
        frames: (f, h, w, 3) uint8.

    Returns:
        (f, h, w, 4) uint8 with straight alpha.

    """
    if arguments.mask is not None and arguments.reference is None:
        raise InvalidInput(
            "--mask marks the character in the reference: give --reference too, or --masks for the frames."
        )
    picture = shown = None
    if arguments.reference is not None:
        picture, shown = _read_reference(arguments, (frames.shape[2], frames.shape[1]))
    return _rgba(
        frames,
        reference=picture,
        shown=shown,
        masks=None if arguments.masks is None else _read_masks(arguments),
        color=arguments.background,
        fill_holes=arguments.fill_holes,
    )


def cut_out_animation(
    arguments: argparse.Namespace, reference: "Reference", frames: "np.ndarray"
) -> "np.ndarray":
    """Cut the character out of an animation of the reference; arguments and result as for `cut_out_clip`."""
    picture, shown = _read_reference(arguments, (frames.shape[2], frames.shape[1]), reference)
    return _rgba(frames, reference=picture, shown=shown)


def check_cut_out(arguments: argparse.Namespace, reference: "Reference") -> None:
    """Raise InvalidInput if no animation of the reference can be cut out, before one is computed."""
    from ..cutout.cutout import require_known_background

    height, width, _ = reference.picture.shape
    _, shown = _read_reference(arguments, (width, height), reference)
    require_known_background(reference.picture, shown)


def _read_reference(
    arguments: argparse.Namespace, size: tuple[int, int], reference: "Reference | None" = None
) -> "tuple[np.ndarray, np.ndarray | None]":
    """Return the reference and where its mask or alpha channel shows the character, stretched to a size.

    Args:
        arguments: The parsed arguments.
        size: Width and height.
        reference: The reference if it is open already.

    """
    from ..cutout.masks import stretch_reference
    from ..video.image import read_image
    from .inputs import read_reference_mask

    picture = read_image(arguments.reference).rgb if reference is None else reference.picture
    shown = read_reference_mask(arguments, None if reference is None else reference.pose)
    return stretch_reference(picture, shown, size)


def _read_masks(arguments: argparse.Namespace) -> "np.ndarray":
    import numpy as np

    from ..cutout.masks import character_masks
    from ..video.info import probe
    from ..video.reader import read_frames

    planes = [frame.max(axis=2).astype(np.float32) / 255 for frame in read_frames(probe(arguments.masks))]
    return character_masks(np.stack(planes), arguments.mask_shows)


def _rgba(frames: "np.ndarray", **sources: object) -> "np.ndarray":
    import numpy as np

    from ..cutout.cutout import prepare_cut_out

    cut_out = prepare_cut_out(frames, **sources)  # type: ignore[arg-type]
    print(f"cut-out: {cut_out.background.description}")
    return np.stack([frame.rgba for frame in cut_out])
