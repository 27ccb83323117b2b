"""Files in ComfyUI's input and output folders, whose names come with graphs from anywhere.

ComfyUI joins the names of files to be read to their folder unseen, and follows links when it writes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import folder_paths
from comfy_api.latest import io, ui

from ...animatex_core.errors import InvalidInput, StorageError
from ...animatex_core.utils.safe_paths import safe_join
from .prefixes import PATTERN
from .printable import printable, quoted

ROLES = {io.FolderType.input: "ComfyUI's input folder", io.FolderType.output: "ComfyUI's output folder"}


@dataclass(frozen=True)
class NewFile:
    """A file that is to be written into the output folder; subfolder: in it, as ComfyUI's interface wants."""

    path: Path
    subfolder: str

    @property
    def shown(self) -> ui.SavedResult:
        """What tells ComfyUI's interface of it."""
        return ui.SavedResult(self.path.name, self.subfolder, io.FolderType.output)


def new_output(prefix: str, suffix: str, width: int = 0, height: int = 0) -> NewFile:
    """Name a new file in the output folder as ComfyUI does: PREFIX_00001_SUFFIX, whose folder is made.

    prefix: with or without folders; %year%, %width% and the like are filled in, other patterns before, by
    `filled_in`. suffix: with its dot. Raises InvalidInput for a prefix that is no name inside of the folder,
    StorageError where its folder cannot be made.
    """
    base = _folder(io.FolderType.output)
    safe = _path_in(io.FolderType.output, prefix).relative_to(base)
    try:
        folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(
            str(safe), str(base), width, height
        )
    except OSError as error:  # a file has the name of the folder, or the folder may not be written
        raise StorageError(
            f"The folder of {quoted(prefix)} cannot be made in {ROLES[io.FolderType.output]} "
            f"({error.strerror}): give another name."
        ) from error
    return NewFile(Path(folder) / f"{name}_{counter:05}_{suffix}", subfolder.replace("\\", "/"))


def validate_prefix(prefix: Any) -> bool | str:
    """Return True for a prefix that `new_output` takes, or the sentence that ComfyUI shows.

    None is left to the node: another one gives the value.
    """
    try:
        if prefix is not None:
            _path_in(io.FolderType.output, PATTERN.sub("x", str(prefix)))
    except InvalidInput as error:
        return printable(str(error))
    return True


def existing_input(name: str) -> Path:
    """Return the path of a file in the input folder or, marked as ComfyUI does, `NAME [output]`.

    Raises InvalidInput for a name that is no file there.
    """
    kind = io.FolderType.output if name.endswith("[output]") else io.FolderType.input
    plain = name.removesuffix(f"[{kind.value}]").rstrip()
    path = _path_in(kind, plain)
    if not _is_file(path):
        raise InvalidInput(f"{quoted(plain)} is not in {ROLES[kind]}: copy it there, or choose another file.")
    return path


def inputs_of_kind(suffix: str) -> list[str]:
    """List the files of a suffix in the input folder and, marked, the output folder, two levels deep."""
    listed = {kind: _names(kind, suffix) for kind in ROLES}
    marked = [f"{name} [output]" for name in listed[io.FolderType.output]]
    return listed[io.FolderType.input] + marked


def input_files(suffix: str) -> list[Path]:
    """Return the files of a suffix in the input folder, two levels deep."""
    folder = _folder(io.FolderType.input)
    return [folder / name for name in _names(io.FolderType.input, suffix)]


def _folder(kind: io.FolderType) -> Path:
    folder = folder_paths.get_directory_by_type(kind.value)
    assert folder is not None
    return Path(folder).resolve()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, or a folder that may not be read
        return False


def _names(kind: io.FolderType, suffix: str) -> list[str]:
    """List the files of a suffix that can be chosen."""
    folder = _folder(kind)
    try:
        found = [path for form in (f"*{suffix}", f"*/*{suffix}") for path in folder.glob(form)]
    except OSError:  # an error here would keep ComfyUI from listing its nodes
        return []
    # macOS writes a companion, ._NAME, beside each file on drives of other systems.
    names = sorted(path.relative_to(folder).as_posix() for path in found if not path.name.startswith("._"))
    return [name for name in names if _can_be_chosen(kind, name)]


def _can_be_chosen(kind: io.FolderType, name: str) -> bool:
    try:
        return _is_file(_path_in(kind, name))
    except InvalidInput:
        return False


def _path_in(kind: io.FolderType, name: str) -> Path:
    # Links out of its folders are followed by ComfyUI until it has a check for that.
    follow_links = not hasattr(folder_paths, "is_within_directory")
    return safe_join(_folder(kind), name, ROLES[kind], follow_links=follow_links)
