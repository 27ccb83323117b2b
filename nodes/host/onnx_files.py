"""ONNX files, which ComfyUI hides in some of its folders, and those that another pack has fetched already."""

import os
import warnings
from contextlib import suppress
from pathlib import Path

import folder_paths

from ...animatex_core.errors import AnimateXWarning, InvalidInput
from ...animatex_core.hub.catalogue import ModelFile, load_catalogue
from .choices import AUTOMATIC, BUILT_IN
from .folders import KEY
from .printable import quoted

DETECTION = "detection"
OF_CONTROLNET_AUX = Path("yzd-v", "DWPose")  # in its folder of checkpoints


def onnx_choices() -> list[str]:
    """List what a loader offers."""
    return [AUTOMATIC, BUILT_IN, *onnx_files()]


def onnx_files() -> dict[str, Path]:
    """Return every ONNX file under its name; of two with one name the first."""
    found: dict[str, Path] = {}
    for folder in _folders():
        # One folder that cannot be read must not take the others away, nor keep ComfyUI from listing nodes.
        with suppress(OSError):
            for path in sorted(folder.rglob("*.onnx")):
                found.setdefault(path.relative_to(folder).as_posix(), path)
    return found


def chosen_file(choice: str, file_id: str) -> Path | None:
    """Return the file of a choice, None for the built-in net; file_id: of the file that automatic means.

    Warns where that is not here and the built-in net takes its place; raises InvalidInput for a file that
    is none of `onnx_files`.
    """
    if choice == BUILT_IN:
        return None
    files = onnx_files()
    if choice != AUTOMATIC:
        if choice not in files:
            raise InvalidInput(f"{quoted(choice)} is not among the models of poses: choose another file.")
        return files[choice]
    known = load_catalogue().find(file_id)
    path = next((path for path in files.values() if path.name in known.names), None)
    if path is None:
        warnings.warn(AnimateXWarning(_missing(known)), stacklevel=2)
    return path


def _folders() -> list[Path]:
    places = [*folder_paths.get_folder_paths(KEY), *_detection(), *_controlnet_aux()]
    return [Path(place) for place in places]


def _detection() -> list[str]:
    known = DETECTION in folder_paths.folder_names_and_paths
    own = folder_paths.get_folder_paths(DETECTION) if known else []
    return [*own, str(Path(folder_paths.models_dir) / DETECTION)]


def _controlnet_aux() -> list[Path]:
    packs = [Path(folder) for folder in folder_paths.get_folder_paths("custom_nodes")]
    own = [pack / "ckpts" for folder in packs for pack in sorted(folder.glob("*controlnet_aux*"))]
    told = os.environ.get("AUX_ANNOTATOR_CKPTS_PATH")
    return [folder / OF_CONTROLNET_AUX for folder in ([Path(told)] if told else []) + own]


def _missing(known: ModelFile) -> str:
    return (
        f"{known.name} is in none of ComfyUI's folders, so a small net takes its place that knows drawn "
        f"dancers, not real people: get {known.path} of {known.repository} at {load_catalogue().hub} and put "
        f"it into models/{known.folder}."
    )
