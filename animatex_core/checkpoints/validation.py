"""Checks of weights: keys and shapes match the network exactly, and values are what weights can be."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from ..errors import DamagedCheckpoint, InvalidInput, WrongCheckpoint
from ..utils.devices import reraise_oom
from ..utils.text import short
from .safe_load import MALFORMED, REMEDY_DAMAGED, Form, file_form, unreadable

PRECISIONS = (torch.float32, torch.float16, torch.bfloat16)


def check_precision(dtype: torch.dtype) -> None:
    """Raise InvalidInput unless the network can compute in `dtype`."""
    if dtype not in PRECISIONS:
        raise InvalidInput(f"The weights cannot become {dtype}: choose float16, bfloat16 or float32.")


def check_kinds(tensors: Mapping[str, Tensor], source: str | Path) -> None:
    """Raise WrongCheckpoint unless every tensor is dense, real, of floating point and has values."""
    for key, tensor in tensors.items():
        plain = tensor.is_floating_point() and tensor.layout == torch.strided
        if not plain or tensor.is_meta or tensor.is_quantized:
            kind = f"{tensor.dtype}, {tensor.layout} on {tensor.device}"
            raise WrongCheckpoint(
                f"{source} holds {short(key)} as {kind}, but weights are dense floating point numbers: "
                "choose the checkpoint as it was released."
            )


def check_archive(path: str | Path) -> None:
    """Compare a zip checkpoint with its checksums, which reads all of it; raises DamagedCheckpoint."""
    path = Path(path)
    if file_form(path) is not Form.ZIP:
        return
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.testzip()
    except MALFORMED as error:
        raise unreadable(path, error) from error
    if entry is not None:
        raise DamagedCheckpoint(
            f"{path} is damaged (the checksum of {short(entry)} differs): {REMEDY_DAMAGED}."
        )


def cast_finite(name: str, tensor: Tensor, dtype: torch.dtype, source: str | Path) -> Tensor:
    """Return `tensor` as `dtype`; raises WrongCheckpoint where it is not finite, before or after."""
    narrow = tensor.to(dtype)
    if narrow.isfinite().all():
        return narrow
    if tensor.float().isfinite().all():
        raise WrongCheckpoint(f"{source} has values in {name} that {dtype} cannot hold: convert to bfloat16.")
    raise WrongCheckpoint(f"{source} is damaged ({name} holds NaN or infinity): get the file again.")


NAMED = 5  # how many keys an error spells out; the rest are counted

Network = TypeVar("Network", bound=nn.Module)


def shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Key -> shape; works on a network's meta state dict as on a file's tensors."""
    return {key: tuple(tensor.shape) for key, tensor in tensors.items()}


def check_keys(
    expected: Mapping[str, Sequence[int]],
    found: Mapping[str, Sequence[int]],
    what: str,
    source: str = "the checkpoint",
) -> None:
    """Raise WrongCheckpoint unless `found` has exactly the keys and shapes of `expected`.

    what: the network in words, "the denoiser"; source: the file in words, usually its path.
    """
    missing = [short(key) for key in expected if key not in found]
    unexpected = [short(key) for key in found if key not in expected]
    resized = [
        f"{short(key)} is {tuple(found[key])} instead of {tuple(expected[key])}"
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
    """Give a network, usually one built on the meta device, the tensors of its state dict for inference.

    Where dtype and device are theirs already, tensors are assigned without a copy.

    Args:
        network: What gets the weights.
        tensors: Weights by key.
        what: The network in words, "the denoiser".
        source: The file in words, usually its path.
        dtype: What all tensors become; None leaves each as it is.
        device: Where they shall lie.
        expected: Keys and shapes, for a network whose layers do not know their weights before they are
            loaded, as some of ComfyUI's; None takes those of the network.

    Returns:
        The network in eval mode without gradients.

    Raises:
        WrongCheckpoint: As `check_keys` does.

    """
    check_keys(shapes(network.state_dict()) if expected is None else expected, shapes(tensors), what, source)
    with reraise_oom(f"{what} does not fit into the memory of {device}: load it in half precision."):
        cast = {key: tensor.to(device=device, dtype=dtype) for key, tensor in tensors.items()}
    network.load_state_dict(cast, assign=True)
    return network.requires_grad_(False).eval()


def _fault(kind: str, keys: Sequence[str]) -> str:
    rest = ", ..." if len(keys) > NAMED else ""
    return f"{len(keys)} {kind} ({', '.join(keys[:NAMED])}{rest})" if keys else ""
