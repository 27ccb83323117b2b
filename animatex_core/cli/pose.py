"""`animatex pose`: detect the poses of one person in a video and write them as OpenPose JSON."""

import argparse
from functools import partial
from pathlib import Path

from ..utils.files import check_writable
from .motion_options import add_motion_options
from .options import WHOLE_CLIP, add_folder_option, add_pose_options, add_rate_option
from .output import StageBars, check_distinct
from .person_options import add_person_point_option


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `pose`."""
    parser = subparsers.add_parser("pose", help=summary)
    parser.add_argument(
        "driving",
        type=Path,
        metavar="CLIP",
        help="a video or image of a person, a folder of images, a pattern such as frame_%%04d.png, or a "
        "motion (.bvh)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="JSON",
        help="output, as OpenPose JSON, or planar BVH if it ends in .bvh; default: next to the video, with "
        "its name",
    )
    parser.add_argument(
        "--poses",
        type=Path,
        metavar="JSON",
        help="read poses from this file instead of detecting them, to filter them or to select a person",
    )
    parser.add_argument("--preview", type=Path, metavar="FILE", help="also write a video of the drawn poses")
    add_rate_option(parser, "--fps")
    add_pose_options(parser)
    add_folder_option(parser)
    add_motion_options(parser)
    add_person_point_option(parser)
    parser.set_defaults(run=run, **WHOLE_CLIP)


def _default_output(driving: Path) -> Path:
    """Return where poses are written: next to the video, or next to the folder of images."""
    from ..video.image_sequence import is_image_sequence  # imports NumPy, which the help does without

    if not is_image_sequence(driving):
        return driving.with_suffix(".json")
    folder = (driving if driving.is_dir() else driving.parent).absolute()
    return folder.with_name(f"{folder.name or 'frames'}.json")


def run(arguments: argparse.Namespace) -> None:
    """Detect poses, write them, and print in how many frames a person was detected."""
    # These import PyTorch, which the help does without.
    from ..pose.draw import draw_poses
    from ..pose.keypoints import seen
    from ..video.writer import check_output, write_clip
    from .motion import find_dance, read_dance, write_pose_file

    out = arguments.out = arguments.out or _default_output(arguments.driving)
    check_distinct(arguments, "out", "preview")
    check_writable(out)
    if arguments.preview is not None:
        check_output(arguments.preview)
    with StageBars() as bars:
        dance = read_dance(arguments, find_dance(arguments), partial(bars.report, "poses"))
    write_pose_file(out, dance.poses)
    if arguments.preview is not None:
        write_clip(
            arguments.preview,
            draw_poses(dance.poses),
            fps=dance.choice.fps,
            sound=dance.sound(dance.choice.fps),
        )
    detected = int(seen(dance.poses.body).any(axis=1).sum())
    print(f"{out}: {len(dance.poses)} frames, a person in {detected} of them")
