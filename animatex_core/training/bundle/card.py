"""The model card of the small bundle."""

from collections.abc import Mapping

from torch import Tensor

from ...markdown import markdown_table
from ...model.trained_on import TrainedOn

ABOUT = """# The small networks of Animate-X

Every network of an animation in a few megabytes, so that all works without a download. They were trained from
random weights on pictures that the code beside them draws (`animatex_core/training/procedural`): cartoon
characters, and dancers whose bodies are others. They know drawn characters on plain backgrounds and nothing
else; photographs and real people need the released weights. Licence: that of the code, Apache-2.0.
"""


def model_card(networks: Mapping[str, Mapping[str, Tensor]], trained_on: TrainedOn, told: str) -> str:
    """Return the card in Markdown.

    networks: weights by the names of files. told: Markdown of how they were trained and what was measured.
    """
    clips = f"{trained_on.width}x{trained_on.height} pixels, {trained_on.frames} frames at once"
    counts = [(name, f"{_parameters(tensors):,}") for name, tensors in networks.items()]
    form = f"Clips: {clips}; the reference is shown as {trained_on.reference_form}.\n"
    return "\n".join([ABOUT, form, markdown_table(("file", "parameters"), counts), "", told.strip(), ""])


def _parameters(tensors: Mapping[str, Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors.values())
