import numpy as np
import pytest
import torch
from PIL import Image

from animatex_core.encoders.preprocessing import (
    CLIP_MEAN,
    CLIP_STD,
    autoencoder_images,
    clip_images,
    resize,
    unit_images,
)
from animatex_core.errors import InvalidInput

NOISE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def test_an_image_is_stretched_with_pillows_bilinear_filter():
    resized = resize(NOISE, width=32, height=48)
    assert resized.shape == (48, 32, 3)
    np.testing.assert_array_equal(resized, Image.fromarray(NOISE).resize((32, 48), Image.Resampling.BILINEAR))


@pytest.mark.parametrize("size", [(60, 40), (1, 1), (224, 224), (7, 300)])
def test_arrays_and_images_give_the_same(size):
    np.testing.assert_array_equal(resize(NOISE, *size), resize(Image.fromarray(NOISE), *size))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1"])
def test_images_of_other_modes_become_rgb(mode):
    assert resize(Image.fromarray(NOISE).convert(mode), 8, 16).shape == (16, 8, 3)


@pytest.mark.parametrize(("value", "unit", "signed"), [(0, 0.0, -1.0), (255, 1.0, 1.0), (51, 0.2, -0.6)])
def test_ranges(value, unit, signed):
    picture = np.full((5, 4, 3), value, np.uint8)
    torch.testing.assert_close(unit_images([picture], 4, 5), torch.full((1, 3, 5, 4), unit))
    torch.testing.assert_close(autoencoder_images([picture], 4, 5), torch.full((1, 3, 5, 4), signed))


def test_clip_images_are_square_and_normalised():
    red = np.zeros((30, 90, 3), np.uint8)
    red[..., 0] = 255
    pictures = clip_images([red, NOISE])
    expected = torch.tensor([1 - CLIP_MEAN[0], -CLIP_MEAN[1], -CLIP_MEAN[2]]) / torch.tensor(CLIP_STD)
    assert pictures.shape == (2, 3, 224, 224)
    torch.testing.assert_close(pictures[0], expected.view(3, 1, 1).expand(3, 224, 224))


def test_pixels_keep_their_place():
    pictures = unit_images([NOISE], 60, 40)
    assert pictures[0, 2, 39, 59] == NOISE[39, 59, 2] / np.float32(255)
    assert pictures.is_contiguous()


@pytest.mark.parametrize(
    ("picture", "found"),
    [
        (NOISE.astype(np.float32), r"float32 with shape \(40, 60, 3\)"),
        (NOISE[..., 0], r"uint8 with shape \(40, 60\)"),
        (np.zeros((4, 4, 4), np.uint8), r"shape \(4, 4, 4\)"),
    ],
)
def test_other_arrays_are_rejected(picture, found):
    with pytest.raises(InvalidInput, match=found):
        resize(picture, 8, 8)


def test_an_empty_list_is_rejected():
    with pytest.raises(InvalidInput, match="at least 1"):
        clip_images([])
