"""ComfyUI's own modules and the pack in this process, without a server, for programs that tests start."""

import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable
from types import ModuleType

from tests.host.as_with_card import switch_on
from tests.host.hosts import AS_WITH_CARD, ROOT

PACK = "animatex_pack"
DYNAMIC_VRAM = "ANIMATEX_TEST_DYNAMIC_VRAM"
"""Environment variable that makes `start` set ComfyUI up as it is on a card."""


def start(comfyui: str, *options: str) -> None:
    """Make `comfy` and the pack importable, as ComfyUI does on a CPU; logs nothing.

    With ANIMATEX_TEST_DYNAMIC_VRAM=1 layers and loaders are those of a card, where ComfyUI has such.
    """
    sys.argv = ["comfyui", "--cpu", *options]
    sys.path.insert(0, comfyui)
    importlib.import_module("comfy.options").enable_args_parsing()
    importlib.import_module("utils.extra_config")  # first, as in main.py: nodes.py hides this package
    if os.environ.get(AS_WITH_CARD):
        switch_on()
    logging.disable(logging.CRITICAL)
    if os.environ.get(DYNAMIC_VRAM) == "1":
        enable_dynamic_vram()
    spec = importlib.util.spec_from_file_location(
        PACK, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules[PACK] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def enable_dynamic_vram() -> bool:
    """Switch DynamicVRAM on, as main.py does on a card; return whether this ComfyUI has it.

    Without a card comfy_aimdo moves nothing: patchers for the CPU are still those without DynamicVRAM.
    """
    if importlib.util.find_spec("comfy.memory_management") is None:
        return False
    importlib.import_module("comfy_aimdo.control").init()  # first, as in main.py
    patchers = importlib.import_module("comfy.model_patcher")
    patchers.CoreModelPatcher = patchers.ModelPatcherDynamic
    importlib.import_module("comfy.memory_management").aimdo_enabled = True
    return True


def pack(name: str) -> ModuleType:
    """Import a module of the pack, such as "nodes.host.model"."""
    return importlib.import_module(f"{PACK}.{name}")


def complaint(function: Callable[[], object]) -> str:
    """Return what the pack says of bad input to a function, nothing where it takes it."""
    try:
        function()
    except pack("animatex_core.errors").AnimateXError as error:
        return str(error)
    return ""
