"""Features of frames and of clips, as the Frechet metrics take them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ...encoders.base import batched_apply
from ...utils.validation import require_int
from . import i3d, inception, resnet3d
from .feature_files import load_network
from .pixels import check_frames, unit_frames

WINDOW = 16  # frames that the video networks see at once


class Features(Protocol):
    """A network with its way of preparing frames. width: how many features a sample has."""

    @property
    def width(self) -> int: ...

    def of(self, frames: np.ndarray) -> Tensor:
        """Clip (f, h, w, 3) uint8 -> samples (n, width) on the CPU; raises InvalidInput for no clip."""
        ...


@dataclass(frozen=True)
class FrameFeatures:
    """Of every frame, the pooled features of Inception-v3: those of FID. batch_size: frames at a time."""

    network: nn.Module
    batch_size: int = 16
    width: int = inception.FEATURES

    @torch.no_grad()
    def of(self, frames: np.ndarray) -> Tensor:
        """Clip (f, h, w, 3) uint8 -> (f, 2048) float32."""
        check_frames(frames)
        return batched_apply(self._features, unit_frames(frames), self.batch_size, like=_weight(self.network))

    def _features(self, frames: Tensor) -> Tensor:
        return self.network(inception.inception_input(frames))


@dataclass(frozen=True)
class WindowFeatures:
    """Of every window of 16 frames, the features of a video network: those of FID-VID and FVD.

    network: (n, 3, 16, side, side) -> (n, width). prepare: frames in 0..255 -> those it was trained on.
    stride: frames from one window to the next. DisCo's is 1: its samples are all windows of all clips, so
    that there are more of them than clips, and they depend on each other. batch_size: windows at a time.
    """

    network: nn.Module
    prepare: Callable[[Tensor], Tensor]
    side: int
    width: int
    stride: int = 1
    batch_size: int = 2

    @torch.no_grad()
    def of(self, frames: np.ndarray) -> Tensor:
        """Clip (f, h, w, 3) uint8 -> (windows, width) float32."""
        videos = windows(self.prepare(resized_frames(frames, self.side)), self.stride)
        return batched_apply(self.network, videos, self.batch_size, like=_weight(self.network))


def fid_features(path: Path, device: torch.device | str = "cpu") -> FrameFeatures:
    """Load FID's Inception-v3, `pt_inception-2015-12-05-6726825d.pth`; raises what `load_network` does."""
    network = load_network(inception.inception_on_meta(), path, "the Inception-v3 of FID", device)
    return FrameFeatures(inception.without_classifier(network))


def fid_vid_features(path: Path, stride: int = 1, device: torch.device | str = "cpu") -> WindowFeatures:
    """Load FID-VID's 3D ResNet-50, `resnet-50-kinetics.pth`; raises what `load_network` does."""
    network = load_network(resnet3d.resnet_on_meta(), path, "the 3D ResNet-50 of FID-VID", device)
    return WindowFeatures(network, resnet3d.resnet_input, resnet3d.SIDE, resnet3d.FEATURES, stride)


def fvd_features(path: Path, stride: int = 1, device: torch.device | str = "cpu") -> WindowFeatures:
    """Load FVD's I3D, `i3d_pretrained_400.pt`; raises what `load_network` does."""
    network = load_network(i3d.i3d_on_meta(), path, "the I3D of FVD", device)
    return WindowFeatures(network, i3d.i3d_input, i3d.SIDE, i3d.CLASSES, stride)


def resized_frames(frames: np.ndarray, side: int) -> Tensor:
    """Clip (f, h, w, 3) uint8 -> (f, 3, side, side) float32 around 0..255, stretched.

    As in clean-fid and so in DisCo: Pillow's bicubic filter on each channel as floats, which smooths before
    it makes a picture smaller, rounds nothing and clips nothing. Raises InvalidInput for no clip.
    """
    check_frames(frames)
    return torch.from_numpy(np.stack([_resized(frame, side) for frame in frames]))


def windows(frames: Tensor, stride: int) -> Tensor:
    """Frames (f, 3, h, w) -> every window of 16 of them, `stride` apart: (windows, 3, 16, h, w).

    A shorter clip is one window that ends on repetitions of its last frame; DisCo leaves it out. Raises
    InvalidInput for a stride below 1.
    """
    require_int("The stride of the windows", stride)
    missing = max(0, WINDOW - len(frames))
    padded = torch.cat([frames, frames[-1:].expand(missing, -1, -1, -1)])
    return padded.unfold(0, WINDOW, stride).movedim(-1, 2)


def _resized(frame: np.ndarray, side: int) -> np.ndarray:
    return np.stack([_resized_channel(channel, side) for channel in np.moveaxis(frame, -1, 0)])


def _resized_channel(channel: np.ndarray, side: int) -> np.ndarray:
    picture = Image.fromarray(channel.astype(np.float32))
    return np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC))


def _weight(network: nn.Module) -> Tensor:
    return next(network.parameters())
