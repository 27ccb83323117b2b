"""ComfyUI's folders, asked for by the core's names of files."""

from pathlib import Path

import folder_paths

KEY = "animate_x"
WEIGHTS = {".safetensors", ".pth", ".pt", ".ckpt", ".bin"}
SUFFIXES = {*WEIGHTS, ".onnx"}


def register() -> None:
    """Make `models/animate_x` known to ComfyUI, beside what a user's own configuration names for it."""
    folder_paths.add_model_folder_path(KEY, str(Path(folder_paths.models_dir) / KEY), is_default=True)
    _, suffixes = folder_paths.folder_names_and_paths[KEY]
    folder_paths.folder_names_and_paths[KEY] = (folder_paths.get_folder_paths(KEY), {*suffixes, *SUFFIXES})
