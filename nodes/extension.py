"""What the pack brings to ComfyUI."""

from comfy_api.latest import ComfyExtension, io

from .host import folders
from .video import DrivingFrames, EncodeVideo

NODES: list[type[io.ComfyNode]] = [
    DrivingFrames,
    EncodeVideo,
]


class AnimateXExtension(ComfyExtension):
    """The nodes of Animate-X."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Return the nodes, and make the pack's models folder known: old versions never call `on_load`."""
        folders.register()
        return NODES
