"""Whether the values of a checkpoint are what weights can be, and arrived as they were written."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ..errors import DamagedCheckpoint, InvalidInput, WrongCheckpoint
from ..wording import short
from .safe_read import MALFORMED, REMEDY_DAMAGED, Form, file_form, unreadable

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


def narrowed(name: str, tensor: Tensor, dtype: torch.dtype, source: str | Path) -> Tensor:
    """Return `tensor` as `dtype`; raises WrongCheckpoint where it is not finite, before or after."""
    narrow = tensor.to(dtype)
    if narrow.isfinite().all():
        return narrow
    if tensor.float().isfinite().all():
        raise WrongCheckpoint(f"{source} has values in {name} that {dtype} cannot hold: convert to bfloat16.")
    raise WrongCheckpoint(f"{source} is damaged ({name} holds NaN or infinity): get the file again.")
