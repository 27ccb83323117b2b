"""Do conditions fit the network that is to encode them?"""

from ..errors import InvalidInput
from .conditions import ConditionInputs
from .config import DenoiserConfig


def check_fit(inputs: ConditionInputs, config: DenoiserConfig) -> None:
    """Raise InvalidInput for a condition of another width, or a size that the network cannot halve."""
    widths: dict[str, tuple[int, tuple[int, ...]]] = {
        "text_context": (1, (config.text_tokens, config.context_dim)),
        "image_embedding": (2, (config.context_dim,)),
        "reference_latents": (1, (config.latent_channels,)),
        "puppet_latents": (1, (config.latent_channels if config.puppet else 0,)),
    }
    if config.ipi is not None:
        widths |= {"keypoints": (3, (config.ipi.joints,)), "clip_features": (2, (config.ipi.clip_dim,))}
    for name, (axis, expected) in widths.items():
        tensor = getattr(inputs, name)
        found = None if tensor is None else tuple(tensor.shape[axis : axis + len(expected)])
        if found is not None and found != expected:
            raise InvalidInput(
                f"{name} has {found} at axis {axis}, but this denoiser needs {expected}: make it with the "
                "encoder that belongs to it."
            )
    _check_size(inputs, config)


def _check_size(inputs: ConditionInputs, config: DenoiserConfig) -> None:
    multiple = 2**config.halvings
    if any(length % multiple for length in inputs.shape.latent_size):
        pixels = inputs.shape.factor * multiple
        raise InvalidInput(
            f"The clip is {inputs.shape.width}x{inputs.shape.height} pixels, but this denoiser needs "
            f"multiples of {pixels}: choose such a width and height."
        )
