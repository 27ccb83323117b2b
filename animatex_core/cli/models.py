"""`animatex models list | download | verify`: manage the model files on this machine."""

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import DownloadError
from ..hub.catalogue import NOT_STATED, ModelFile, load_catalogue
from ..hub.checksum import verify
from ..hub.download import download
from .options import add_folder_option, models_folder
from .output import byte_bar

HEADINGS = ("id", "role", "size", "licence of code / weights", "present")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `models` with its three actions."""
    parser = subparsers.add_parser("models", help=summary)
    actions = parser.add_subparsers(dest="action", required=True)
    listing = actions.add_parser("list", help="list all known files and where they are")
    fetching = actions.add_parser("download", help="download files; interrupted downloads are resumed")
    fetching.add_argument("ids", nargs="+", metavar="ID", help="a file or set listed by `models list`")
    checking = actions.add_parser("verify", help="compare files with their known SHA-256")
    checking.add_argument(
        "ids", nargs="*", metavar="ID", help="a file or set; default: all files that are present"
    )
    for action, run in ((listing, list_models), (fetching, download_models), (checking, verify_models)):
        add_folder_option(action)
        action.set_defaults(run=run)


def list_models(arguments: argparse.Namespace) -> None:
    """Print a table of all files, then the sets."""
    catalogue = load_catalogue()
    folder = models_folder(arguments)
    rows = [HEADINGS, *(_row(model_file, folder.locate(model_file)) for model_file in catalogue.files)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print("\nSets:")
    for name, ids in catalogue.sets.items():
        print(f"  {name}: {', '.join(ids)}")
    _print_licence_notice(catalogue.files)


def download_models(arguments: argparse.Namespace) -> None:
    """Download each file into its folder; a file that is already there is verified."""
    catalogue = load_catalogue()
    base_url = os.environ.get("HF_ENDPOINT") or catalogue.hub
    chosen = catalogue.select(arguments.ids)
    _print_licence_notice(chosen)
    models = models_folder(arguments)
    for model_file in chosen:
        present = models.locate(model_file)
        folder = present.parent if present else models.path / model_file.folder
        with byte_bar(model_file.name) as bar:
            path = download(model_file, folder, base_url=base_url, on_progress=bar.report)
        print(path)


def verify_models(arguments: argparse.Namespace) -> None:
    """Print the result for each file.

    Raises:
        DownloadError: A selected file is missing, or a file does not match its checksum.

    """
    catalogue = load_catalogue()
    folder = models_folder(arguments)
    chosen = catalogue.select(arguments.ids) or [f for f in catalogue.files if folder.locate(f)]
    failed = [model_file.id for model_file in chosen if not _verify(model_file, folder.locate(model_file))]
    if not chosen:
        print(f"None of the known files is in {folder.path}.")
    if failed:
        raise DownloadError(
            f"{', '.join(failed)}: missing or damaged: delete damaged files and download them again."
        )


def _verify(model_file: ModelFile, path: Path | None) -> bool:
    """Print the result for a file and return whether it can be used."""
    if path is None:
        print(f"{model_file.id}: missing")
        return False
    with byte_bar(model_file.name) as bar:
        verification = verify(model_file, path, bar.report)
    print(f"{model_file.id}: {verification.status}, {verification}")
    return verification.status != "mismatch"


def _row(model_file: ModelFile, path: Path | None) -> tuple[str, ...]:
    licences = f"{model_file.code_licence} / {model_file.weights_licence}"
    size = f"{model_file.size / 1e9:.2f} GB" if model_file.size else "unknown"
    return model_file.id, model_file.role, size, licences, str(path or "-")


def _print_licence_notice(files: Iterable[ModelFile]) -> None:
    unlicensed = [model_file.id for model_file in files if model_file.weights_licence == NOT_STATED]
    if unlicensed:
        print(
            f"No public licence of these weights was found: {', '.join(unlicensed)}. The licence of the code "
            "may not cover them: ask the authors before you build on them."
        )
