"""ComfyUI's BOUNDING_BOX, which 0.3.64 does not know yet."""

from typing import Any

from comfy_api.latest import io

KIND = "BOUNDING_BOX"


def person_box_input() -> Any:
    """Return the socket for the box of the person who is meant."""
    tooltip = (
        "Box of the person to use, for example from RT-DETR Detect or SAM3 Detect. The person is selected in "
        "the first frame that shows somebody there, then tracked. Overrides person."
    )
    if hasattr(io, "BoundingBox"):
        return io.BoundingBox.Input("person_box", optional=True, force_input=True, tooltip=tooltip)
    return io.Custom(KIND).Input("person_box", optional=True, tooltip=tooltip)
