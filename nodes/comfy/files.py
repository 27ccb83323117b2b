"""Files in ComfyUI's input and output folders, whose names come from untrusted workflows.

ComfyUI joins names of input files to their folder unchecked, and follows links when it writes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import folder_paths
from comfy_api.input import VideoInput
from comfy_api.input_impl import VideoFromFile
from comfy_api.latest import io, ui
from torch import Tensor

from ...animatex_core.errors import InvalidInput, StorageError
from ...animatex_core.utils.validation import safe_join
from .messages import printable, quoted
from .video import to_video
from .workflow import PATTERN

FOLDERS = {io.FolderType.input: "ComfyUI's input folder", io.FolderType.output: "ComfyUI's output folder"}
PLAYED = ("mp4", "webm")  # by ComfyUI's interface
ANIMATED = ("gif", "webp", "apng")  # images that it shows in motion


@dataclass(frozen=True)
class OutputFile:
    """A file to be written to the output folder.

    Attributes:
        path: Where to write it.
        subfolder: Its folder below the output folder, in the form that ComfyUI's interface expects.

    """

    path: Path
    subfolder: str

    @property
    def saved_result(self) -> ui.SavedResult:
        """The entry by which ComfyUI's interface shows the file."""
        return ui.SavedResult(self.path.name, self.subfolder, io.FolderType.output)

    def with_suffix(self, suffix: str) -> "OutputFile":
        """Return the file of the same name with another suffix."""
        return OutputFile(self.path.with_suffix(suffix), self.subfolder)


@dataclass(frozen=True)
class OutputVideo:
    """A video to be written to the output folder.

    Attributes:
        file: The file, or the folder of a PNG sequence.
        format: mp4, webm, gif, png, mov, webp or apng.

    """

    file: OutputFile
    format: str

    @classmethod
    def named(cls, prefix: str, format: str, images: Tensor) -> "OutputVideo":
        """Name a video of images (f, h, w, c); arguments and errors as for `new_output_file`."""
        suffix = "" if format == "png" else f".{format}"
        return cls(new_output_file(prefix, suffix, images.shape[2], images.shape[1]), format)

    @property
    def path(self) -> Path:
        """The path for the core to write to."""
        return self.file.path / "%04d.png" if self.format == "png" else self.file.path

    def preview(self) -> dict[str, Any]:
        """Return what the interface shows: a player, or images, of which some move."""
        if self.format in ANIMATED:
            return {"images": [self.file.saved_result]}
        if self.format != "png":
            return ui.PreviewVideo([self.file.saved_result]).as_dict()
        folder = f"{self.file.subfolder}/{self.file.path.name}".lstrip("/")
        names = sorted(path.name for path in self.file.path.iterdir())
        return {"images": [ui.SavedResult(name, folder, io.FolderType.output) for name in names]}

    def as_video(self, images: Tensor, audio: Any, fps: float) -> VideoInput:
        """Return a VIDEO of the written file if ComfyUI's nodes can read its format, else of the images."""
        if self.format in PLAYED:
            return VideoFromFile(str(self.file.path))
        return to_video(images, audio, fps)


def new_output_file(prefix: str, suffix: str, width: int = 0, height: int = 0) -> OutputFile:
    """Name a new file in the output folder as ComfyUI does, PREFIX_00001_SUFFIX, and create its folder.

    Args:
        prefix: May contain folders. ComfyUI fills in %year%, %width% and similar patterns; `fill_patterns`
            must have filled in the others.
        suffix: Includes the dot.
        width: For %width%, in pixels.
        height: For %height%, in pixels.

    Raises:
        InvalidInput: For a prefix that is not a name inside the output folder.
        StorageError: If its folder cannot be created.

    """
    base = _folder(io.FolderType.output)
    safe = _path_in(io.FolderType.output, prefix).relative_to(base)
    try:
        folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(
            str(safe), str(base), width, height
        )
    except OSError as error:  # a file has the name of the folder, or the folder is read-only
        raise StorageError(
            f"The folder of {quoted(prefix)} cannot be created in {FOLDERS[io.FolderType.output]} "
            f"({error.strerror}): choose another name."
        ) from error
    return OutputFile(Path(folder) / f"{name}_{counter:05}_{suffix}", subfolder.replace("\\", "/"))


def validate_prefix(prefix: Any) -> bool | str:
    """Return True for a valid prefix of `new_output_file`, or the message that ComfyUI shows.

    None means that another node provides the value, which is checked when the node runs.
    """
    try:
        if prefix is not None:
            _path_in(io.FolderType.output, PATTERN.sub("x", str(prefix)))
    except InvalidInput as error:
        return printable(str(error))
    return True


def find_input_file(name: str) -> Path:
    """Return the path of a file in the input folder or, for `NAME [output]`, in the output folder.

    Raises:
        InvalidInput: If there is no such file.

    """
    kind = io.FolderType.output if name.endswith("[output]") else io.FolderType.input
    plain = name.removesuffix(f"[{kind.value}]").rstrip()
    path = _path_in(kind, plain)
    if not _is_file(path):
        raise InvalidInput(
            f"{quoted(plain)} is not in {FOLDERS[kind]}: copy it there, or choose another file."
        )
    return path


def list_input_names(suffix: str) -> list[str]:
    """List files with a suffix in the input folder and, marked, in the output folder, two levels deep."""
    listed = {kind: _names(kind, suffix) for kind in FOLDERS}
    marked = [f"{name} [output]" for name in listed[io.FolderType.output]]
    return listed[io.FolderType.input] + marked


def list_input_files(suffix: str) -> list[Path]:
    """Return the paths of files with a suffix in the input folder, two levels deep."""
    folder = _folder(io.FolderType.input)
    return [folder / name for name in _names(io.FolderType.input, suffix)]


def _folder(kind: io.FolderType) -> Path:
    folder = folder_paths.get_directory_by_type(kind.value)
    assert folder is not None
    return Path(folder).resolve()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # the name is too long, or a folder is not readable
        return False


def _names(kind: io.FolderType, suffix: str) -> list[str]:
    folder = _folder(kind)
    try:
        found = [path for form in (f"*{suffix}", f"*/*{suffix}") for path in folder.glob(form)]
    except OSError:  # an error here would stop ComfyUI from listing its nodes
        return []
    # macOS writes a companion file, ._NAME, next to each file on foreign drives.
    names = sorted(path.relative_to(folder).as_posix() for path in found if not path.name.startswith("._"))
    return [name for name in names if _is_selectable(kind, name)]


def _is_selectable(kind: io.FolderType, name: str) -> bool:
    try:
        return _is_file(_path_in(kind, name))
    except InvalidInput:
        return False


def _path_in(kind: io.FolderType, name: str) -> Path:
    # ComfyUI follows links out of its folders in versions without a check for that.
    follow_links = not hasattr(folder_paths, "is_within_directory")
    return safe_join(_folder(kind), name, FOLDERS[kind], follow_links=follow_links)
