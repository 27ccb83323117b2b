"""Count what a forward asks of memory, for this denoiser and the official one, on the meta device.

Nothing is computed, so any size can be counted anywhere. Every operation reads its inputs and writes its
output once, as kernels do that are not fused; views cost nothing. Attention counts as one fused kernel.
Copies within other operations are not seen, except those of group normalisation.

git clone https://github.com/antgroup/animate-x ../authors
python -m benchmarks.traffic [--authors ../authors] [--width 512] [--height 768] [--frames 32]
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._pytree import tree_leaves

from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.layers import UNINITIALISED
from animatex_core.animate_x.shapes import ClipShape
from animatex_core.animate_x.unet import AnimateXUNet
from animatex_core.training.loop.cost import OpCounter
from benchmarks.authors_network import authors_inputs, uninitialised_unet
from benchmarks.measure import generated_inputs
from benchmarks.memory import fused_attention


class TrafficCounter(OpCounter):
    """Also counts kernels, which are operations that are no views, and the bytes that they move.

    Attributes:
        kernels: Number of them.
        moved: Bytes read and written.
        copied: Part of `moved` by kernels that only copy.
        allocations: Number of outputs with memory of their own, as the allocator of a GPU is asked for.

    """

    def __init__(self) -> None:
        super().__init__()
        self.kernels = self.moved = self.copied = self.allocations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count it."""
        result = super().__torch_dispatch__(func, types, args, kwargs)
        name = func._overloadpacket
        inputs = _tensors((args, {key: value for key, value in (kwargs or {}).items() if key != "out"}))
        outputs = _tensors(result)
        self.allocations += len(_storages(outputs) - _storages(_tensors((args, kwargs))))
        if name in _NO_KERNELS or _is_view(func, inputs, outputs):
            return result
        if name is torch.ops.aten.group_norm and not inputs[0].is_contiguous():
            self._add([inputs[0]], [inputs[0]], is_copy=True)  # it copies within, except on a CPU
        self._add(inputs[1:] if name in _OVERWRITE else inputs, outputs, is_copy=name in _COPIES)
        return result

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Count attention as one fused kernel, in place of torch's."""
        output = fused_attention(query, key, value)
        self._add([query, key, value], [output], is_copy=False)
        return output

    def _add(self, inputs: list[Tensor], outputs: list[Tensor], *, is_copy: bool) -> None:
        moved = sum(map(_stored_bytes, (*inputs, *outputs)))
        self.kernels += 1
        self.moved += moved
        self.copied += moved if is_copy else 0


_OVERWRITE = frozenset({torch.ops.aten.copy_, torch.ops.aten.zero_, torch.ops.aten.fill_})
_NO_KERNELS = frozenset({torch.ops.aten.empty, torch.ops.aten.new_empty, torch.ops.aten.empty_like})
_COPIES = frozenset(
    getattr(torch.ops.aten, name)
    for name in (
        "cat",
        "clone",
        "contiguous",
        "copy_",
        "repeat",
        "repeat_interleave",
        "reshape",
        "to",
        "_to_copy",
    )
)


def _tensors(values: object) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]


def _storages(tensors: list[Tensor]) -> set[int]:
    return {tensor.untyped_storage()._cdata for tensor in tensors}


def _is_view(func: Any, inputs: list[Tensor], outputs: list[Tensor]) -> bool:
    """Return whether an operation only returned its input's storage, as a reshape may or may not."""
    return not func._schema.is_mutable and _storages(outputs) <= _storages(inputs)


def _stored_bytes(tensor: Tensor) -> int:
    """Return the bytes of a tensor, in which an expanded element counts once."""
    return min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())


def count_traffic(forward: Callable[[], object]) -> TrafficCounter:
    """Count a forward of meta tensors."""
    with (
        torch.inference_mode(),
        TrafficCounter() as counter,
        mock.patch.object(F, "scaled_dot_product_attention", counter.attend),
    ):
        forward()
    return counter


def our_traffic(shape: ClipShape, dtype: torch.dtype) -> TrafficCounter:
    """Count a forward of this denoiser, whose conditions were encoded before."""
    config = DenoiserConfig.released()
    unet = AnimateXUNet(config, UNINITIALISED, device="meta", dtype=dtype).eval()
    inputs = generated_inputs(config, shape).to("meta", dtype)
    with torch.inference_mode():
        conditions = unet.encode(inputs)
    x, t = torch.empty(shape.latents(), device="meta", dtype=dtype), torch.zeros(1, device="meta")
    return count_traffic(lambda: unet(x, t, conditions))


def authors_traffic(repository: Path, shape: ClipShape, dtype: torch.dtype) -> TrafficCounter:
    """Count a forward of the official network, which encodes the conditions at every step."""
    config = DenoiserConfig.released()
    inputs = generated_inputs(config, shape).to("meta", dtype)
    with torch.device("meta"):
        unet = uninitialised_unet(repository, shape, inputs.text_context).to("meta", dtype)
        x, t = torch.empty(shape.latents(), dtype=dtype), torch.zeros(1)
    # It asserts that no condition is dropped and kept at once, which a tensor without values cannot answer.
    with mock.patch.object(Tensor, "__bool__", return_value=False):
        return count_traffic(lambda: unet(x, t, **authors_inputs(inputs)))


def main() -> None:
    """Count, and print a row for each network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--authors", type=Path, help="a copy of the official repository")
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--height", type=int, default=768)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--precision", choices=("float32", "bfloat16", "float16"), default="bfloat16")
    options = parser.parse_args()
    shape, dtype = ClipShape(options.width, options.height, options.frames), getattr(torch, options.precision)
    found = {"ours": our_traffic(shape, dtype)}
    if options.authors:
        found["official"] = authors_traffic(options.authors, shape, dtype)
    print("network   kernels  allocations  GB moved  GB copied  peak GiB")
    for name, counter in found.items():
        print(
            f"{name:9s} {counter.kernels:7d} {counter.allocations:12d} {counter.moved / 1e9:9.1f} "
            f"{counter.copied / 1e9:10.1f} {counter.peak / 2**30:9.2f}"
        )


if __name__ == "__main__":
    main()
