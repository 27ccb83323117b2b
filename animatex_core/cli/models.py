"""`animatex models list | download | verify`: the model files on this machine."""

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
    listing = actions.add_parser("list", help="show every known file and where it is")
    fetching = actions.add_parser("download", help="fetch files, or go on where a download broke off")
    fetching.add_argument("ids", nargs="+", metavar="ID", help="a file or a set that `models list` shows")
    checking = actions.add_parser("verify", help="compare files with their known sha256")
    checking.add_argument(
        "ids", nargs="*", metavar="ID", help="a file or a set; all that are present if left out"
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
    """Fetch each file into the folder of its key; one that is there already is verified."""
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
    """Print a verdict a file; raises DownloadError if one asked for is missing or one does not match."""
    catalogue = load_catalogue()
    folder = models_folder(arguments)
    chosen = catalogue.select(arguments.ids) or [f for f in catalogue.files if folder.locate(f)]
    faults = [model_file.id for model_file in chosen if not _verify(model_file, folder.locate(model_file))]
    if not chosen:
        print(f"None of the known files is in {folder.path}.")
    if faults:
        raise DownloadError(
            f"{', '.join(faults)}: missing or not as expected; move what is wrong away and download it again."
        )


def _verify(model_file: ModelFile, path: Path | None) -> bool:
    """Print the verdict on a file and return whether it may be used."""
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
    silent = [model_file.id for model_file in files if model_file.weights_licence == NOT_STATED]
    if silent:
        print(
            f"The licence of these weights was not found in public text: {', '.join(silent)}. "
            f"The licence of the code may not cover them: ask their authors what is allowed."
        )
