"""Features of frames and of windows of frames for the Fréchet metrics."""

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

WINDOW = 16  # frames in one sample of the video networks


class Features(Protocol):
    """A feature network together with its preprocessing. `width` is the number of features of a sample."""

    @property
    def width(self) -> int:
        """Number of features of a sample."""
        ...

    def of(self, frames: np.ndarray) -> Tensor:
        """Extract features of a clip.

        Args:
            frames: (f, h, w, 3) uint8.

        Returns:
            Samples (n, width) float32 on the CPU.

        Raises:
            InvalidInput: The array is not a clip.

        """
        ...


@dataclass(frozen=True)
class FrameFeatures:
    """Features of FID: pooled Inception-v3 features of every frame, `batch_size` frames at once."""

    network: nn.Module
    batch_size: int = 16
    width: int = inception.FEATURES

    @torch.no_grad()
    def of(self, frames: np.ndarray) -> Tensor:
        """Extract features (f, 2048) float32 of a clip (f, h, w, 3) uint8."""
        check_frames(frames)
        return batched_apply(
            lambda batch: self.network(inception.inception_input(batch)),
            unit_frames(frames),
            self.batch_size,
            like=_weight(self.network),
        )


@dataclass(frozen=True)
class WindowFeatures:
    """Features of FID-VID and FVD: one sample for every window of 16 frames.

    Attributes:
        network: Maps (n, 3, 16, side, side) to (n, width).
        prepare: Normalises frames in 0..255 for the network.
        side: Width and height of the input.
        width: Number of features.
        stride: Frames between the starts of two windows. DisCo uses 1, so that its samples are all
            (overlapping) windows of all clips.
        batch_size: Windows that are processed at once.

    """

    network: nn.Module
    prepare: Callable[[Tensor], Tensor]
    side: int
    width: int
    stride: int = 1
    batch_size: int = 2

    @torch.no_grad()
    def of(self, frames: np.ndarray) -> Tensor:
        """Extract features (windows, width) float32 of a clip (f, h, w, 3) uint8."""
        videos = split_windows(self.prepare(resize_frames(frames, self.side)), self.stride)
        return batched_apply(self.network, videos, self.batch_size, like=_weight(self.network))


def fid_features(path: Path, device: torch.device | str = "cpu") -> FrameFeatures:
    """Load FID's Inception-v3, `pt_inception-2015-12-05-6726825d.pth`; errors as in `load_network`."""
    network = load_network(inception.inception_on_meta(), path, "the Inception-v3 of FID", device)
    return FrameFeatures(inception.without_classifier(network))


def fid_vid_features(path: Path, stride: int = 1, device: torch.device | str = "cpu") -> WindowFeatures:
    """Load FID-VID's 3D ResNet-50.

    Args:
        path: `resnet-50-kinetics.pth`.
        stride: Frames between the starts of two windows.
        device: Where the network runs.

    Returns:
        The feature network.

    Raises:
        CheckpointError: As in `load_network`.

    """
    network = load_network(resnet3d.resnet_on_meta(), path, "the 3D ResNet-50 of FID-VID", device)
    return WindowFeatures(network, resnet3d.resnet_input, resnet3d.SIDE, resnet3d.FEATURES, stride)


def fvd_features(path: Path, stride: int = 1, device: torch.device | str = "cpu") -> WindowFeatures:
    """Load FVD's I3D.

    Args:
        path: `i3d_pretrained_400.pt`.
        stride: Frames between the starts of two windows.
        device: Where the network runs.

    Returns:
        The feature network.

    Raises:
        CheckpointError: As in `load_network`.

    """
    network = load_network(i3d.i3d_on_meta(), path, "the I3D of FVD", device)
    return WindowFeatures(network, i3d.i3d_input, i3d.SIDE, i3d.CLASSES, stride)


def resize_frames(frames: np.ndarray, side: int) -> Tensor:
    """Resize a clip regardless of its aspect ratio.

    As in clean-fid, which DisCo uses: Pillow's antialiased bicubic filter on each channel as float32, without
    rounding or clipping.

    Args:
        frames: (f, h, w, 3) uint8.
        side: Width and height of the result.

    Returns:
        (f, 3, side, side) float32, 0..255 with overshoot.

    Raises:
        InvalidInput: The array is not a clip.

    """
    check_frames(frames)
    channels = np.moveaxis(frames, -1, 1).reshape(-1, *frames.shape[1:3]).astype(np.float32)
    resized = [
        np.asarray(Image.fromarray(each).resize((side, side), Image.Resampling.BICUBIC)) for each in channels
    ]
    return torch.from_numpy(np.stack(resized).reshape(len(frames), -1, side, side))


def split_windows(frames: Tensor, stride: int) -> Tensor:
    """Split a clip into windows of 16 frames.

    A shorter clip is padded to one window by repeating its last frame; DisCo skips such clips.

    Args:
        frames: (f, 3, h, w).
        stride: Frames between the starts of two windows.

    Returns:
        (windows, 3, 16, h, w).

    Raises:
        InvalidInput: The stride is below 1.

    """
    require_int("The stride of the windows", stride)
    missing = max(0, WINDOW - len(frames))
    padded = torch.cat([frames, frames[-1:].expand(missing, -1, -1, -1)])
    return padded.unfold(0, WINDOW, stride).movedim(-1, 2)


def _weight(network: nn.Module) -> Tensor:
    return next(network.parameters())
