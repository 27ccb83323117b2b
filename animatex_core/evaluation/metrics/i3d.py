"""The I3D of FVD: inflated Inception-v1 on Kinetics-400 (Carreira and Zisserman 2017).

Module names match `i3d_pretrained_400.pt` (and piergiaj/pytorch-i3d), the plain weights that VideoGPT, TATS
and DisCo use. The other common file, `i3d_torchscript.pt`, contains code and is not supported.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool3d, pad

CLASSES = 400
SIDE = 224
EPSILON = 1e-3  # TensorFlow's default for batch normalisation

Triple = tuple[int, int, int]

# Name: input channels, then the widths of the branches 1x1, 3x3 (reduced, full), second 3x3, pooling.
MIXED = {
    "Mixed_3b": (192, 64, 96, 128, 16, 32, 32),
    "Mixed_3c": (256, 128, 128, 192, 32, 96, 64),
    "Mixed_4b": (480, 192, 96, 208, 16, 48, 64),
    "Mixed_4c": (512, 160, 112, 224, 24, 64, 64),
    "Mixed_4d": (512, 128, 128, 256, 24, 64, 64),
    "Mixed_4e": (512, 112, 144, 288, 32, 64, 64),
    "Mixed_4f": (528, 256, 160, 320, 32, 128, 128),
    "Mixed_5b": (832, 256, 160, 320, 32, 128, 128),
    "Mixed_5c": (832, 384, 192, 384, 48, 128, 128),
}
POOLED_BEFORE = {"Mixed_3b": (1, 3, 3), "Mixed_4b": (3, 3, 3), "Mixed_5b": (2, 2, 2)}  # name: pooling kernel


class ConvBlock(nn.Module):
    """Convolution with TensorFlow's SAME padding, batch normalisation and ReLU."""

    def __init__(self, channels: int, width: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(channels, width, kernel, stride, bias=False)
        self.bn = nn.BatchNorm3d(width, eps=EPSILON)

    def forward(self, video: Tensor) -> Tensor:
        kernel, stride = self.conv3d.kernel_size[0], self.conv3d.stride[0]
        return self.bn(self.conv3d(pad_same(video, (kernel,) * 3, (stride,) * 3))).relu()


class Mixed(nn.Module):
    """Inception module of four branches (Szegedy et al. 2015, figure 2), with 3x3x3 instead of 5x5."""

    def __init__(self, channels: int, *widths: int) -> None:
        super().__init__()
        one, reduced, full, reduced_again, full_again, pooled = widths
        self.b0 = ConvBlock(channels, one)
        self.b1a, self.b1b = ConvBlock(channels, reduced), ConvBlock(reduced, full, kernel=3)
        self.b2a, self.b2b = (
            ConvBlock(channels, reduced_again),
            ConvBlock(reduced_again, full_again, kernel=3),
        )
        self.b3b = ConvBlock(channels, pooled)

    def forward(self, video: Tensor) -> Tensor:
        pooled = pool_same(video, (3, 3, 3), (1, 1, 1))
        branches = self.b0(video), self.b1b(self.b1a(video)), self.b2b(self.b2a(video)), self.b3b(pooled)
        return torch.cat(branches, dim=1)


class Classifier(nn.Module):
    """A 1x1x1 convolution, wrapped in a module to match the key `logits.conv3d`."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(channels, classes, 1)

    def forward(self, video: Tensor) -> Tensor:
        return self.conv3d(video)


class InceptionI3d(nn.Module):
    """Video (n, 3, f, 224, 224) from `i3d_input` -> logits (n, 400), averaged over time: features of FVD."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = ConvBlock(3, 64, kernel=7, stride=2)
        self.Conv3d_2b_1x1 = ConvBlock(64, 64)
        self.Conv3d_2c_3x3 = ConvBlock(64, 192, kernel=3)
        for name, widths in MIXED.items():
            self.add_module(name, Mixed(*widths))
        self.logits = Classifier(1024, CLASSES)

    def forward(self, video: Tensor) -> Tensor:
        hidden = pool_same(self.Conv3d_1a_7x7(video), (1, 3, 3), (1, 2, 2))
        hidden = self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(hidden))
        for name in MIXED:
            if kernel := POOLED_BEFORE.get(name):
                hidden = pool_same(hidden, kernel, (1 if kernel[0] == 1 else 2, 2, 2))
            hidden = self.get_submodule(name)(hidden)
        # The classifier is linear, so the mean over space and time can be taken before it.
        return self.logits(hidden.mean(dim=(2, 3, 4), keepdim=True)).flatten(1)


def i3d_input(frames: Tensor) -> Tensor:
    """Scale frames (n, 3, 224, 224) from 0..255 to -1..1; bicubic resizing may overshoot both ranges."""
    return frames / 127.5 - 1


def i3d_on_meta() -> InceptionI3d:
    """Build the network on the meta device."""
    with torch.device("meta"):
        return InceptionI3d()


def pad_same(video: Tensor, kernel: Triple, stride: Triple) -> Tensor:
    """Zero-pad a video so that ceil(size / stride) windows fit, the odd zero at the end.

    Args:
        video: (n, c, f, h, w).
        kernel: Size of a window along f, h and w.
        stride: Likewise.

    Returns:
        The padded video.

    """
    pads: list[int] = []
    for size, width, step in zip(video.shape[2:], kernel, stride, strict=True):
        missing = max(0, width - (size % step or step))
        pads = [missing // 2, missing - missing // 2, *pads]  # `pad` begins with the last axis
    return pad(video, pads)


def pool_same(video: Tensor, kernel: Triple, stride: Triple) -> Tensor:
    """Max-pool a video (n, c, f, h, w) with SAME padding; after a ReLU the zeros never win."""
    return max_pool3d(pad_same(video, kernel, stride), kernel, stride)
