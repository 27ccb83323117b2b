"""Cutting out, on drawn characters whose true alpha is known."""

from typing import Any

import numpy as np
import pytest

from animatex_core.cutout.cutout import CutOut, prepare_cut_out
from animatex_core.cutout.masks import character_masks
from animatex_core.errors import AnimateXWarning, InvalidInput
from tests.cutout.samples import Sample, sample

NUMBERS = (0, 2, 3)  # in front of backgrounds of several colors
PLAIN = 4
MAX_ERROR, MAX_EDGE_ERROR, MAX_COLOR_ERROR, MAX_FLICKER = 0.002, 0.06, 12.0, 0.001


@pytest.fixture(scope="module", params=NUMBERS)
def drawn(request: pytest.FixtureRequest) -> Sample:
    return sample(request.param)


def matted(cut_out: CutOut) -> tuple[np.ndarray, np.ndarray]:
    frames = list(cut_out)
    return np.stack([frame.alpha for frame in frames]), np.stack([frame.colors for frame in frames])


def known(drawn: Sample, how: str) -> dict[str, Any]:
    if how == "masks":
        return {"masks": (drawn.alpha > 0.5).astype(np.float32)}
    return {"reference": drawn.reference, "shown": drawn.shown}


def assert_accurate(drawn: Sample, alpha: np.ndarray, colors: np.ndarray) -> None:
    error = np.abs(alpha - drawn.alpha)
    edge = (drawn.alpha > 0.01) & (drawn.alpha < 0.99)
    visible = edge & (drawn.alpha > 0.3)
    assert error.mean() < MAX_ERROR
    assert error[edge].mean() < MAX_EDGE_ERROR
    assert np.abs(colors - drawn.colors)[visible].mean() < MAX_COLOR_ERROR


@pytest.mark.parametrize("how", ["reference", "masks"])
def test_alpha_and_colors_are_nearly_the_true_ones(drawn: Sample, how: str) -> None:
    assert_accurate(drawn, *matted(prepare_cut_out(drawn.frames, **known(drawn, how))))


def test_noise_changes_little() -> None:
    drawn = sample(3, noise=2.0)
    assert_accurate(drawn, *matted(prepare_cut_out(drawn.frames, **known(drawn, "reference"))))


@pytest.mark.parametrize("color", [None, "detected by name"])
def test_a_plain_background_needs_no_mask(color: str | None) -> None:
    drawn = sample(PLAIN)
    corner = "".join(f"{value:02x}" for value in drawn.frames[0, 0, 0])
    cut_out = prepare_cut_out(drawn.frames, color=None if color is None else corner)
    assert f"#{corner}" in cut_out.background.description
    assert_accurate(drawn, *matted(cut_out))


def test_another_background_shows_no_trace_of_the_first() -> None:
    drawn = sample(0)
    alpha, colors = matted(prepare_cut_out(drawn.frames, **known(drawn, "reference")))
    magenta = np.array([255.0, 0.0, 255.0])
    composed, true = (
        kind * part[..., None] + (1 - part[..., None]) * magenta
        for kind, part in ((colors, alpha), (drawn.colors.clip(0, 255), drawn.alpha))
    )
    assert np.abs(composed - true).mean() < 0.3


def test_still_pixels_keep_their_alpha_exactly_and_moving_ones_do_not_lag() -> None:
    drawn = sample(0, frames=4)
    still = np.repeat(drawn.frames, 2, axis=0)
    noisy = (still + np.random.default_rng(0).normal(0, 1.0, still.shape)).round().clip(0, 255)
    alpha, _ = matted(prepare_cut_out(noisy.astype(np.uint8), **known(drawn, "reference")))
    assert np.abs(alpha[1::2] - alpha[::2]).mean() < MAX_FLICKER / 10
    true = np.repeat(drawn.alpha, 2, axis=0)
    assert np.abs(alpha - true).mean() < MAX_ERROR


def test_holes_are_filled_only_if_wanted() -> None:
    frames = np.full((2, 64, 64, 3), 240, np.uint8)
    frames[:, 16:48, 16:48] = (20, 60, 200)
    frames[:, 24:40, 24:40] = 240
    open_alpha, _ = matted(prepare_cut_out(frames))
    filled, _ = matted(prepare_cut_out(frames, fill_holes=True))
    assert open_alpha[0, 32, 32] == 0
    assert filled[0, 32, 32] == 1
    assert open_alpha[0, 20, 20] == filled[0, 20, 20] == 1


