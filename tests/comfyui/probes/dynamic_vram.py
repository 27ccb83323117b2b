"""ComfyUI as on an NVIDIA GPU, where DynamicVRAM is on by default: the two switches of its main.py.

As a script, `python dynamic_vram.py main.py OPTIONS` in ComfyUI's folder starts its server so.
"""

import importlib
import runpy
import sys
from pathlib import Path


def enable_dynamic_vram() -> None:
    """Switch DynamicVRAM on; call it before the pack is imported, when ComfyUI has parsed its options.

    comfy_aimdo comes first, as in main.py: ComfyUI maps files of weights with it, without a card too.
    """
    importlib.import_module("comfy_aimdo.control").init()
    importlib.import_module("comfy.memory_management").aimdo_enabled = True  # type: ignore[attr-defined]
    patching = importlib.import_module("comfy.model_patcher")
    patching.CoreModelPatcher = patching.ModelPatcherDynamic  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    sys.path[0] = str(Path.cwd())
    importlib.import_module("comfy.options").enable_args_parsing()
    enable_dynamic_vram()
    runpy.run_path(sys.argv[0], run_name="__main__")
