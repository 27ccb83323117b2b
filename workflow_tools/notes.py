"""The notes of the workflows: Markdown files in `notes/` with the workflows' names."""

from collections.abc import Iterable
from pathlib import Path
from string import Template

from .graph import Group, Node, node, note
from .needed_files import CORES_OWN, needed_files

FOLDER = Path(__file__).parent / "notes"
ANIMATE_X, PLUS, POSES, ENLARGED = "files", "plus-files", "pose-files", "enlarged-files"
LOADERS = tuple(map(node, ("AnimateXLoadModel", "AnimateXLoadEncoders", "AnimateXLoadDWPose")))


def read_me(name: str, loaders: Iterable[Node] = LOADERS, files: str = ANIMATE_X) -> Group:
    """Return the notes of a workflow. files: one of the notes about model files above."""
    common = {name: _read(f"_{name}") for name in ("how", "real", "plus")}
    common["files"] = _list_of_files(loaders)
    common["cores_own"] = _list_of_files(map(node, CORES_OWN))
    about, needed = (Template(_read(text)).substitute(common) for text in (name, files))
    return Group("Read me", ((note(about, "About"), note(needed, "Files")),))


def _read(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8").strip()


def _list_of_files(loaders: Iterable[Node]) -> str:
    files = {file["name"]: file for loader in loaders for file in needed_files(loader)}
    return "\n".join(
        f"- [Download]({file['url']}) as **models/{file['directory']}/{name}**"
        for name, file in files.items()
    )
