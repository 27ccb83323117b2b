"""Options that several commands share, and the values they stand for."""

import argparse
from pathlib import Path

from ..errors import InvalidInput
from ..hub.catalogue import default_models_folder
from ..hub.models_dir import ModelsDir
from ..pose.person import PersonRule, check_person_rule
from ..pose.providers import PROVIDERS
from ..retarget.character import Box
from ..retarget.masks import SHOWS
from ..retarget.parts import PARTS
from ..retarget.settings import MODES, Factors, RetargetSettings
from ..video.image_sequence import DEFAULT_FPS

SMALL = "small"

FOLDER_HELP = "models folder, as ComfyUI lays it out; default: $ANIMATEX_MODELS, else ~/.cache/animatex"
PROVIDER_NAMES = tuple(provider.label.lower() for provider in PROVIDERS)
FACTORS = ("body", "legs", "arms", "neck", "shoulders", "face")

# How many frames of the driving clip are used, and one in how many.
USUAL_CLIP = {"frames": 32, "stride": 2}
PLUS_CLIP = {"frames": 81, "stride": 1}

# Files of poses tell no frame numbers: pose k belongs to frame k, so the commands that write them take all.
WHOLE_CLIP = {"frames": None, "stride": 1, "start": 0.0, "end": None}


def add_folder_option(parser: argparse.ArgumentParser) -> None:
    """Add --folder."""
    parser.add_argument("--folder", type=Path, metavar="DIR", help=FOLDER_HELP)


def models_folder(arguments: argparse.Namespace) -> ModelsDir:
    """Return the folder of --folder."""
    return ModelsDir(arguments.folder or default_models_folder())


def add_input_options(parser: argparse.ArgumentParser) -> None:
    """Add the character's picture and the dance."""
    parser.add_argument("--reference", type=Path, required=True, metavar="PICTURE", help="the character")
    parser.add_argument(
        "--driving",
        type=Path,
        required=True,
        metavar="CLIP",
        help="the dance: a video, a folder of pictures, or a pattern such as frame_%%04d.png",
    )


def add_clip_options(parser: argparse.ArgumentParser) -> None:
    """Add which frames of the driving clip are used; what is not given of their number is the model's."""
    group = parser.add_argument_group("frames of the driving clip")
    group.add_argument(
        "--frames", type=frame_count, default=argparse.SUPPRESS, metavar="N",
        help=f"how many, or all; default: {USUAL_CLIP['frames']}, with Animate-X++ {PLUS_CLIP['frames']}",
    )  # fmt: skip
    group.add_argument(
        "--stride", type=positive, default=argparse.SUPPRESS, metavar="N",
        help=f"use one frame in N; default: {USUAL_CLIP['stride']}, with Animate-X++ {PLUS_CLIP['stride']}",
    )  # fmt: skip
    group.add_argument(
        "--start", type=float, default=0.0, metavar="S", help="seconds into the clip; default: 0"
    )
    group.add_argument("--end", type=float, metavar="S", help="seconds into the clip; default: its end")


