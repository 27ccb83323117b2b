"""The 3D ResNet-50 of FID-VID, trained on Kinetics-400 (Hara et al. 2018).

Module names match `resnet-50-kinetics.pth` of kenshohara/3D-ResNets-PyTorch.
"""

import torch
from torch import Tensor, nn

CLASSES = 400
FEATURES = 2048
SIDE = 112
MEAN = (114.7748, 107.7354, 99.4750)  # RGB mean of Kinetics in 0..255; there is no scaling
BLOCKS = (3, 4, 6, 3)
EXPANSION = 4


class Bottleneck(nn.Module):
    """Residual block of 1x1x1, strided 3x3x3 and 1x1x1 convolutions (He et al. 2016, figure 5)."""

    def __init__(self, channels: int, width: int, stride: int, widened: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm3d(width)
        self.conv2 = nn.Conv3d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm3d(width)
        self.conv3 = nn.Conv3d(width, EXPANSION * width, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(EXPANSION * width)
        self.downsample = (
            nn.Sequential(
                nn.Conv3d(channels, EXPANSION * width, 1, stride=stride, bias=False),
                nn.BatchNorm3d(EXPANSION * width),
            )
            if widened
            else nn.Identity()
        )

    def forward(self, video: Tensor) -> Tensor:
        hidden = self.bn1(self.conv1(video)).relu()
        hidden = self.bn2(self.conv2(hidden)).relu()
        return (self.bn3(self.conv3(hidden)) + self.downsample(video)).relu()


class ResNet3d(nn.Module):
    """Video (n, 3, f, 112, 112) from `resnet_input` -> pooled features (n, 2048).

    The classifier is loaded, so that the keys match the file, but not used.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 64, 7, stride=(1, 2, 2), padding=3, bias=False)
        self.bn1 = nn.BatchNorm3d(64)
        self.maxpool = nn.MaxPool3d(3, stride=2, padding=1)
        self.layer1 = _level(64, 64, BLOCKS[0], stride=1)
        self.layer2 = _level(256, 128, BLOCKS[1], stride=2)
        self.layer3 = _level(512, 256, BLOCKS[2], stride=2)
        self.layer4 = _level(1024, 512, BLOCKS[3], stride=2)
        self.fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, video: Tensor) -> Tensor:
        hidden = self.maxpool(self.bn1(self.conv1(video)).relu())
        for level in (self.layer1, self.layer2, self.layer3, self.layer4):
            hidden = level(hidden)
        return hidden.mean(dim=(2, 3, 4))


def resnet_input(frames: Tensor) -> Tensor:
    """Subtract the mean colour of Kinetics from frames (n, 3, 112, 112) in 0..255."""
    return frames - frames.new_tensor(MEAN).view(3, 1, 1)


def resnet_on_meta() -> ResNet3d:
    """Build the network on the meta device."""
    with torch.device("meta"):
        return ResNet3d()


def _level(channels: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    first = Bottleneck(channels, width, stride, widened=True)
    return nn.Sequential(first, *(Bottleneck(EXPANSION * width, width, 1, False) for _ in range(blocks - 1)))
