"""`animatex benchmark-set prompts | screen`: sets of characters and dances in the manner of A2Bench."""

import argparse
from dataclasses import fields
from functools import partial
from pathlib import Path

from tqdm import tqdm

from ..errors import InvalidInput
from ..evaluation.benchmark_set.prompts import COUNT, draw_scenes, write_scenes
from ..evaluation.benchmark_set.screening import PoseFinder, Thresholds, Verdict, screen, write_report
from ..utils.files import check_writable
from ..utils.text import printable
from ..video.files import find_clips
from .options import add_folder_option, add_net_options, positive
from .output import Bar
from .poses import announce_nets

REPORT, POSES = "screening.json", "poses"
REFRESH = 16  # frames after which the progress is shown anew
DEFAULTS = Thresholds()


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `benchmark-set` with its two actions."""
    parser = subparsers.add_parser("benchmark-set", help=summary)
    actions = parser.add_subparsers(dest="action", required=True)
    _add_prompts(actions)
    _add_screen(actions)


def _add_prompts(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser("prompts", help="write prompts for generators of pictures and clips")
    parser.add_argument(
        "--out", type=Path, default=Path("prompts.csv"), metavar="CSV",
        help="gets a row a scene: id, object, season, place, prompt for a picture, prompt for a clip; "
        "default: %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--count", type=positive, default=COUNT, metavar="N", help="distinct scenes; default: %(default)s"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the choice; default: %(default)s"
    )
    parser.set_defaults(run=write_prompts)


def _add_screen(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser(
        "screen",
        help="tell in which clips a body is found confidently",
        description="Tell in which clips of a folder DWPose finds a body confidently through the clip, and "
        "why each is kept or dropped. No clip is changed. Started again, it goes on where it stopped.",
    )
    parser.add_argument("clips", type=Path, metavar="FOLDER", help="videos, in subfolders too")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR",
        help=f"gets {REPORT}, and the poses that were found, so that other thresholds are tried at once",
    )  # fmt: skip
    group = parser.add_argument_group("what a clip needs to be kept")
    for name, kind, help_text in (
        ("joints", int, "of the 12 of arms and legs, found for a body to be found in a frame"),
        ("found", float, "least part of the frames (0..1) with a body"),
        ("gap", float, "longest time without one, in seconds"),
        ("confidence", float, "least mean score of these joints"),
    ):
        group.add_argument(
            f"--{name}", type=kind, default=getattr(DEFAULTS, name), metavar="X",
            help=f"{help_text}; default: %(default)s",
        )  # fmt: skip
    add_net_options(parser.add_argument_group("finding poses"))
    add_folder_option(parser)
    parser.set_defaults(run=screen_clips)


def write_prompts(arguments: argparse.Namespace) -> None:
    """Draw scenes and write their prompts."""
    if arguments.out.suffix.lower() != ".csv":
        raise InvalidInput(f"--out is {str(arguments.out)!r}, but a table is written: end it in .csv.")
    scenes = draw_scenes(arguments.count, seed=arguments.seed)
    write_scenes(arguments.out, scenes)
    print(f"{arguments.out}: {len(scenes)} scenes, such as: {scenes[0].video}")


def screen_clips(arguments: argparse.Namespace) -> None:
    """Judge every clip and write the report, of an interrupted search too."""
    thresholds = Thresholds(**{field.name: getattr(arguments, field.name) for field in fields(Thresholds)})
    clips, report = find_clips(arguments.clips), arguments.out / REPORT
    check_writable(report)
    nets = announce_nets(arguments)
    finder = PoseFinder(nets, arguments.out / POSES, arguments.detect_every)
    verdicts: dict[str, Verdict] = {}
    try:
        with Bar(clips.items(), desc="clips") as bar:
            for name, clip in bar:
                verdicts[name] = screen(clip, finder, thresholds, partial(_show, bar, name))
                if not verdicts[name].kept:
                    tqdm.write(printable(f"{name} is dropped: {verdicts[name].why}"))
    finally:
        write_report(report, verdicts, list(clips), thresholds, nets)
    kept = sum(verdict.kept for verdict in verdicts.values())
    print(f"{report}: {kept} of {len(clips)} clips are kept")


def _show(bar: Bar, name: str, done: int, total: int) -> None:
    bar.set_postfix_str(f"{printable(name)}: {done}/{total}", refresh=done % REFRESH == 0)
