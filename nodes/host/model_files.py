"""Model files in ComfyUI's folders, those that a user's own configuration names included."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

import folder_paths

from ...animatex_core.animate_x.checkpoint import FORMAT
from ...animatex_core.animate_x_plus import checkpoint as plus_checkpoint
from ...animatex_core.checkpoints.safe_load import read_metadata
from ...animatex_core.errors import CheckpointError, InvalidInput
from ...animatex_core.hub.catalogue import load_catalogue
from ...animatex_core.hub.models_dir import (
    AUTOENCODERS,
    BUNDLES,
    DENOISER,
    OPEN_CLIP,
    PLUS_CONVERTED,
    PLUS_MODULES,
)
from . import folders

DENOISERS, AUTOENCODER_FOLDERS = (folders.KEY, "diffusion_models"), ("vae", "checkpoints")
NAMED_PLUS = re.compile(r"animate[-_ ]?x[-_ ]?(\+\+|plus)", re.IGNORECASE)
NAMED_ANIMATE_X = re.compile(r"animate[-_ ]?x", re.IGNORECASE)
RECOMMENDED = ("simple", "full")  # by the authors
# The vision tower of the same model, as other packs have their users save it.
OPEN_CLIP_ELSEWHERE = ("CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors",)

Choices = dict[str, Path]
"""What a loader offers: a file's name, followed by its folder unless that is the first to look in."""


def denoiser_choices() -> Choices:
    """Return the files that may be an Animate-X denoiser."""
    others = _names_but(DENOISER)

    def plausible(name: str) -> bool:
        return _is_weights(name) and Path(name).name not in others and not _is_named(NAMED_PLUS, name)

    return _own_and_named(plausible, NAMED_ANIMATE_X)


def plus_choices() -> Choices:
    """Return the files that may be of Animate-X++."""
    others = {*_names_but(*PLUS_MODULES.values()), *BUNDLES}

    def plausible(name: str) -> bool:
        return _is_weights(name) and Path(name).name not in others

    return _own_and_named(plausible, NAMED_PLUS)


def image_encoder_choices() -> Choices:
    """Return the files of CLIP vision."""
    return _choices("clip_vision", lambda name: True)


def autoencoder_choices() -> Choices:
    """Return the autoencoders, and the checkpoints that are known to hold the right one."""
    own, shared = AUTOENCODER_FOLDERS
    stems = {Path(name).stem for name in _names(*AUTOENCODERS)}
    return _choices(own, lambda name: True) | _choices(
        shared, lambda name: Path(name).stem in stems, marked=True
    )


def find_denoiser() -> Path | None:
    """Return a converted bundle, or else the released checkpoint."""
    choices = denoiser_choices().values()
    known = _first(choices, (*BUNDLES, *_names(DENOISER)))
    return known or next(filter(_is_bundle, choices), None)


def require_plus() -> Path:
    """Return a file of Animate-X++, converted or as released, of the simple variant first.

    Raises InvalidInput that says how to get one.
    """
    choices = plus_choices().values()
    names = [name for each in RECOMMENDED for name in (PLUS_CONVERTED[each], *_names(PLUS_MODULES[each]))]
    path = _first(choices, names) or next(filter(_is_plus_bundle, choices), None)
    return path or _ask_for(PLUS_MODULES[RECOMMENDED[0]])


def require_image_encoder() -> Path | None:
    """Return the file of OpenCLIP ViT-H-14; None where there is no denoiser either.

    Raises InvalidInput that says how to get it where a denoiser waits for it.
    """
    return _required(image_encoder_choices(), (OPEN_CLIP,), OPEN_CLIP_ELSEWHERE)


def require_autoencoder() -> Path | None:
    """Return a file of the autoencoder of Stable Diffusion 2.1; otherwise as `require_image_encoder`."""
    return _required(autoencoder_choices(), AUTOENCODERS)


def _required(choices: Choices, file_ids: Sequence[str], elsewhere: Sequence[str] = ()) -> Path | None:
    # A set of networks belongs together: the built-in denoiser does not understand real encoders.
    if find_denoiser() is None:
        return None
    return _first(choices.values(), (*_names(*file_ids), *elsewhere)) or _ask_for(file_ids[0])


def _ask_for(file_id: str) -> NoReturn:
    file = load_catalogue().find(file_id)
    raise InvalidInput(
        f"{file.name} is not in ComfyUI's folder models/{file.folder}: get it with `python -m animatex_core "
        f"models download {file.id} --folder {folder_paths.models_dir}`, or choose a file."
    )


def _own_and_named(plausible: Callable[[str], bool], form: re.Pattern[str]) -> Choices:
    own, shared = DENOISERS
    named = _choices(shared, lambda name: plausible(name) and _is_named(form, name), marked=True)
    return _choices(own, plausible) | named


def _is_named(form: re.Pattern[str], name: str) -> bool:
    return form.search(Path(name).name) is not None


def _is_weights(name: str) -> bool:
    return Path(name).suffix.lower() in folders.WEIGHTS


def _choices(key: str, plausible: Callable[[str], bool], *, marked: bool = False) -> Choices:
    names = filter(plausible, folder_paths.get_filename_list(key))
    paths = {name: folder_paths.get_full_path(key, name) for name in names}
    return {f"{name} ({key})" if marked else name: Path(path) for name, path in paths.items() if path}


def _is_bundle(path: Path, form: str = FORMAT) -> bool:
    try:
        return read_metadata(path).get("format") == form
    except CheckpointError:
        return False


def _is_plus_bundle(path: Path) -> bool:
    return _is_bundle(path, plus_checkpoint.FORMAT)


def _names_but(*file_ids: str) -> set[str]:
    return {name for file in load_catalogue().files if file.id not in file_ids for name in file.names}


def _names(*file_ids: str) -> tuple[str, ...]:
    catalogue = load_catalogue()
    return tuple(name for file_id in file_ids for name in catalogue.find(file_id).names)


def _first(paths: Iterable[Path], names: Iterable[str]) -> Path | None:
    by_name = {path.name: path for path in reversed(list(paths))}
    return next((by_name[name] for name in names if name in by_name), None)
