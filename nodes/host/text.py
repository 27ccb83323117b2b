"""The text encoder's answer to "", which the denoiser was trained with: from its file or from a user."""

from dataclasses import replace

from torch import Tensor

from ...animatex_core.errors import InvalidInput
from ...animatex_core.model.conditions import ConditionInputs
from ...animatex_core.model.config import DenoiserConfig

REMEDY = (
    "wire a CLIP Text Encode with an empty text and the CLIP of Stable Diffusion 2.1 into empty_text of the "
    "node Animate-X Conditioning"
)


def with_text_context(inputs: ConditionInputs, own: Tensor | None, config: DenoiserConfig) -> ConditionInputs:
    """Return inputs with a text context that fits: the user's, or else the model's own, which may be None."""
    if not inputs.text_context.numel():
        if own is None:
            raise InvalidInput(
                "The released checkpoint does not hold the context of the empty text: convert it with "
                f"`python -m animatex_core convert`, or {REMEDY}."
            )
        return replace(inputs, text_context=own)
    expected, found = (config.text_tokens, config.context_dim), tuple(inputs.text_context.shape[1:])
    if found != expected:
        raise InvalidInput(
            f"empty_text is {found[0]} tokens of width {found[1]}, but the model needs {expected[0]} of "
            f"width {expected[1]}: {REMEDY}."
        )
    return inputs
