"""Validation of weights: keys and shapes match the model exactly, and values are finite."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from ..errors import DamagedCheckpoint, InvalidInput, WrongCheckpoint
from ..utils.devices import reraise_oom
from ..utils.text import shorten_key
from .file_form import MALFORMED, REMEDY_DAMAGED, FileFormat, detect_format, unreadable

PRECISIONS = (torch.float32, torch.float16, torch.bfloat16)
MAX_LISTED_KEYS = 5  # how many keys a message lists; the rest are counted

Network = TypeVar("Network", bound=nn.Module)


def check_precision(dtype: torch.dtype) -> None:
    """Raise InvalidInput unless models can compute in `dtype`."""
    if dtype not in PRECISIONS:
        raise InvalidInput(f"Weights cannot be converted to {dtype}: use float16, bfloat16 or float32.")


def check_dense_floats(tensors: Mapping[str, Tensor], source: str | Path) -> None:
    """Raise WrongCheckpoint unless every tensor is dense, has a floating point dtype, and has values."""
    for key, tensor in tensors.items():
        plain = tensor.is_floating_point() and tensor.layout == torch.strided
        if not plain or tensor.is_meta or tensor.is_quantized:
            kind = f"{tensor.dtype}, {tensor.layout} on {tensor.device}"
            raise WrongCheckpoint(
                f"{source} contains {shorten_key(key)} as {kind}, but weights are dense floating point numbers: "
                "use the original checkpoint."
            )


def check_archive(path: str | Path) -> None:
    """Verify the checksums of a zip checkpoint, which reads all of it; raises DamagedCheckpoint."""
    path = Path(path)
    if detect_format(path) is not FileFormat.ZIP:
        return
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.testzip()
    except MALFORMED as error:
        raise unreadable(path, error) from error
    if entry is not None:
        raise DamagedCheckpoint(
            f"{path} is damaged (the checksum of {shorten_key(entry)} differs): {REMEDY_DAMAGED}."
        )


def cast_finite(name: str, tensor: Tensor, dtype: torch.dtype, source: str | Path) -> Tensor:
    """Return `tensor` as `dtype`; raises WrongCheckpoint if values are not finite before or after."""
    narrow = tensor.to(dtype)
    if narrow.isfinite().all():
        return narrow
    if tensor.float().isfinite().all():
        raise WrongCheckpoint(f"{source} has values in {name} that exceed {dtype}: convert to bfloat16.")
    raise WrongCheckpoint(f"{source} is damaged ({name} contains NaN or infinity): download it again.")


def shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return key -> shape of a file's tensors, or of a state dict on the meta device."""
    return {key: tuple(tensor.shape) for key, tensor in tensors.items()}


def check_keys(
    expected: Mapping[str, Sequence[int]],
    found: Mapping[str, Sequence[int]],
    what: str,
    source: str = "the checkpoint",
) -> None:
    """Check that keys and shapes match exactly.

    Args:
        expected: Key -> shape of the model.
        found: Key -> shape in the file.
        what: What messages call the model, such as "the denoiser".
        source: What messages call the file, usually its path.

    Raises:
        WrongCheckpoint: Keys are missing or unexpected, or shapes differ.

    """
    missing = [shorten_key(key) for key in expected if key not in found]
    unexpected = [shorten_key(key) for key in found if key not in expected]
    resized = [
        f"{shorten_key(key)} is {tuple(found[key])} instead of {tuple(expected[key])}"
        for key in expected
        if key in found and tuple(found[key]) != tuple(expected[key])
    ]
    faults = [
        _fault("missing", missing),
        _fault("unexpected", unexpected),
        _fault("of another shape", resized),
    ]
    if any(faults):
        raise WrongCheckpoint(
            f"{source} does not fit {what}: {'; '.join(filter(None, faults))}; "
            f"choose the file that belongs to it."
        )


def load_strictly(
    network: Network,
    tensors: Mapping[str, Tensor],
    what: str,
    source: str = "the checkpoint",
    dtype: torch.dtype | None = torch.float32,
    device: torch.device | str = "cpu",
    expected: Mapping[str, Sequence[int]] | None = None,
) -> Network:
    """Load a state dict into a model, usually one built on the meta device, for inference.

    Tensors that already have the dtype and device are assigned without a copy.

    Args:
        network: The model.
        tensors: Key -> weights.
        what: What messages call the model, such as "the denoiser".
        source: What messages call the file, usually its path.
        dtype: The dtype of all weights; None keeps that of each.
        device: Where to put them.
        expected: Key -> shape, for a model whose layers do not know their weights before loading, as some
            of ComfyUI's; None uses those of the model.

    Returns:
        The model in eval mode without gradients.

    Raises:
        WrongCheckpoint: Keys are missing or unexpected, or shapes differ.
        OutOfMemory: The weights do not fit on the device.

    """
    check_keys(shapes(network.state_dict()) if expected is None else expected, shapes(tensors), what, source)
    with reraise_oom(f"{what} does not fit into the memory of {device}: load it in half precision."):
        cast = {key: tensor.to(device=device, dtype=dtype) for key, tensor in tensors.items()}
    network.load_state_dict(cast, assign=True)
    return network.requires_grad_(False).eval()


def _fault(kind: str, keys: Sequence[str]) -> str:
    rest = ", ..." if len(keys) > MAX_LISTED_KEYS else ""
    return f"{len(keys)} {kind} ({', '.join(keys[:MAX_LISTED_KEYS])}{rest})" if keys else ""
