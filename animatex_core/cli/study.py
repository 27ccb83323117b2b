"""`animatex study build | count`: build a page that compares videos in blind pairs, and count the votes."""

import argparse
from functools import partial
from pathlib import Path

from ..errors import InvalidInput
from ..utils.files import check_writable, write_json, write_text
from ..video.files import files_with
from .options import positive
from .output import StageBars


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `study` with its two actions."""
    parser = subparsers.add_parser("study", help=summary)
    actions = parser.add_subparsers(dest="action", required=True)
    _add_build(actions)
    _add_count(actions)


def _add_build(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser(
        "build",
        help="write a page of blind pairs for raters",
        description="Write one HTML page that works offline: blind pairs of videos, three questions about "
        "each, and a button that saves the votes as a file. A key, which you keep, is written next to it.",
    )
    parser.add_argument(
        "systems",
        nargs="+",
        type=system,
        metavar="[NAME=]FOLDER",
        help="the videos of a system; give two or more. A case has the same file name in each folder; "
        "default name: that of the folder",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("study.html"), metavar="HTML", help="output; default: %(default)s"
    )
    parser.add_argument(
        "--references",
        type=Path,
        metavar="DIR",
        help="folder with the reference image of each case, shown next to its pairs",
    )
    parser.add_argument(
        "--driving", type=Path, metavar="DIR", help="folder with the driving video of each case, likewise"
    )
    parser.add_argument(
        "--pairs",
        type=positive,
        metavar="N",
        help="show only N pairs, evenly spread; default: every two systems on every case",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="seed of the order and the sides; default: %(default)s",
    )
    parser.set_defaults(run=build)


def _add_count(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser("count", help="turn files of votes into percentages for each system")
    parser.add_argument(
        "votes", nargs="+", type=Path, metavar="VOTES", help="files saved by raters, or folders of them"
    )
    parser.add_argument(
        "--key",
        type=Path,
        default=Path("study.key.json"),
        metavar="JSON",
        help="the key that was written next to the page; default: %(default)s",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("study.results.json"),
        metavar="JSON",
        help="output; a table (.md) is written next to it; default: %(default)s",
    )
    parser.set_defaults(run=count)


def build(arguments: argparse.Namespace) -> None:
    """Write the page and its key, and print the number of pairs."""
    # These import NumPy, which the help does without.
    from ..evaluation.study.material import find_material
    from ..evaluation.study.page import build_study
    from ..evaluation.study.votes import key_path

    if arguments.out.suffix.lower() not in (".html", ".htm"):
        raise InvalidInput(
            f"--out is {str(arguments.out)!r}, but it must be an HTML file: use a name that ends in .html."
        )
    folders = _by_name(arguments.systems), arguments.references, arguments.driving
    with StageBars() as bars:
        material = find_material(*folders, progress=partial(bars.report, "checking"))
        key = build_study(
            arguments.out,
            material,
            seed=arguments.seed,
            pairs=arguments.pairs,
            progress=partial(bars.report, "embedding"),
        )
    print(f"{arguments.out}: {len(key.pairs)} pairs of {len(material.cases)} cases, for raters")
    print(f"{key_path(arguments.out)}: records which system made each video; do not give it to raters")


def count(arguments: argparse.Namespace) -> None:
    """Count the votes, write JSON and table, and print the table and the files that were left out."""
    from ..evaluation.study.results import as_json, as_markdown, count_votes
    from ..evaluation.study.votes import read_key

    key, table = read_key(arguments.key), arguments.out.with_suffix(".md")
    if arguments.key.resolve() in (arguments.out.resolve(), table.resolve()):
        raise InvalidInput(f"--out and --key are both {arguments.key}: use another file for the output.")
    for path in (arguments.out, table):
        check_writable(path)
    outcome = count_votes(
        _vote_files(arguments.votes, {arguments.key.resolve(), arguments.out.resolve()}), key
    )
    for reason in outcome.refused.values():
        print(f"left out: {reason}")
    text = as_markdown(outcome)
    write_json(arguments.out, as_json(outcome))
    write_text(table, text)
    print(text, end="")


def system(text: str) -> tuple[str, Path]:
    """Parse [NAME=]FOLDER into name and folder."""
    name, equals, folder = text.partition("=")
    path = Path(folder if equals else text)
    name = name if equals else path.resolve().name
    if not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} has no name: use for example ours=results/ours.")
    return name, path


def _by_name(systems: list[tuple[str, Path]]) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for name, folder in systems:
        if name in folders:
            raise InvalidInput(
                f"{folders[name]} and {folder} are both named {name!r}: give unique names, as NAME=FOLDER."
            )
        folders[name] = folder
    return folders


def _vote_files(paths: list[Path], own: set[Path]) -> list[Path]:
    """Return these files and the JSON files in these folders, without the key and the results."""
    files = []
    for path in paths:
        inside = files_with(path, (".json",)) if path.is_dir() else [path]
        files += [file for file in inside if not path.is_dir() or file.resolve() not in own]
    return files
