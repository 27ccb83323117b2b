"""ComfyUI's modules and the pack in this process, without a server, for the probes."""

import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from tests.comfyui.hosts import DYNAMIC_VRAM_VARIABLE, ROOT
from tests.comfyui.probes.dynamic_vram import enable_dynamic_vram

PACK = "animatex_pack"


def start(comfyui: str, *options: str) -> None:
    """Make `comfy` and the pack importable, as ComfyUI does on a CPU; logs nothing.

    With DynamicVRAM, where `DYNAMIC_VRAM_VARIABLE` asks for it.
    """
    sys.argv = ["comfyui", "--cpu", *options]
    sys.path.insert(0, comfyui)
    importlib.import_module("comfy.options").enable_args_parsing()
    importlib.import_module("utils.extra_config")  # first, as in main.py: nodes.py hides this package
    if os.environ.get(DYNAMIC_VRAM_VARIABLE):
        enable_dynamic_vram()
    logging.disable(logging.CRITICAL)
    spec = importlib.util.spec_from_file_location(
        PACK, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules[PACK] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


@contextmanager
def known_weights() -> Iterator[None]:
    """Have ComfyUI build networks whose layers know the shapes of their weights before these are loaded."""
    if importlib.util.find_spec("comfy.memory_management") is None:
        yield
        return
    memory: Any = importlib.import_module("comfy.memory_management")
    enabled, memory.aimdo_enabled = memory.aimdo_enabled, False
    try:
        yield
    finally:
        memory.aimdo_enabled = enabled


def movable(patcher: Any) -> set[str]:
    """Return the names of the modules whose weights ComfyUI moves of its own."""
    return {name for *_, name, _, _ in patcher._load_list()}


def pack(name: str) -> ModuleType:
    """Import a module of the pack, such as "nodes.comfy.denoiser", after those of ComfyUI as in a server."""
    importlib.import_module("comfy_api.latest")
    return importlib.import_module(f"{PACK}.{name}")


def complaint(function: Callable[[], object]) -> str:
    """Return what the pack says of bad input to a function, nothing where it takes it."""
    try:
        function()
    except pack("animatex_core.errors").AnimateXError as error:
        return str(error)
    return ""