def add_rate_option(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add the rate of a driving clip that is made of pictures; names: other names of the option."""
    parser.add_argument(
        "--driving-fps", *names, dest="driving_fps", type=float, metavar="X",
        help=f"frames a second of a driving clip that is a folder or pattern of pictures; default: "
        f"{DEFAULT_FPS:g}",
    )  # fmt: skip


def add_pose_options(parser: argparse.ArgumentParser) -> None:
    """Add how poses are found in a clip."""
    group = parser.add_argument_group("finding poses")
    add_net_options(group)
    group.add_argument(
        "--person",
        type=person_rule,
        default="best",
        metavar="WHO",
        help="of several people: best (the surest in each frame, as released), largest, leftmost, or a "
        "number counted from the left, 0 first; default: %(default)s",
    )
    group.add_argument(
        "--smooth",
        type=float,
        metavar="HZ",
        help="smooth the motion by a One-Euro filter of this cutoff: 1 is strong, 5 light; default: off",
    )
    group.add_argument(
        "--fill-gaps",
        type=int,
        default=0,
        metavar="N",
        help="fill in points that are unseen for at most N of the frames used; default: %(default)s",
    )
    group.add_argument(
        "--no-cache", action="store_true", help="find poses anew, whether they are known or not"
    )


def add_net_options(group: argparse._ArgumentGroup) -> None:
    """Add which nets find poses, and how hard they look."""
    group.add_argument(
        "--pose-nets",
        choices=("auto", SMALL),
        default="auto",
        help="auto: DWPose's files in the models folder, or without them the small built-in nets; small: "
        "these; default: %(default)s",
    )
    group.add_argument(
        "--detect-every",
        type=positive,
        default=1,
        metavar="N",
        help="look for people in one frame in N only and follow them between: faster; default: %(default)s",
    )
    group.add_argument(
        "--provider",
        choices=("auto", *PROVIDER_NAMES),
        default="auto",
        help="where onnxruntime works; default: %(default)s",
    )


def add_retarget_options(parser: argparse.ArgumentParser) -> None:
    """Add what is known of the character, and how poses are carried over to it."""
    known = parser.add_argument_group("what is known of the character")
    known.add_argument(
        "--reference-pose", type=Path, metavar="JSON", help="its pose in the reference picture"
    )
    known.add_argument(
        "--mask",
        type=Path,
        metavar="PICTURE",
        help="a picture that marks where it is, in white, color or alpha",
    )
    known.add_argument(
        "--box",
        type=box,
        metavar="L,T,R,B",
        help="left, top, right and bottom of it in parts (0..1) of the picture",
    )
    known.add_argument(
        "--mask-shows",
        choices=SHOWS,
        default=SHOWS[0],
        help="what the mask marks in white, color or opaque; automatic: told by its rim, or by the joints of "
        "--reference-pose; default: %(default)s",
    )
    group = parser.add_argument_group("carrying poses over (EPI)")
    group.add_argument(
        "--retarget",
        dest="mode",
        choices=MODES,
        default="retarget",
        help="none: as released; align: size and place of the character; retarget: the lengths of its limbs "
        "too; default: %(default)s",
    )
    for name in FACTORS:
        group.add_argument(
            f"--{name}",
            type=float,
            default=1.0,
            metavar="X",
            help=f"scale of the {name}, 0.1 to 10; default: 1",
        )
    parts = ", ".join(PARTS)
    group.add_argument("--drop", nargs="+", default=[], metavar="PART", help=f"leave out parts: {parts}")
    group.add_argument("--add", nargs="+", default=[], metavar="PART", help="add limbs that the dancer lacks")
    group.add_argument("--ground", action="store_true", help="keep the feet on the ground of the character")


def retarget_settings(arguments: argparse.Namespace) -> RetargetSettings:
    """Return what `add_retarget_options` were given."""
    factors = Factors(**{name: getattr(arguments, name) for name in FACTORS})
    return RetargetSettings(
        mode=arguments.mode,
        factors=factors,
        drop=tuple(arguments.drop),
        add=tuple(arguments.add),
        ground=arguments.ground,
    )


def frame_count(text: str) -> int | None:
    """Read a number of frames, None for "all"."""
    return None if text == "all" else positive(text)


def positive(text: str) -> int:
    """Read a whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} was given, but it must be a whole number: take 1 or more."
        )
    return int(text)


def box(text: str) -> Box:
    """Read L,T,R,B."""
    try:
        left, top, right, bottom = map(float, text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} was given, but it must be L,T,R,B in parts of it: take such as 0.2,0.1,0.8,0.9."
        ) from error
    try:
        return Box(left, top, right, bottom)
    except InvalidInput as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def person_rule(text: str) -> PersonRule:
    """Read who of several people is meant."""
    rule: PersonRule = int(text) if text.isdecimal() else text  # type: ignore[assignment]  # checked next
    try:
        check_person_rule(rule)
    except InvalidInput as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return rule
