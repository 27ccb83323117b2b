"""Layers of torch that are faster on a CPU. Elsewhere, and where gradients are recorded, they are torch's.

In inference on a CPU the denoiser keeps its activations channels last. Frames, pixels and channels then have
the order of the tokens of a transformer, so that nothing is rearranged between convolutions and attention.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Size = Sequence[int]
"""Numbers in height and width."""

ROWS_IN_CACHE = 256
"""Rows of channels that are squared at once, so that the squares are summed before they leave the cache."""


@cache
def has_onednn_linear() -> bool:
    """Return whether this PyTorch (2.4 or newer) has oneDNN's linear layer, which inductor uses too."""
    has_library = hasattr(torch, "get_autocast_dtype") and torch.backends.mkldnn.is_available()
    return has_library and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def is_recorded() -> bool:
    """Return whether gradients are recorded or `torch.compile` traces, so that nothing may be overwritten."""
    return torch.is_grad_enabled() or torch.compiler.is_compiling()


def infers_on_cpu(x: Tensor) -> bool:
    """Return whether x is on a CPU and only its values are needed."""
    return x.device.type == "cpu" and not is_recorded()


def added(a: Tensor, b: Tensor, *, into: Tensor) -> Tensor:
    """Return a + b.

    Args:
        a: A tensor.
        b: Another one of this dtype.
        into: The one of them that is overwritten, unless it is recorded, to save memory and its allocation.

    Returns:
        The sum.

    """
    return a + b if is_recorded() else torch.add(a, b, out=into)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, *, gelu: bool = False) -> Tensor:
    """Apply a linear layer, with oneDNN where that is possible, and optionally GELU.

    PyTorch computes float32 with MKL, which is slower than oneDNN: by 10 to 25 percent on an AMD EPYC.

    Args:
        x: (..., inputs).
        weight: (outputs, inputs).
        bias: (outputs,) or None.
        gelu: Whether GELU follows.

    Returns:
        (..., outputs), a new tensor.

    """
    if _suits_onednn(x, weight):
        activation, algorithm = ("gelu", "none") if gelu else ("none", "")
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation, [], algorithm)
    found = F.linear(x, weight, bias)
    return F.gelu(found) if gelu else found


def _suits_onednn(x: Tensor, weight: Tensor) -> bool:
    if not infers_on_cpu(x) or not has_onednn_linear():
        return False
    return x.dtype == weight.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")


class Linear(nn.Linear):
    """torch's Linear, computed by `linear`."""

    def forward(self, input: Tensor) -> Tensor:
        """Map (..., inputs) to (..., outputs)."""
        return linear(input, self.weight, self.bias)


