"""`animatex study build | count`: blind pairs of clips for people to compare, and what their votes say."""

import argparse
from functools import partial
from pathlib import Path

from ..errors import InvalidInput
from ..evaluation.study.material import find_material
from ..evaluation.study.page import build_study
from ..evaluation.study.results import as_json, as_markdown, count_votes
from ..evaluation.study.votes import key_path, read_key
from ..utils.files import check_writable, write_json, write_text
from ..video.files import files_with
from .options import positive
from .output import Bars


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `study` with its two actions."""
    parser = subparsers.add_parser("study", help=summary)
    actions = parser.add_subparsers(dest="action", required=True)
    _add_build(actions)
    _add_count(actions)


def _add_build(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser(
        "build",
        help="write a page of blind pairs, to be sent to raters",
        description="Write one HTML page that works without any network: blind pairs of clips, three "
        "questions about each, and votes that are saved as a file. Its key beside it stays with you.",
    )
    parser.add_argument(
        "systems", nargs="+", type=system, metavar="[NAME=]FOLDER",
        help="the clips of a system, two systems or more; a case has the same file name in each folder; "
        "default name: that of the folder",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path("study.html"), metavar="HTML", help="default: %(default)s"
    )
    parser.add_argument(
        "--references", type=Path, metavar="DIR", help="the picture of each case, shown beside its pairs"
    )
    parser.add_argument("--driving", type=Path, metavar="DIR", help="the driving clip of each case, likewise")
    parser.add_argument(
        "--pairs", type=positive, metavar="N",
        help="show so many only, spread evenly; default: every two systems on every case",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the order and the sides; default: %(default)s"
    )
    parser.set_defaults(run=build)


def _add_count(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser("count", help="turn files of votes into percentages for each system")
    parser.add_argument(
        "votes", nargs="+", type=Path, metavar="VOTES", help="files that raters saved, or folders of them"
    )
    parser.add_argument(
        "--key", type=Path, default=Path("study.key.json"), metavar="JSON",
        help="what was written beside the page; default: %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path("study.results.json"), metavar="JSON",
        help="results; a table of them, .md, is written beside; default: %(default)s",
    )  # fmt: skip
    parser.set_defaults(run=count)


def build(arguments: argparse.Namespace) -> None:
    """Write page and key, and say how many pairs there are."""
    if arguments.out.suffix.lower() not in (".html", ".htm"):
        raise InvalidInput(
            f"--out is {str(arguments.out)!r}, but browsers open pages by name: end it in .html."
        )
    given = _by_name(arguments.systems), arguments.references, arguments.driving
    with Bars() as bars:
        material = find_material(*given, progress=partial(bars.report, "checking"))
        key = build_study(
            arguments.out,
            material,
            seed=arguments.seed,
            pairs=arguments.pairs,
            progress=partial(bars.report, "embedding"),
        )
    print(f"{arguments.out}: {len(key.pairs)} pairs of {len(material.cases)} cases, for raters")
    print(f"{key_path(arguments.out)}: tells which clip is whose, keep it from them")


def count(arguments: argparse.Namespace) -> None:
    """Count the votes, write JSON and table, and show the table and what was left out."""
    key, table = read_key(arguments.key), arguments.out.with_suffix(".md")
    if arguments.key.resolve() in (arguments.out.resolve(), table.resolve()):
        raise InvalidInput(f"--out and --key are both {arguments.key}: name another file to write.")
    for path in (arguments.out, table):
        check_writable(path)
    outcome = count_votes(_files(arguments.votes, {arguments.key.resolve(), arguments.out.resolve()}), key)
    for reason in outcome.refused.values():
        print(f"left out: {reason}")
    text = as_markdown(outcome)
    write_json(arguments.out, as_json(outcome))
    write_text(table, text)
    print(text, end="")


def system(text: str) -> tuple[str, Path]:
    """Read [NAME=]FOLDER."""
    name, equals, folder = text.partition("=")
    path = Path(folder if equals else text)
    name = name if equals else path.resolve().name
    if not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} names no system: take such as ours=results/ours.")
    return name, path


def _by_name(systems: list[tuple[str, Path]]) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for name, folder in systems:
        if name in folders:
            raise InvalidInput(
                f"{folders[name]} and {folder} are both named {name!r}: give them names, as NAME=FOLDER."
            )
        folders[name] = folder
    return folders


def _files(paths: list[Path], others: set[Path]) -> list[Path]:
    """Return the files that are named, and the JSON files of folders but for our own."""
    files = []
    for path in paths:
        inside = files_with(path, (".json",)) if path.is_dir() else [path]
        files += [file for file in inside if not path.is_dir() or file.resolve() not in others]
    return files
