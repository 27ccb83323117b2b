"""Do a conditioning and a model belong together? Said in the words of the nodes that a user has wired."""

from dataclasses import replace

from torch import Tensor

from ...animatex_core.animate_x.conditions import ConditionInputs
from ...animatex_core.animate_x.config import DenoiserConfig
from ...animatex_core.errors import InvalidInput

REMEDY = (
    "wire a CLIP Text Encode with an empty text and the CLIP of Stable Diffusion 2.1 into empty_text of the "
    "node Animate-X Conditioning"
)


def fitted(inputs: ConditionInputs, own_text: Tensor | None, config: DenoiserConfig) -> ConditionInputs:
    """Return inputs for a denoiser, with the text context of its own file where a user gave none.

    own_text: (1, tokens, context_dim), or None where the file holds none. Raises InvalidInput for what was
    encoded for another model.
    """
    _check_image_encoder(inputs, config)
    if inputs.text_context.numel():
        _check_text(inputs.text_context, config)
        return inputs
    if own_text is None:
        raise InvalidInput(
            "The released checkpoint does not hold the context of the empty text: convert it with "
            f"`python -m animatex_core convert`, or {REMEDY}."
        )
    return replace(inputs, text_context=own_text)


def _check_image_encoder(inputs: ConditionInputs, config: DenoiserConfig) -> None:
    embedding = inputs.image_embedding
    if embedding is not None and embedding.shape[2] != config.context_dim:
        raise InvalidInput(
            f"The CLIP_VISION gives features of width {embedding.shape[2]}, but the model needs "
            f"{config.context_dim}: choose the one that belongs to the model in Load Animate-X Encoders."
        )


def _check_text(context: Tensor, config: DenoiserConfig) -> None:
    expected, found = (config.text_tokens, config.context_dim), tuple(context.shape[1:])
    if found != expected:
        raise InvalidInput(
            f"empty_text is {found[0]} tokens of width {found[1]}, but the model needs {expected[0]} of "
            f"width {expected[1]}: {REMEDY}."
        )
