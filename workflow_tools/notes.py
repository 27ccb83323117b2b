"""The notes of the workflows: Markdown files in `notes/` with the workflows' names."""

from collections.abc import Iterable
from pathlib import Path
from string import Template

from animatex_core.hub.catalogue import load_catalogue

from .graph import Group, Node, node, note
from .needed_files import files_of

FOLDER = Path(__file__).parent / "notes"
ANIMATE_X, PLUS, POSES = "files", "plus-files", "pose-files"
LOADERS = tuple(map(node, ("AnimateXLoadModel", "AnimateXLoadEncoders", "AnimateXLoadDWPose")))


def read_me(name: str, loaders: Iterable[Node] = LOADERS, files: str = ANIMATE_X) -> Group:
    """Return the notes of a workflow. files: the note about model files, ANIMATE_X, PLUS or POSES."""
    common = {name: _read(f"_{name}") for name in ("how", "real", "plus")}
    common["files"] = _list_of_files(loaders)
    about, needed = (Template(_read(text)).substitute(common) for text in (name, files))
    return Group("Read me", ((note(about, "About"), note(needed, "Files")),))


def _read(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8").strip()


def _list_of_files(loaders: Iterable[Node]) -> str:
    hub = load_catalogue().hub
    files = dict.fromkeys(file for loader in loaders for file in files_of(loader))
    return "\n".join(
        f"- [Download]({hub}/{file.repository}/resolve/main/{file.path}) "
        f"as **models/{file.folder}/{file.name}**"
        for file in files
    )