def test_soft_masks_are_the_alpha() -> None:
    drawn = sample(0, frames=2)
    alpha, colors = matted(prepare_cut_out(drawn.frames, masks=drawn.alpha))
    np.testing.assert_allclose(alpha, drawn.alpha, atol=1e-6)
    visible = (drawn.alpha > 0.3) & (drawn.alpha < 0.99)
    assert np.abs(colors - drawn.colors)[visible].mean() < MAX_COLOR_ERROR


def test_opaque_pixels_keep_their_bytes() -> None:
    drawn = sample(PLAIN, frames=2)
    for frame, given in zip(prepare_cut_out(drawn.frames), drawn.frames, strict=True):
        opaque = frame.alpha == 1
        assert opaque.any()
        np.testing.assert_array_equal(frame.colors[opaque], given[opaque])
        assert frame.rgba.shape == (*given.shape[:2], 4)


def test_a_single_frame_is_a_warning() -> None:
    drawn = sample(0, frames=1)
    with pytest.warns(AnimateXWarning, match="a single frame"):
        prepare_cut_out(drawn.frames, **known(drawn, "reference"))


BAD: dict[str, tuple[Any, str]] = {
    "no frames": (lambda drawn: {"frames": drawn.frames[:0]}, "no frames to cut out"),
    "nothing known": (lambda _: {}, "no single color along its border"),
    "size": (lambda drawn: {"masks": drawn.alpha[:, 2:]}, "masks are 160x238, but the frames are 160x240"),
    "length": (lambda drawn: {"masks": drawn.alpha[:3]}, "There are 3 masks but 8 frames"),
    "reference": (
        lambda drawn: {"reference": drawn.reference[2:], "shown": drawn.shown},
        "The reference is 160x238",
    ),
    "empty": (
        lambda drawn: {"reference": drawn.reference, "shown": np.zeros_like(drawn.shown)},
        "mask of the reference is empty",
    ),
    "full": (
        lambda drawn: {"reference": drawn.reference, "shown": np.ones_like(drawn.shown)},
        "covers the whole reference",
    ),
    "flat masks": (lambda drawn: {"masks": drawn.alpha[0]}, "masks have shape .*240, 160"),
    "RGBA frames": (
        lambda drawn: {"frames": np.dstack([drawn.frames[0], drawn.shown])[None]},
        r"shape \(1, 240, 160, 4\), but must be uint8",
    ),
    "float frames": (lambda drawn: {"frames": drawn.frames / 255}, "frames are float64"),
    "float reference": (
        lambda drawn: {"reference": drawn.reference / 255, "shown": drawn.shown},
        "The reference is float64",
    ),
    "numbers as mask": (
        lambda drawn: {"reference": drawn.reference, "shown": drawn.shown * 255},
        "mask of the reference is int64",
    ),
    "wrong color": (
        lambda _: {"color": "#ff00ff"},
        "color is #ff00ff, but .* the median there is #[0-9a-f]{6}",
    ),
    "level": (lambda _: {"color": "rgb(999,0,0)"}, r"'rgb\(999,0,0\)' is .* must be 0 to 255"),
    "percentage": (lambda _: {"color": "rgb(255%,0%,0%)"}, "must be 0 to 255"),
    "color": (lambda _: {"color": "blurple"}, "'blurple' is not a color"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence(name: str) -> None:
    drawn = sample(0)
    change, words = BAD[name]
    with pytest.raises(InvalidInput, match=words) as refused:
        prepare_cut_out(**{"frames": drawn.frames} | change(drawn))
    assert "\n" not in str(refused.value)


def test_nobody_in_any_frame_is_one_sentence() -> None:
    with pytest.raises(InvalidInput, match="was not found in any frame"):
        list(prepare_cut_out(np.full((2, 32, 32, 3), 200, np.uint8)))


@pytest.mark.parametrize("shows", ["automatic", "background", "character"])
def test_masks_mark_either(shows: Any) -> None:
    masks = np.zeros((2, 10, 10), np.float32)
    masks[:, 3:7, 3:7] = 1
    given = 1 - masks if shows != "character" else masks
    np.testing.assert_array_equal(character_masks(given, shows), masks)
    with pytest.raises(InvalidInput, match="All masks are empty"):
        character_masks(masks * 0)