class Conv1d(nn.Conv1d):
    """torch's Conv1d, except that a pointwise one runs as a linear layer on a CPU, if x is channels last."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.kernel_size == (1,) and _infers_channels_last(input):
            return _pointwise(input, weight, bias)
        return super()._conv_forward(input, weight, bias)


class Conv2d(nn.Conv2d):
    """torch's Conv2d, except that on a CPU, if x is channels last, a faster form runs where there is one.

    A pointwise convolution is a linear layer, and so is one with few outputs, see `_in_fastest_form`.
    """

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        def convolve(x: Tensor) -> Tensor:
            return super(Conv2d, self)._conv_forward(x, weight, bias)

        padding = _plain_padding(self)
        if self.kernel_size == self.stride == (1, 1) and padding == (0, 0) and _infers_channels_last(input):
            return _pointwise(input, weight, bias)
        return _in_fastest_form(convolve, input, weight, bias, self.stride, padding)


class Conv3d(nn.Conv3d):
    """torch's Conv3d, except that a purely temporal convolution runs as a 2D one on a CPU.

    PyTorch treats a (3, 1, 1) kernel like a pointwise one and does not use oneDNN with a single thread, which
    is eight times slower at the finest level.
    """

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if input.device.type != "cpu" or self.kernel_size[1:] != (1, 1):
            return super()._conv_forward(input, weight, bias)
        kernel = weight.squeeze(-1)

        def convolve(x: Tensor) -> Tensor:
            return F.conv2d(x, kernel, bias, self.stride[:2], self.padding[:2])

        padding = _plain_padding(self)
        flat = _in_fastest_form(convolve, input.flatten(3), kernel, bias, self.stride[:2], padding)
        output = flat.unflatten(3, input.shape[3:])
        return _channels_last(output) if _infers_channels_last(input) else output


class GroupNorm(nn.GroupNorm):
    """torch's GroupNorm, except that it is precise on a CPU if x is channels last.

    There torch subtracts the squared mean from the mean square. Where the mean of a group is far from zero,
    little of its variance is left after rounding.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalize (n, c, ...)."""
        if input.dtype != torch.float32 or not _infers_channels_last(input):
            return super().forward(input)
        last = input.movedim(1, -1)
        return self._normalized(last.flatten(1, -2)).view(last.shape).movedim(-1, 1)

    def _normalized(self, x: Tensor) -> Tensor:
        """Normalize (n, s, c), contiguous."""
        centred = x - self._mean_of_groups(x.mean(1))
        squares = torch.stack([rows.square().sum(1) for rows in centred.split(ROWS_IN_CACHE, 1)]).sum(0)
        scale = (self._mean_of_groups(squares / x.shape[1]) + self.eps).rsqrt() * self.weight
        return torch.addcmul(self.bias, centred, scale, out=centred)

    def _mean_of_groups(self, values: Tensor) -> Tensor:
        """Replace those of each channel (n, c) by the mean of its group: (n, 1, c)."""
        groups = values.unflatten(1, (self.num_groups, -1))
        return groups.mean(-1, keepdim=True).expand_as(groups).flatten(1)[:, None]


def _infers_channels_last(x: Tensor) -> bool:
    return infers_on_cpu(x) and x.movedim(1, -1).is_contiguous()


def _pointwise(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return linear(x.movedim(1, -1), weight.flatten(1), bias).movedim(-1, 1)


def _in_fastest_form(
    convolve: Callable[[Tensor], Tensor],
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: Size | None,
) -> Tensor:
    """Run a convolution in the form that is fastest for its sizes, and return the layout of x.

    oneDNN reorders the weights at every call, and twice if only x is channels last. At the coarse levels of
    the denoiser that takes longer than the convolution. A linear layer uses them as they are, but its inputs,
    the pixels under the kernel, must be copied. In float32 that is faster up to about half as many output
    pixels as output channels, in bfloat16 up to a quarter, measured on an Intel Xeon with AMX. Else a
    convolution with more weights than inputs runs channels first.

    Args:
        convolve: Runs the convolution as torch does.
        x: (n, c, h, w).
        weight: (outputs, c, kernel height, kernel width).
        bias: (outputs,) or None.
        stride: In height and width.
        padding: From `_plain_padding`.

    Returns:
        (n, outputs, height, width), channels last if x is.

    """
    if x.dim() != 4 or not _infers_channels_last(x):
        return convolve(x)
    few = len(weight) // (2 if x.dtype == torch.float32 else 4)
    if padding is not None and _outputs(x, weight, stride, padding) < few:
        under_kernel = _under_kernel(x, weight.shape[2:], stride, padding)
        return linear(under_kernel, weight.flatten(1), bias).movedim(-1, 1)
    is_heavy = x.numel() < weight.numel() and weight.is_contiguous()
    return _channels_last(convolve(x.contiguous() if is_heavy else _channels_last(x)))


def _plain_padding(layer: nn.Conv2d | nn.Conv3d) -> Size | None:
    """Return how many zeros surround the images in height and width; None for a layer with other options."""
    is_plain = layer.groups == 1 and set(layer.dilation) == {1} and layer.padding_mode == "zeros"
    return layer.padding[:2] if is_plain and isinstance(layer.padding, tuple) else None


def _outputs(x: Tensor, weight: Tensor, stride: Size, padding: Size) -> int:
    """Return the number of output pixels in all images."""
    sizes = zip(x.shape[2:], weight.shape[2:], stride, padding, strict=True)
    return len(x) * math.prod((size + 2 * pad - kernel) // step + 1 for size, kernel, step, pad in sizes)


def _under_kernel(x: Tensor, kernel: Size, stride: Size, padding: Size) -> Tensor:
    """Return the inputs of each output pixel in the order of the weights: (n, h, w, c * kernel)."""
    (height, width), (down, right) = kernel, stride
    padded = F.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    pixels = padded.unfold(2, height, down).unfold(3, width, right)
    return pixels.permute(0, 2, 3, 1, 4, 5).flatten(3)


def _channels_last(x: Tensor) -> Tensor:
    # The stride of a batch of one is arbitrary, but PyTorch recognises the layout only by the right one.
    last = x.movedim(1, -1)
    return last.flatten().view(last.shape).movedim(-1, 1)
