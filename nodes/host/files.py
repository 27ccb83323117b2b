"""Files in ComfyUI's input and output folders, whose names come with graphs from anywhere.

ComfyUI joins the names of files to be read to their folder unseen, and follows links when it writes.
"""

import re
import time
from dataclasses import dataclass
from pathlib import Path

import folder_paths
from comfy_api.latest import io, ui

from ...animatex_core.errors import InvalidInput, StorageError
from ...animatex_core.safe_names import path_inside
from .printable import quoted

ROLES = {io.FolderType.input: "ComfyUI's input folder", io.FolderType.output: "ComfyUI's output folder"}
DATE = re.compile(r"%date(?::([^%]*))?%")
DATE_FORM = "yyyy-MM-dd"
# As ComfyUI's frontend has it, which fills dates in for ComfyUI's own nodes only.
DATE_PARTS = re.compile(r"yyyy|yy|[dMhms]{1,2}")
DATE_FIELDS = {"d": "tm_mday", "M": "tm_mon", "h": "tm_hour", "m": "tm_min", "s": "tm_sec"}


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

    prefix: with or without folders; %date:yyyy-MM-dd%, %year%, %width% and their like are filled in. suffix:
    with its dot. Raises InvalidInput for a prefix that is no name inside of the folder, StorageError where
    its folder cannot be made.
    """
    base = _folder(io.FolderType.output)
    safe = path_inside(base, dated(prefix), ROLES[io.FolderType.output]).relative_to(base)
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


def existing_input(name: str) -> Path:
    """Return the path of a file in the input folder or, marked as ComfyUI does, `NAME [output]`.

    Raises InvalidInput for a name that is no file there.
    """
    kind = io.FolderType.output if name.endswith("[output]") else io.FolderType.input
    plain = name.removesuffix(f"[{kind.value}]").rstrip()
    path = path_inside(_folder(kind), plain, ROLES[kind])
    if not _is_file(path):
        raise InvalidInput(f"{quoted(plain)} is not in {ROLES[kind]}: copy it there, or choose another file.")
    return path


def inputs_of_kind(suffix: str) -> list[str]:
    """List the files of a suffix in the input folder and, marked, the output folder, two levels deep."""
    listed = {kind: _names(_folder(kind), suffix) for kind in ROLES}
    marked = [f"{name} [output]" for name in listed[io.FolderType.output]]
    return listed[io.FolderType.input] + marked


def input_files(suffix: str) -> list[Path]:
    """Return the files of a suffix in the input folder, two levels deep."""
    folder = _folder(io.FolderType.input)
    return [folder / name for name in _names(folder, suffix)]


def dated(prefix: str) -> str:
    """Fill in %date%, and %date:...% of yyyy, yy, MM, dd, hh, mm and ss."""
    now = time.localtime()
    return DATE.sub(
        lambda found: DATE_PARTS.sub(lambda part: _part(part[0], now), found[1] or DATE_FORM), prefix
    )


def _part(form: str, now: time.struct_time) -> str:
    if form.startswith("y"):
        return str(now.tm_year)[-len(form) :]
    return str(getattr(now, DATE_FIELDS[form[0]])).zfill(len(form))


def _folder(kind: io.FolderType) -> Path:
    folder = folder_paths.get_directory_by_type(kind.value)
    assert folder is not None
    return Path(folder).resolve()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, or a folder that may not be read
        return False


def _names(folder: Path, suffix: str) -> list[str]:
    try:
        found = [path for form in (f"*{suffix}", f"*/*{suffix}") for path in folder.glob(form)]
    except OSError:  # an error here would keep ComfyUI from listing its nodes
        return []
    return sorted(path.relative_to(folder).as_posix() for path in found)
