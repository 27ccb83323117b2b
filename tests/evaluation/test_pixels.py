"""PSNR, PSNR*, SSIM and L1 against other implementations and closed forms."""

import cv2
import numpy as np
import pytest
import torch
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure
from torchmetrics.functional.regression import mean_absolute_error

from animatex_core.errors import InvalidInput
from animatex_core.evaluation.metrics.pixels import l1, luma, psnr, psnr_overflowing, ssim

from .reference import CLOSE, REFERENCE
from .sample_clips import near, patterned_clip

REAL = patterned_clip(4, 96, 80)
GENERATED = near(REAL)
METRICS = {"psnr": psnr, "psnr_overflowing": psnr_overflowing, "ssim": ssim, "l1": l1}


def flat(level: int, height: int = 20, width: int = 30) -> np.ndarray:
    return np.full((2, height, width, 3), level, np.uint8)


@pytest.mark.parametrize("name", METRICS)
def test_values_are_those_of_the_papers_code(name):
    assert METRICS[name](GENERATED, REAL) == pytest.approx(REFERENCE[name], rel=CLOSE)
    assert METRICS[name](REAL, GENERATED) == pytest.approx(REFERENCE[name], rel=CLOSE)


def test_psnr_and_l1_are_those_of_torchmetrics():
    pairs = [tuple(torch.from_numpy(x).double() for x in pair) for pair in zip(GENERATED, REAL, strict=True)]
    assert psnr(GENERATED, REAL) == pytest.approx(
        [float(peak_signal_noise_ratio(a, b, data_range=255.0)) for a, b in pairs], rel=CLOSE
    )
    assert l1(GENERATED, REAL) == pytest.approx(
        [float(mean_absolute_error(a, b)) / (96 * 80) for a, b in pairs], rel=CLOSE
    )


def test_ssim_is_that_of_torchmetrics_for_the_same_windows():
    a, b = (torch.from_numpy(np.stack([luma(x) for x in clip]))[:, None] for clip in (GENERATED, REAL))
    # Its covariances are over n, to which a smaller constant is the same, and it keeps windows over the edge.
    _, everywhere = structural_similarity_index_measure(
        a.double(),
        b.double(),
        gaussian_kernel=False,
        kernel_size=7,
        data_range=255.0,
        k2=0.03 * (48 / 49) ** 0.5,
        return_full_image=True,
    )
    found = everywhere[..., 3:-3, 3:-3].mean(dim=(1, 2, 3))
    assert ssim(GENERATED, REAL) == pytest.approx(found.numpy(), rel=CLOSE)


@pytest.mark.parametrize("offset", [1, 7, 40])
def test_an_offset_has_closed_forms(offset):
    decibels = 20 * np.log10(255 / offset)
    assert psnr(flat(100 + offset), flat(100)) == pytest.approx([decibels] * 2)
    assert l1(flat(100), flat(100 + offset)) == pytest.approx([offset / 600] * 2)


def test_the_overflow_is_arithmetic_modulo_256():
    difference = (GENERATED.astype(int) - REAL) % 256
    error = (difference**2 % 256).mean(axis=(1, 2, 3))
    assert psnr_overflowing(GENERATED, REAL) == pytest.approx(10 * np.log10(255**2 / error))
    assert psnr_overflowing(flat(116), flat(100)) == pytest.approx([100.0] * 2)  # 16 squared is 0 modulo 256


def test_the_papers_l1_is_consistent_with_its_psnr():
    level = l1(flat(140, 768, 512), flat(100, 768, 512))[0]
    assert level == pytest.approx(1.02e-4, rel=0.01)
    assert 40 < 255 * 10 ** (-13.60 / 20) < 2 * 40  # the root mean square of errors with such a mean


def test_equal_frames_have_the_best_values():
    assert psnr(REAL, REAL).tolist() == psnr_overflowing(REAL, REAL).tolist() == [100.0] * 4
    assert ssim(REAL, REAL) == pytest.approx([1.0] * 4)
    assert l1(REAL, REAL).tolist() == [0.0] * 4


def test_ssim_of_flat_frames_compares_their_brightness():
    c1 = (0.01 * 255) ** 2
    assert ssim(flat(50), flat(100)) == pytest.approx([(2 * 50 * 100 + c1) / (50**2 + 100**2 + c1)] * 2)


def test_grey_is_that_of_opencv():
    colors = np.arange(256**3, step=7, dtype=np.uint32)[: 2**21].view(np.uint8).reshape(2**10, 2**11, 4)
    frame = np.ascontiguousarray(colors[..., :3])
    assert (luma(frame) == cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)).all()


@pytest.mark.parametrize("metric", METRICS.values())
@pytest.mark.parametrize(
    ("generated", "real", "named"),
    [
        (REAL[:2], REAL[:3], r"\(2, 96, 80, 3\).*\(3, 96, 80, 3\).*cut and resize"),
        (REAL[:, :, :60], REAL, r"\(4, 96, 60, 3\)"),
        (REAL / 255, REAL, "float64.*must be uint8"),
        (REAL[0], REAL[0], r"\(96, 80, 3\), but.*\(frames, height, width, 3\)"),
        (REAL[:0], REAL[:0], r"\(0, 96, 80, 3\)"),
    ],
)
def test_other_input_is_refused(metric, generated, real, named):
    with pytest.raises(InvalidInput, match=named):
        metric(generated, real)


def test_ssim_needs_a_window():
    with pytest.raises(InvalidInput, match="9 x 6 pixels, but this metric needs 7 x 7"):
        ssim(flat(1, 6, 9), flat(1, 6, 9))
    assert ssim(flat(1, 7, 7), flat(1, 7, 7)) == pytest.approx([1.0] * 2)
