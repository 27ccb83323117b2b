"""Checks of the conditions of the denoiser: their shapes and widths."""

from torch import Tensor, uint8

from ..errors import InvalidInput
from .config import DenoiserConfig


def condition_widths(config: DenoiserConfig) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Return, for each condition, the axis from which on a network needs these lengths."""
    widths: dict[str, tuple[int, tuple[int, ...]]] = {
        "text_context": (1, (config.text_tokens, config.context_dim)),
        "image_embedding": (2, (config.context_dim,)),
        "reference_latents": (1, (config.latent_channels,)),
        "puppet_latents": (1, (config.latent_channels if config.puppet else 0,)),
    }
    if config.ipi is not None:
        widths |= {"keypoints": (3, (config.ipi.joints,)), "clip_features": (2, (config.ipi.clip_dim,))}
    return widths


def check_form(name: str, tensor: Tensor, form: tuple[int | tuple[int, int] | None, ...]) -> None:
    """Raise InvalidInput unless each axis has a length that the form allows; None allows any."""
    allowed = [(axis,) if isinstance(axis, int) else axis for axis in form]
    fits = tensor.ndim == len(form) and all(
        length in lengths for length, lengths in zip(tensor.shape, allowed, strict=True) if lengths
    )
    bytes_allowed = name == "pose_pictures" and tensor.dtype == uint8
    if not fits or not (tensor.is_floating_point() or bytes_allowed):
        axes = ["any" if axis is None else " or ".join(map(str, axis)) for axis in allowed]
        raise InvalidInput(
            f"{name} is {tuple(tensor.shape)} {tensor.dtype}, but the video needs ({', '.join(axes)}) in "
            "floating point: convert it."
        )
