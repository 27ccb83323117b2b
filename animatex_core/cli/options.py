"""Options that several commands share, and how their values are parsed."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..hub.models_dir import ModelsDir
from ..pose.providers import PROVIDERS
from ..systems import ANIMATE_X, ANIMATE_X_PLUS
from .names import IMAGE_RATE

if TYPE_CHECKING:
    from ..pose.person import PersonRule

SMALL = "small"

FOLDER_HELP = "models folder, laid out like ComfyUI's; default: $ANIMATEX_MODELS, else ~/.cache/animatex"
PROVIDER_NAMES = tuple(provider.label.lower() for provider in PROVIDERS)


# Pose files store no frame numbers: pose k belongs to frame k, so commands that write them use every frame.
WHOLE_CLIP = {"frames": None, "stride": 1, "start": 0.0, "end": None}


def add_folder_option(parser: argparse.ArgumentParser) -> None:
    """Add --folder."""
    parser.add_argument("--folder", type=Path, metavar="DIR", help=FOLDER_HELP)


def models_folder(arguments: argparse.Namespace) -> ModelsDir:
    """Return the models folder of --folder, or the default one."""
    return ModelsDir.of(arguments.folder)


def add_input_options(parser: argparse.ArgumentParser) -> argparse.Action:
    """Add --reference and --driving; returns the latter."""
    parser.add_argument(
        "--reference", type=Path, required=True, metavar="PICTURE", help="image of the character"
    )
    return parser.add_argument(
        "--driving",
        type=Path,
        required=True,
        metavar="CLIP",
        help="the driving video: a file, a folder of images, or a pattern such as frame_%%04d.png",
    )


def add_clip_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that select frames of the driving video; unset ones take the default of the model."""
    group = parser.add_argument_group("frames of the driving video")
    group.add_argument(
        "--frames",
        type=frame_count,
        default=argparse.SUPPRESS,
        metavar="N",
        help=f"how many, or all; default: {ANIMATE_X.frames}, with Animate-X++ {ANIMATE_X_PLUS.frames}",
    )
    group.add_argument(
        "--stride",
        type=positive,
        default=argparse.SUPPRESS,
        metavar="N",
        help=f"use one frame in N; default: {ANIMATE_X.stride}, with Animate-X++ {ANIMATE_X_PLUS.stride}",
    )
    group.add_argument(
        "--start",
        type=float,
        default=0.0,
        metavar="S",
        help="start, in seconds into the video; default: %(default)g",
    )
    group.add_argument(
        "--end", type=float, metavar="S", help="end, in seconds into the video; default: its end"
    )


def add_rate_option(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add --driving-fps, the frame rate of a driving video that consists of images.

    Args:
        parser: The parser of the command.
        names: Aliases of the option.

    """
    parser.add_argument(
        "--driving-fps",
        *names,
        dest="driving_fps",
        type=float,
        metavar="X",
        help=f"frame rate if the driving video is a folder or pattern of images; default: {IMAGE_RATE:g}",
    )


def add_pose_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of pose detection."""
    group = parser.add_argument_group("pose detection")
    add_pose_model_options(group)
    group.add_argument(
        "--person",
        type=person_rule,
        default="best",
        metavar="WHO",
        help="which of several people: best (the highest score in each frame, as in the official code), "
        "largest, leftmost, or a number counted from the left, starting at 0; default: %(default)s",
    )
    group.add_argument(
        "--smooth",
        type=float,
        metavar="HZ",
        help="cutoff of a One-Euro filter that reduces jitter: 1 is strong, 5 is light; default: off",
    )
    group.add_argument(
        "--fill-gaps",
        type=int,
        default=0,
        metavar="N",
        help="fill in keypoints that are missing for at most N of the frames used; default: %(default)s",
    )
    group.add_argument("--no-cache", action="store_true", help="detect poses again, even if they are cached")


def add_pose_model_options(group: argparse._ArgumentGroup) -> None:
    """Add the options that select the pose models and where they run."""
    group.add_argument(
        "--pose-nets",
        choices=("auto", SMALL),
        default="auto",
        help="auto: DWPose's files in the models folder, or without them the small built-in models; small: "
        "always the built-in models; default: %(default)s",
    )
    group.add_argument(
        "--detect-every",
        type=positive,
        default=1,
        metavar="N",
        help="run the person detector in one frame in N and track people in between, which is faster; "
        "default: %(default)s",
    )
    group.add_argument(
        "--provider",
        choices=("auto", *PROVIDER_NAMES),
        default="auto",
        help="where ONNX Runtime runs; default: %(default)s",
    )


def flag_of(name: str) -> str:
    """Return an option as it is typed, such as --loop-min for loop_min."""
    return f"--{name.replace('_', '-')}"


def frame_count(text: str) -> int | None:
    """Parse a number of frames; "all" becomes None."""
    return None if text == "all" else positive(text)


def positive(text: str) -> int:
    """Parse a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f"the value is {text!r}, but it must be a whole number: use 1 or more."
        )
    return int(text)


def share_of_gpu(text: str) -> float:
    """Parse a number above 0, and at most 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(
            f"the value is {text!r}, but it must be above 0 and at most 1: use 0.5."
        )
    return value


def person_rule(text: str) -> "PersonRule":
    """Parse the rule that selects one of several people."""
    from ..pose.person import check_person_rule  # imports NumPy, which the help does without

    rule: PersonRule = int(text) if text.isdecimal() else text  # type: ignore[assignment]  # checked next
    try:
        check_person_rule(rule)
    except InvalidInput as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return rule


SOLVER_NAMES = ("ddim", "dpm++2m")
PRECISION_NAMES = ("fp32", "bf16", "fp16")

BENCHMARK_SETTINGS = ("self-driven", "cross")
PROCEDURAL = "procedural"
CASES = 32  # of the procedural set, which is unlimited
