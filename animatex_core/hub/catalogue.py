"""The catalogue of downloadable files, `models.yaml`, and where they are stored."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import InvalidInput
from ..utils.documents import document_errors, read_yaml

CATALOGUE = Path(__file__).parents[2] / "models.yaml"

ROLES = (
    "denoiser",
    "denoiser_plus",
    "base_model",
    "image_encoder",
    "text_encoder",
    "lora",
    "autoencoder",
    "pose_detector",
    "pose_estimator",
    "feature_network",
)
NOT_STATED = "not stated"
REMEDY = "correct it, or restore the original file"

FIELD_PATTERNS = {  # patterns of the fields that become part of a path, a URL or a comparison
    "id": r"[a-z0-9][a-z0-9-]*",
    "role": "|".join(ROLES),
    "repository": r"\w[\w.-]*/\w[\w.-]*",
    "path": r"\w[\w.+-]*(/\w[\w.+-]*)*",
    "folder": r"[a-z_]+",
    "url": r"https?://[!-~]+",
    "sha256": r"[0-9a-f]{64}",
}
NAME_PATTERN = r"\w[\w.+-]*"


@dataclass(frozen=True)
class ModelFile:
    """One downloadable file.

    Attributes:
        id: How commands and code refer to it.
        role: What it is for, one of `ROLES`.
        repository: On the hub, owner/name.
        path: In the repository.
        names: File names; it is saved under the first and found under any of them.
        folder: The key of the ComfyUI models folder that it belongs in.
        code_licence: Of the code that goes with it.
        weights_licence: `NOT_STATED` if no public text states one.
        purpose: One line for users.
        size: Bytes; None if unknown.
        sha256: Hexadecimal digest; None if unknown.
        url: The address of a file that is not on the hub, else None.

    """

    id: str
    role: str
    repository: str
    path: str
    names: tuple[str, ...]
    folder: str
    code_licence: str
    weights_licence: str
    purpose: str
    size: int | None = None
    sha256: str | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            unknown = value is None and field.default is None
            if not unknown and not _is_valid(field.name, value):
                raise _fault(f"{field.name} of {self.id!r} cannot be {value!r}")

    @property
    def name(self) -> str:
        """The file name under which it is saved."""
        return self.names[0]


@dataclass(frozen=True)
class Catalogue:
    """All files in the order of `models.yaml`, and named sets of their ids.

    Attributes:
        hub: The base URL of the model hub.
        files: The downloadable files.
        sets: Name -> ids of its files.

    """

    hub: str
    files: tuple[ModelFile, ...]
    sets: Mapping[str, tuple[str, ...]]

    def find(self, file_id: str) -> ModelFile:
        """Return the file with an id; raises InvalidInput, which lists the known ids."""
        known = {file.id: file for file in self.files}
        if file_id not in known:
            raise InvalidInput(
                f"{file_id!r} is not a known model: choose from {', '.join([*self.sets, *known])}."
            )
        return known[file_id]

    def select(self, names: Iterable[str]) -> list[ModelFile]:
        """Return the files with these ids and of these sets, without duplicates; raises InvalidInput."""
        ids = [file_id for name in names for file_id in self.sets.get(name, (name,))]
        return [self.find(file_id) for file_id in dict.fromkeys(ids)]


@cache
def load_catalogue(path: Path = CATALOGUE) -> Catalogue:
    """Read `models.yaml`, once per process: ComfyUI lists the loaders' choices several times a prompt.

    Args:
        path: The file.

    Returns:
        The catalogue.

    Raises:
        InvalidInput: The file cannot be read, or an entry is invalid; the message names entry and field.

    """
    with document_errors("models.yaml: the file cannot be read", REMEDY):
        content = read_yaml(path)
    top = _check_keys("the file", content, {"hub", "sets", "files"})
    files = tuple(_model_file(entry) for entry in _list("files", top["files"]))
    sets = {name: _list(f"the set {name}", ids) for name, ids in _mapping("sets", top["sets"]).items()}
    if not _has_form(r"https?://\S+", top["hub"]):
        raise _fault(f"hub cannot be {top['hub']!r}")
    _check_names([file.id for file in files], sets)
    return Catalogue(top["hub"], files, MappingProxyType(sets))


def resolve(model_file: ModelFile, folders: Iterable[Path]) -> Path | None:
    """Return where a file is, under any of its names, in the first of some folders; None if missing."""
    candidates = (folder / name for folder in folders for name in model_file.names)
    return next((path for path in candidates if path.is_file()), None)


def default_models_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the models directory for use without ComfyUI: $ANIMATEX_MODELS, else `~/.cache/animatex`.

    It has the layout of ComfyUI's `models` directory, so it may be that directory.

    Args:
        environ: The environment variables.

    Returns:
        The directory, which need not exist.

    Raises:
        InvalidInput: `~` refers to an unknown home directory.

    """
    chosen = environ.get("ANIMATEX_MODELS") or "~/.cache/animatex"
    try:
        return Path(chosen).expanduser()
    except RuntimeError as error:
        raise InvalidInput(
            f"{chosen} has no known home directory: set ANIMATEX_MODELS to a directory."
        ) from error


def search_folders(model_file: ModelFile, models_folder: Path) -> list[Path]:
    """Return where to look for a file in a models directory: its own folder, then the directory itself."""
    return [models_folder / model_file.folder, models_folder]


def _model_file(entry: object) -> ModelFile:
    known = {field.name: field for field in fields(ModelFile)}
    optional = {name for name, field in known.items() if field.default is None}
    where = f"entry {entry.get('id')!r}" if isinstance(entry, dict) else "an entry of files"
    values = _check_keys(where, entry, set(known), optional)
    return ModelFile(**{**values, "names": _list(f"names of {where}", values["names"])})


def _check_keys(
    where: str, content: object, keys: set[str], optional: frozenset[str] | set[str] = frozenset()
) -> dict[str, Any]:
    content = _mapping(where, content)
    if missing := keys - optional - content.keys():
        raise _fault(f"{where} lacks {', '.join(sorted(missing))}")
    if unknown := content.keys() - keys:
        raise _fault(f"{where} has the unknown field {', '.join(sorted(map(str, unknown)))}")
    return content


def _mapping(where: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _fault(f"{where} has {value!r} instead of named fields")
    return value


def _list(where: str, value: object) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _fault(f"{where} has {value!r} instead of a list")
    return tuple(value)


def _check_names(ids: Sequence[str], sets: Mapping[str, Sequence[str]]) -> None:
    names = [*ids, *sets]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise _fault(f"{', '.join(sorted(repeated))} is defined twice")
    if unknown := {str(member) for members in sets.values() for member in members} - set(ids):
        raise _fault(f"the sets contain {', '.join(sorted(unknown))}, which is not the id of a file")


def _is_valid(field: str, value: object) -> bool:
    if field == "size":
        return type(value) is int and value > 0
    if field == "names":
        return (
            value != () and isinstance(value, tuple) and all(_has_form(NAME_PATTERN, name) for name in value)
        )
    return _has_form(FIELD_PATTERNS.get(field, r"\S.*"), value)


def _has_form(form: str, value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(form, value) is not None


def _fault(what: str) -> InvalidInput:
    return InvalidInput(f"models.yaml: {what}: {REMEDY}.")
