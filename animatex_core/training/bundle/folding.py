"""Batch normalisation for training alone: put behind convolutions, and afterwards folded into them."""

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_POINT = (1, 1)


class Normed(nn.Module):
    """A convolution and what normalises its channels."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv, self.norm = conv, nn.BatchNorm2d(conv.out_channels)

    def forward(self, values: Tensor) -> Tensor:
        """Return what the convolution into which it is folded will return."""
        return self.norm(self.conv(values))

    def folded(self) -> nn.Conv2d:
        """Return one convolution that does the same in use."""
        return fuse_conv_bn_eval(self.conv.eval(), self.norm.eval())


def insert_norms(network: nn.Module) -> None:
    """Normalise behind every convolution in place, but for those of single pixels, which are heads."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d) and child.kernel_size != _POINT:
                setattr(parent, name, Normed(child))


def fold_norms(network: nn.Module) -> None:
    """Make plain convolutions of normed ones again, in place."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, Normed):
                setattr(parent, name, child.folded())
