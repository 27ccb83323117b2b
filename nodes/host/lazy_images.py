"""An IMAGE whose pixels are computed when a node first reads them.

Preview outputs are often not connected. ComfyUI does not say which outputs are used, and it keeps the outputs
of a node for later prompts, in which they may be.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from .intermediate import intermediate_dtype

METADATA_METHODS = frozenset(
    (Tensor.size, Tensor.dim, Tensor.numel, Tensor.nelement, Tensor.element_size, Tensor.__len__)
)
METADATA_PROPERTIES = frozenset(
    (Tensor.shape, Tensor.ndim, Tensor.dtype, Tensor.device, Tensor.layout, Tensor.requires_grad)
)


class LazyImages(Tensor):
    """A tensor of known shape that becomes an ordinary one at its first use.

    As in torch's `UninitializedParameter`, the object changes its class once it holds values.
    """

    @classmethod
    def of(cls, shape: tuple[int, ...], compute: Callable[[], Tensor]) -> Tensor:
        """Return an IMAGE without pixels.

        Args:
            shape: (n, height, width, 3).
            compute: Returns the tensor of this shape in ComfyUI's type for images. What it raises reaches the
                node that reads the images, and the next use calls it again.

        """
        images: Any = torch.zeros(1, dtype=intermediate_dtype()).expand(shape).as_subclass(cls)
        images.compute = compute
        return images

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Compute the pixels before any operation that may read them."""
        with torch._C.DisableTorchFunctionSubclass():
            if not _reads_metadata(func):
                _compute_all([*args, *(kwargs or {}).values()])
            return func(*args, **(kwargs or {}))


def _reads_metadata(func: Callable[..., Any]) -> bool:
    # A property comes as the bound __get__ of its descriptor.
    if func.__name__ == "__get__":
        return getattr(func, "__self__", None) in METADATA_PROPERTIES
    return func in METADATA_METHODS


def _compute_all(values: Iterable[Any]) -> None:
    for value in values:
        if isinstance(value, LazyImages):
            _compute(value)
        elif isinstance(value, list | tuple):
            _compute_all(value)


def _compute(images: Any) -> None:
    images.data = images.compute()
    del images.compute
    images.__class__ = Tensor
