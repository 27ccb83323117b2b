"""What the workflows tell their users: Markdown in `notes/`, named as they are."""

from pathlib import Path
from string import Template

from animatex_core.bundles import load_catalogue

from .graph import Group, note
from .needed_files import FILES

FOLDER = Path(__file__).parent / "notes"


def read_me(name: str) -> Group:
    """Return the notes of a workflow."""
    common = {"how": _read("_how"), "real": _read("_real"), "files": _list_of_files()}
    about, files = (Template(_read(text)).substitute(common) for text in (name, "files"))
    return Group("Read me", ((note(about, "About"), note(files, "Files")),))


def _read(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8").strip()


def _list_of_files() -> str:
    catalogue = load_catalogue()
    files = [catalogue.find(name) for names in FILES.values() for name in names]
    return "\n".join(
        f"- [Download]({catalogue.hub}/{file.repository}/resolve/main/{file.path}) "
        f"as `models/{file.folder}/{file.name}`"
        for file in files
    )
