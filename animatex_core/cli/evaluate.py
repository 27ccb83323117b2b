"""`animatex evaluate`: run the benchmark on one or more systems and write its tables."""

import argparse
from pathlib import Path

from .animation_options import AUTO, add_common_sampling_options
from .engine_options import add_engine_options
from .names import RETARGET_MODES
from .options import BENCHMARK_SETTINGS, CASES, PROCEDURAL, add_folder_option, positive


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `evaluate`."""
    parser = subparsers.add_parser(
        "evaluate",
        help=summary,
        description="Measure systems on a set of cases, in both settings of the paper. An interrupted "
        "evaluation resumes.",
    )
    parser.add_argument(
        "systems",
        nargs="*",
        default=[AUTO],
        metavar="[NAME=]SYSTEM",
        help="what to measure: auto, small, generated, the file of a denoiser, the folder of a training run, "
        "or a folder of videos that another system made, in subfolders self-driven and cross; default: auto",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="output folder")
    _add_case_options(parser)
    parser.add_argument(
        "--retarget",
        choices=RETARGET_MODES,
        default="none",
        help="how the poses are fitted to the character first: none, as in the paper, or as in `animate`; "
        "default: %(default)s",
    )
    add_common_sampling_options(parser)
    add_folder_option(parser)
    add_engine_options(parser)
    parser.set_defaults(run=run)


def _add_case_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("cases")
    group.add_argument(
        "--set",
        default=PROCEDURAL,
        metavar="DIR",
        help="a folder with clips, poses, pictures and humans, as described in docs/evaluation.md; "
        "procedural: drawn characters that are never used in training; default: %(default)s",
    )
    group.add_argument(
        "--setting",
        nargs="+",
        choices=BENCHMARK_SETTINGS,
        default=list(BENCHMARK_SETTINGS),
        help="self-driven: the first frame and the poses of the same video; cross: its poses aligned to the "
        "body of a random human; default: both",
    )
    group.add_argument(
        "--cases",
        type=positive,
        metavar="N",
        help=f"number of cases, the first by name; default: all of a folder, {CASES} of the procedural set",
    )
    group.add_argument(
        "--frames", type=positive, default=16, metavar="N", help="frames of each video; default: %(default)s"
    )
    group.add_argument(
        "--stride",
        type=positive,
        default=1,
        metavar="N",
        help="use one frame in N of the videos of a folder; default: %(default)s",
    )


def run(arguments: argparse.Namespace) -> None:
    """Evaluate, and print the tables."""
    from . import evaluation  # imports PyTorch, which the help does without

    evaluation.run(arguments)
