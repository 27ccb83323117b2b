"""Converting the official checkpoint of Animate-X to a bundle, a tensor at a time."""

import math
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from ..checkpoints.safe_load import open_tensors, read_metadata, tensor_groups
from ..checkpoints.safetensors_writer import tensor_layout, write_safetensors
from ..checkpoints.validation import cast_finite, check_archive, check_precision
from ..checkpoints.wrappers import weights_prefix
from ..errors import InvalidInput
from ..utils.files import check_target
from ..utils.progress import Progress, no_progress
from .checkpoint import (
    FORMAT,
    PREFIX,
    TEXT_CONTEXT,
    bundle_metadata,
    check_text_context,
    read_official,
    without_position_tables,
)
from .checkpoint_keys import from_official, official_keys
from .config import DenoiserConfig
from .layers import UNINITIALISED
from .training_spec import RELEASED
from .unet import AnimateXUNet

_GROUP_BYTES = 2**28


def convert_denoiser(
    source: str | Path,
    target: str | Path,
    text_context: Tensor,
    dtype: torch.dtype = torch.float16,
    config: DenoiserConfig | None = None,
    on_progress: Progress = no_progress,
) -> None:
    """Convert an official checkpoint to a bundle, with at most a quarter GiB of it in memory.

    Args:
        source: The official checkpoint.
        target: File to write. An existing file is replaced only once the new one is complete.
        text_context: The text encoder's output for "", (1, tokens, context_dim).
        dtype: Type of the weights in the bundle.
        config: Sizes of the denoiser; None for the official ones.
        on_progress: Called with the bytes written and their total.

    Raises:
        CheckpointError: As in `read_denoiser`, or a value does not fit into `dtype`.
        InvalidInput: The source is already a bundle, or is also the target.
        StorageError: The target cannot be written.

    """
    config = config or DenoiserConfig.released()
    check_precision(dtype)
    check_conversion(source, target, config)
    check_text_context(text_context, config)
    check_archive(source)
    unet = AnimateXUNet(config, UNINITIALISED, device="meta", dtype=dtype)
    prefix = weights_prefix(open_tensors(source), without_position_tables(official_keys(unet)), source)
    context = cast_finite(TEXT_CONTEXT, text_context, dtype, "The text encoder's output")
    layout = {TEXT_CONTEXT: (tuple(context.shape), dtype)}
    layout |= {PREFIX + name: entry for name, entry in tensor_layout(unet.state_dict()).items()}
    metadata = bundle_metadata(config, RELEASED)

    def tensors() -> Iterator[tuple[str, Tensor]]:
        yield TEXT_CONTEXT, context
        for group in tensor_groups(source, _GROUP_BYTES, prefix):
            for name, tensor in from_official(group).items():
                yield PREFIX + name, cast_finite(name, tensor, dtype, source)

    total = sum(math.prod(shape) * dtype.itemsize for shape, _ in layout.values())
    write_safetensors(target, layout, _with_progress(tensors(), total, on_progress), metadata)


def check_conversion(source: str | Path, target: str | Path, config: DenoiserConfig | None = None) -> None:
    """Check what `convert_denoiser` needs, before anything is read or written.

    Args:
        source: The official checkpoint.
        target: The file to write.
        config: Sizes of the denoiser; None for the official ones.

    Raises:
        InvalidInput: The source is converted already, or is the file to write.
        CheckpointError: Keys or shapes of the source do not fit.
        StorageError: The target cannot be written.

    """
    if read_metadata(source).get("format") == FORMAT:
        raise InvalidInput(f"{source} is already a converted bundle: choose the official checkpoint.")
    if Path(source).resolve() == Path(target).resolve():
        raise InvalidInput(f"{source} is also the file to write: choose another name for the bundle.")
    check_target(target)
    read_official(source, config or DenoiserConfig.released())


def _with_progress(
    tensors: Iterator[tuple[str, Tensor]], total: int, on_progress: Progress
) -> Iterator[tuple[str, Tensor]]:
    done = 0
    for name, tensor in tensors:
        yield name, tensor
        done += tensor.nbytes
        on_progress(done, total)
