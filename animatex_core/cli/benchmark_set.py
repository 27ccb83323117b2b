"""`animatex benchmark-set prompts | screen`: build sets of characters and dances like A2Bench."""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from ..errors import InvalidInput
from ..utils.files import check_writable
from ..utils.text import printable
from ..video.files import find_videos
from .names import SCENES, THRESHOLDS
from .options import add_folder_option, add_pose_model_options, positive
from .output import ProgressBar

if TYPE_CHECKING:
    from ..evaluation.benchmark_set.screening import Verdict

REPORT, POSES = "screening.json", "poses"
REFRESH = 16  # frames between updates of the progress


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `benchmark-set` with its two actions."""
    parser = subparsers.add_parser("benchmark-set", help=summary)
    actions = parser.add_subparsers(dest="action", required=True)
    _add_prompts(actions)
    _add_screen(actions)


def _add_prompts(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser("prompts", help="write prompts for image and video generators")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("prompts.csv"),
        metavar="CSV",
        help="output, one row per scene: id, object, season, place, image prompt, video prompt; default: "
        "%(default)s",
    )
    parser.add_argument(
        "--count",
        type=positive,
        default=SCENES,
        metavar="N",
        help="number of distinct scenes; default: %(default)s",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the selection; default: %(default)s"
    )
    parser.set_defaults(run=write_prompts)


def _add_screen(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser(
        "screen",
        help="list the videos in which a body is detected reliably",
        description="List the videos of a folder in which DWPose reliably detects a body throughout, and why "
        "each is kept or dropped. No video is changed. An interrupted run resumes.",
    )
    parser.add_argument(
        "clips", type=Path, metavar="FOLDER", help="folder of videos; subfolders are included"
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help=f"output folder, for {REPORT} and the detected poses, which are reused with other thresholds",
    )
    group = parser.add_argument_group("thresholds for keeping a video")
    for name, kind, help_text in (
        ("joints", int, "minimum number of the 12 joints of arms and legs to count as a body in a frame"),
        ("found", float, "minimum fraction (0..1) of frames with a body"),
        ("gap", float, "longest time without a body, in seconds"),
        ("confidence", float, "minimum mean score of these joints"),
    ):
        group.add_argument(
            f"--{name}",
            type=kind,
            default=THRESHOLDS[name],
            metavar="X",
            help=f"{help_text}; default: %(default)s",
        )
    add_pose_model_options(parser.add_argument_group("pose detection"))
    add_folder_option(parser)
    parser.set_defaults(run=screen_clips)


def write_prompts(arguments: argparse.Namespace) -> None:
    """Select scenes at random and write their prompts."""
    from ..evaluation.benchmark_set.prompts import draw_scenes, write_scenes  # imports NumPy

    if arguments.out.suffix.lower() != ".csv":
        raise InvalidInput(
            f"--out is {str(arguments.out)!r}, but it must be a CSV file: use a name that ends in .csv."
        )
    scenes = draw_scenes(arguments.count, seed=arguments.seed)
    write_scenes(arguments.out, scenes)
    print(f"{arguments.out}: {len(scenes)} scenes, for example: {scenes[0].video}")


def screen_clips(arguments: argparse.Namespace) -> None:
    """Judge every video and write the report, even if interrupted."""
    # These import PyTorch, which the help does without.
    from ..evaluation.benchmark_set.screening import PoseFinder, screen, write_report
    from ..evaluation.benchmark_set.thresholds import Thresholds
    from .inputs import find_pose_models_with_notice

    thresholds = Thresholds(**{name: getattr(arguments, name) for name in THRESHOLDS})
    clips, report = find_videos(arguments.clips), arguments.out / REPORT
    check_writable(report)
    nets = find_pose_models_with_notice(arguments)
    finder = PoseFinder(nets, arguments.out / POSES, arguments.detect_every)
    verdicts: dict[str, Verdict] = {}
    try:
        with ProgressBar(clips.items(), desc="clips") as bar:
            for name, clip in bar:
                verdicts[name] = screen(clip, finder, thresholds, partial(_show, bar, name))
                if not verdicts[name].kept:
                    tqdm.write(printable(f"{name} is dropped: {verdicts[name].why}"))
    finally:
        write_report(report, verdicts, list(clips), thresholds, nets)
    kept = sum(verdict.kept for verdict in verdicts.values())
    print(f"{report}: {kept} of {len(clips)} videos are kept")


def _show(bar: ProgressBar, name: str, done: int, total: int) -> None:
    bar.set_postfix_str(f"{printable(name)}: {done}/{total}", refresh=done % REFRESH == 0)
