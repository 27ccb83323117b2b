"""Animate-X for ComfyUI: animate any character with the motion of a video."""

from typing import Any

WEB_DIRECTORY = "./web"


async def comfy_entrypoint() -> Any:
    """Return the extension; ComfyUI calls this once, when it loads the pack."""
    from .nodes.extension import AnimateXExtension

    return AnimateXExtension()
