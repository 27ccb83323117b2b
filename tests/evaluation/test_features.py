"""Preprocessing of frames for the networks: sizes, filters, ranges and windows."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.transforms import functional as transforms

from animatex_core.errors import InvalidInput
from animatex_core.evaluation.metrics.features import (
    FrameFeatures,
    WindowFeatures,
    resize_frames,
    split_windows,
)
from animatex_core.evaluation.metrics.i3d import i3d_input
from animatex_core.evaluation.metrics.inception import inception_input
from animatex_core.evaluation.metrics.pixels import unit_frames
from animatex_core.evaluation.metrics.resnet3d import resnet_input

from .sample_clips import patterned_clip

CLIP = patterned_clip(3, 300, 250)


class Means(nn.Module):
    """A network with one weight that returns the mean of every channel."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.ones(()))

    def forward(self, pictures: Tensor) -> Tensor:
        return self.one * pictures.flatten(2).mean(dim=2)


@pytest.mark.parametrize(("height", "width"), [(300, 250), (61, 90), (112, 112)])
@pytest.mark.parametrize("side", [112, 224])
def test_clips_are_stretched_by_a_smoothing_bicubic_filter(height, width, side):
    clip = patterned_clip(2, height, width)
    expected = transforms.resize(
        torch.from_numpy(clip).permute(0, 3, 1, 2).double(),
        [side, side],
        transforms.InterpolationMode.BICUBIC,
        antialias=True,
    )
    assert torch.allclose(resize_frames(clip, side).double(), expected, atol=255e-4)


def test_frames_for_fid_are_stretched_without_smoothing():
    expected = transforms.resize(
        unit_frames(CLIP), [299, 299], transforms.InterpolationMode.BILINEAR, antialias=False
    )
    assert torch.allclose(inception_input(unit_frames(CLIP)), 2 * expected - 1, atol=1e-5)


def test_ranges_are_those_the_networks_were_trained_on():
    black, white = torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 255.0)
    for prepare, most in ((inception_input, 1), (i3d_input, 255)):
        assert torch.allclose(prepare(black), torch.tensor(-1.0))
        assert torch.allclose(prepare(white * most / 255), torch.tensor(1.0))
    assert resnet_input(black)[0, :, 0, 0].tolist() == pytest.approx([-114.7748, -107.7354, -99.4750])
    assert resnet_input(white)[0, :, 0, 0].tolist() == pytest.approx([140.2252, 147.2646, 155.5250])


@pytest.mark.parametrize(
    ("frames", "stride", "starts"),
    [(16, 1, [0]), (20, 1, [0, 1, 2, 3, 4]), (20, 2, [0, 2, 4]), (47, 16, [0, 16]), (48, 16, [0, 16, 32])],
)
def test_windows_are_sixteen_frames_in_a_row(frames, stride, starts):
    numbers = torch.arange(float(frames)).view(-1, 1, 1, 1).expand(-1, 3, 2, 2)
    found = split_windows(numbers, stride)
    assert found.shape == (len(starts), 3, 16, 2, 2)
    assert found[:, 1, :, 0, 1].tolist() == [list(range(start, start + 16)) for start in starts]


@pytest.mark.parametrize("frames", [1, 15])
def test_a_short_clip_ends_on_its_last_frame(frames):
    numbers = torch.arange(float(frames)).view(-1, 1, 1, 1).expand(-1, 3, 2, 2)
    assert split_windows(numbers, 1)[:, 0, :, 0, 0].tolist() == [
        [*range(frames), *[frames - 1] * (16 - frames)]
    ]


@pytest.mark.parametrize("stride", [0, -1, 1.5])
def test_a_stride_is_a_whole_number(stride):
    with pytest.raises(InvalidInput, match=r"stride of the windows is .* use 1 or more"):
        split_windows(torch.zeros(20, 3, 2, 2), stride)


def test_samples_do_not_depend_on_the_batch():
    clip = patterned_clip(18, 20, 24)
    frames = [FrameFeatures(Means(), batch_size=size, width=3).of(clip) for size in (1, 7, 18)]
    assert all(torch.allclose(found, frames[0]) and found.shape == (18, 3) for found in frames)
    videos = [WindowFeatures(Means(), i3d_input, 24, 3, batch_size=size).of(clip) for size in (1, 2)]
    assert all(torch.allclose(found, videos[0]) and found.shape == (3, 3) for found in videos)


def test_a_window_sees_its_frames_and_no_others():
    clip = patterned_clip(18, 20, 24)
    other = clip.copy()
    other[0] = 0
    a, b = (WindowFeatures(Means(), i3d_input, 24, 3).of(frames) for frames in (clip, other))
    assert (a == b).all(dim=1).tolist() == [False, True, True]


def test_other_arrays_than_clips_are_refused():
    for features in (FrameFeatures(Means(), width=3), WindowFeatures(Means(), i3d_input, 24, 3)):
        with pytest.raises(InvalidInput, match=r"float32.*must be uint8"):
            features.of(np.zeros((2, 8, 8, 3), np.float32))
