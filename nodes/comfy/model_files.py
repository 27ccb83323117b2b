"""Model files in ComfyUI's folders, including those that a user's own configuration adds."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import folder_paths

from ...animatex_core.animate_x.checkpoint import FORMAT
from ...animatex_core.animate_x_plus.checkpoint import FORMAT as PLUS_FORMAT
from ...animatex_core.checkpoints.safe_load import read_metadata
from ...animatex_core.errors import CheckpointError, InvalidInput, warn
from ...animatex_core.hub.catalogue import ModelFile, load_catalogue
from ...animatex_core.hub.models_dir import (
    AUTOENCODERS,
    BUNDLES,
    DENOISER,
    OPEN_CLIP,
    PLUS_CONVERTED,
    PLUS_MODULES,
)
from .messages import quoted
from .schema import AUTOMATIC, BUILT_IN

FOLDER_KEY = "animate_x"
WEIGHT_SUFFIXES = {".safetensors", ".pth", ".pt", ".ckpt", ".bin"}
SUFFIXES = {*WEIGHT_SUFFIXES, ".onnx"}
DENOISERS, AUTOENCODER_FOLDERS = (FOLDER_KEY, "diffusion_models"), ("vae", "checkpoints")
DETECTION = "detection"
CONTROLNET_AUX = Path("yzd-v", "DWPose")  # in the checkpoint folder of that pack
NAMED_PLUS = re.compile(r"animate[-_ ]?x[-_ ]?(\+\+|plus)", re.IGNORECASE)
NAMED_ANIMATE_X = re.compile(r"animate[-_ ]?x", re.IGNORECASE)
VARIANTS = ("simple", "full")  # the authors recommend the first
# The vision tower of the same model, under the name that other packs ask users to save it as.
OPEN_CLIP_ALIASES = ("CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors",)

Choices = dict[str, Path]
"""What a loader offers: file names, followed by the folder unless it is the first one searched."""


def register_folder() -> None:
    """Make `models/animate_x` known to ComfyUI, next to the folders that a user configured for it."""
    folder_paths.add_model_folder_path(
        FOLDER_KEY, str(Path(folder_paths.models_dir) / FOLDER_KEY), is_default=True
    )
    folders, suffixes = folder_paths.folder_names_and_paths[FOLDER_KEY]
    folder_paths.folder_names_and_paths[FOLDER_KEY] = (folders, {*suffixes, *SUFFIXES})


def denoiser_choices() -> Choices:
    """Return the files that may be an Animate-X denoiser."""
    others = _names_except(DENOISER)

    def plausible(name: str) -> bool:
        return _is_weights(name) and Path(name).name not in others and not _matches(NAMED_PLUS, name)

    return _own_and_named(plausible, NAMED_ANIMATE_X)


def plus_choices() -> Choices:
    """Return the files that may be the modules of Animate-X++."""
    others = {*_names_except(*PLUS_MODULES.values()), *BUNDLES}
    return _own_and_named(lambda name: _is_weights(name) and Path(name).name not in others, NAMED_PLUS)


def image_encoder_choices() -> Choices:
    """Return the CLIP vision files."""
    return _choices("clip_vision", lambda name: True)


def autoencoder_choices() -> Choices:
    """Return the VAE files, and the checkpoints that are known to contain the right VAE."""
    own, shared = AUTOENCODER_FOLDERS
    stems = {Path(name).stem for name in _names(*AUTOENCODERS)}
    return _choices(own, lambda name: True) | _choices(
        shared, lambda name: Path(name).stem in stems, marked=True
    )


def find_denoiser() -> Path | None:
    """Return a converted denoiser if there is one, otherwise the original checkpoint or None."""
    choices = denoiser_choices().values()
    known = _first(choices, (*BUNDLES, *_names(DENOISER)))
    return known or next((path for path in choices if _has_format(path, FORMAT)), None)


def require_plus() -> Path:
    """Return a file of Animate-X++, converted or original, preferring the simple variant.

    Raises:
        InvalidInput: If there is none; the message says how to get one.

    """
    choices = plus_choices().values()
    names = [name for each in VARIANTS for name in (PLUS_CONVERTED[each], *_names(PLUS_MODULES[each]))]
    converted = (path for path in choices if _has_format(path, PLUS_FORMAT))
    return _first(choices, names) or next(converted, None) or _raise_missing(PLUS_MODULES[VARIANTS[0]])


def require_image_encoder() -> Path | None:
    """Return the file of OpenCLIP ViT-H-14; None if there is no denoiser that needs it.

    Raises:
        InvalidInput: If a denoiser needs the file and it is missing; the message says how to get it.

    """
    return _required(image_encoder_choices(), (OPEN_CLIP,), OPEN_CLIP_ALIASES)


def require_autoencoder() -> Path | None:
    """Return a file of the VAE of Stable Diffusion 2.1, under the rules of `require_image_encoder`."""
    return _required(autoencoder_choices(), AUTOENCODERS)


def onnx_choices() -> list[str]:
    """List the choices of Load DWPose."""
    return [AUTOMATIC, BUILT_IN, *onnx_files()]


def onnx_files() -> dict[str, Path]:
    """Return every ONNX pose model by name; if two share a name, the first one found.

    ComfyUI does not list ONNX files in some of its folders. The folder of controlnet_aux is searched as well.
    """
    found: dict[str, Path] = {}
    for folder in _onnx_folders():
        # An unreadable folder must not hide the others, nor stop ComfyUI from listing its nodes.
        with suppress(OSError):
            for path in sorted(folder.rglob("*.onnx")):
                found.setdefault(path.relative_to(folder).as_posix(), path)
    return found


def resolve_onnx(choice: str, file_id: str) -> Path | None:
    """Return the ONNX file of a choice, with a warning if the built-in model replaces a missing file.

    Args:
        choice: One of `onnx_choices`.
        file_id: The catalogue's id of the file that `AUTOMATIC` means.

    Returns:
        The file; None for the built-in model.

    Raises:
        InvalidInput: For any other choice.

    """
    if choice == BUILT_IN:
        return None
    files = onnx_files()
    if choice != AUTOMATIC:
        if choice not in files:
            raise InvalidInput(f"{quoted(choice)} is not among the pose models: choose another file.")
        return files[choice]
    known = load_catalogue().find(file_id)
    path = next((path for path in files.values() if path.name in known.names), None)
    if path is None:
        warn(_missing_onnx(known))
    return path


def _missing_onnx(known: ModelFile) -> str:
    return (
        f"{known.name} was not found in ComfyUI's folders, so a small built-in model is used, which "
        f"detects drawn dancers but not real people: download {known.path} of {known.repository} from "
        f"{load_catalogue().hub} into models/{known.folder}."
    )


def _onnx_folders() -> list[Path]:
    is_known = DETECTION in folder_paths.folder_names_and_paths
    detection = folder_paths.get_folder_paths(DETECTION) if is_known else []
    packs = [Path(folder) for folder in folder_paths.get_folder_paths("custom_nodes")]
    auxiliary = [pack / "ckpts" for folder in packs for pack in sorted(folder.glob("*controlnet_aux*"))]
    configured = os.environ.get("AUX_ANNOTATOR_CKPTS_PATH")
    return [
        *map(Path, folder_paths.get_folder_paths(FOLDER_KEY)),
        *map(Path, detection),
        Path(folder_paths.models_dir) / DETECTION,
        *(folder / CONTROLNET_AUX for folder in ([Path(configured)] if configured else []) + auxiliary),
    ]


def _required(choices: Choices, file_ids: Sequence[str], aliases: Sequence[str] = ()) -> Path | None:
    # All models belong together: the built-in denoiser does not work with the official encoders.
    if find_denoiser() is None:
        return None
    return _first(choices.values(), (*_names(*file_ids), *aliases)) or _raise_missing(file_ids[0])


def _raise_missing(file_id: str) -> NoReturn:
    file = load_catalogue().find(file_id)
    raise InvalidInput(
        f"{file.name} is not in ComfyUI's folder models/{file.folder}: get it with `python -m animatex_core "
        f"models download {file.id} --folder {folder_paths.models_dir}`, or choose a file."
    )


def _own_and_named(plausible: Callable[[str], bool], pattern: re.Pattern[str]) -> Choices:
    own, shared = DENOISERS
    named = _choices(shared, lambda name: plausible(name) and _matches(pattern, name), marked=True)
    return _choices(own, plausible) | named


def _matches(pattern: re.Pattern[str], name: str) -> bool:
    return pattern.search(Path(name).name) is not None


def _is_weights(name: str) -> bool:
    return Path(name).suffix.lower() in WEIGHT_SUFFIXES


def _choices(key: str, plausible: Callable[[str], bool], *, marked: bool = False) -> Choices:
    names = filter(plausible, folder_paths.get_filename_list(key))
    paths = {name: folder_paths.get_full_path(key, name) for name in names}
    return {f"{name} ({key})" if marked else name: Path(path) for name, path in paths.items() if path}


def _has_format(path: Path, name: str) -> bool:
    try:
        return read_metadata(path).get("format") == name
    except CheckpointError:
        return False


def _names_except(*file_ids: str) -> set[str]:
    return {name for file in load_catalogue().files if file.id not in file_ids for name in file.names}


def _names(*file_ids: str) -> tuple[str, ...]:
    catalogue = load_catalogue()
    return tuple(name for file_id in file_ids for name in catalogue.find(file_id).names)


def _first(paths: Iterable[Path], names: Iterable[str]) -> Path | None:
    by_name = {path.name: path for path in reversed(list(paths))}
    return next((by_name[name] for name in names if name in by_name), None)
