"""`animatex batch`: many animations, from a job list or folders of characters and dances."""

import argparse
from pathlib import Path

from ..batch.job_list import PAIRS
from ..batch.naming import DEFAULT_TEMPLATE
from ..video.formats import FORMATS
from .animate import add_output_options, add_shared_options
from .animation_options import add_preset_option
from .cut_out import add_cut_out_flag
from .engine_options import add_engine_options
from .loop_options import add_loop_options
from .motion_options import add_motion_options
from .options import add_folder_option, positive
from .person_options import add_person_point_option

FORMAT_NAMES = tuple(suffix.removeprefix(".") for suffix in FORMATS)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `batch`."""
    parser = subparsers.add_parser(
        "batch",
        help=summary,
        description="Animate many characters with many dances. Everything is checked before the first frame "
        "is computed; started again, the command does what is missing or has changed, and only that.",
    )
    parser.add_argument(
        "jobs",
        type=Path,
        nargs="?",
        metavar="JOBS",
        help="a CSV or JSONL file with the columns reference and driving, and any other option of animate; "
        "paths are relative to it",
    )
    parser.add_argument("--references", type=Path, metavar="DIR", help="characters, in place of JOBS")
    parser.add_argument("--drivings", type=Path, metavar="DIR", help="dances, in place of JOBS")
    parser.add_argument(
        "--pairs",
        choices=PAIRS,
        default=PAIRS[0],
        help="product: every character with every dance; zip: the first with the first, by name; default: "
        "%(default)s",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="folder of results, manifest and overview"
    )
    parser.add_argument(
        "--name",
        default=DEFAULT_TEMPLATE,
        metavar="TEMPLATE",
        help="names of the results, of columns and {row}; slashes make folders; default: %(default)s",
    )
    parser.add_argument(
        "--format", choices=FORMAT_NAMES, default=FORMAT_NAMES[0], help="of the results; default: %(default)s"
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="do at most N jobs now")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only check, and print what there is to do and how long it may take",
    )
    _add_server_options(parser)
    add_shared_options(parser)
    add_output_options(parser)
    add_folder_option(parser)
    add_cut_out_flag(parser)
    add_motion_options(parser)
    add_loop_options(parser, single=False)
    add_person_point_option(parser)
    add_engine_options(parser)
    add_preset_option(parser)
    parser.add_argument(
        "--results",
        metavar="URL",
        help="put the results there instead of into FOLDER, such as s3://bucket/folder or "
        "sftp://host/folder, see docs/batch.md",
    )
    parser.set_defaults(run=run)


def _add_server_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "ComfyUI servers",
        "Run a workflow of ComfyUI for every job, instead of animating here. Columns are then inputs of its "
        "nodes: reference, driving, seed, an input such as frames, or title.input.",
    )
    group.add_argument(
        "--servers", nargs="+", default=[], metavar="URL", help="addresses, such as http://127.0.0.1:8188"
    )
    group.add_argument(
        "--workflow",
        type=Path,
        metavar="JSON",
        help="a workflow in the format of ComfyUI's API (Export, API)",
    )
    group.add_argument(
        "--in-flight",
        type=positive,
        default=1,
        metavar="N",
        help="jobs that one server has at a time; default: %(default)s",
    )
    group.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="sent with every request, such as a login; may be repeated",
    )


def run(arguments: argparse.Namespace) -> None:
    """Check all jobs, do those that are not done, and write the overview."""
    from . import batch_run  # imports PyTorch, which the help does without

    batch_run.run(arguments)
