"""Find what is behind the character: a plain color, or the static background of the reference and video."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import warn
from ..puppet.fill import fill_smoothly
from .figure import grown, require_surroundings
from .palette import Palette, hex_color, not_at_border

SAMPLES = 16  # frames that the background is found in
BAND = 1 << 15  # pixels whose samples are compared at once
SAME = 0.04  # maximum difference between two views of the same background, of 0..1
MARGIN = 0.006  # fraction of the longer side by which the character may exceed its mask
PLAIN_TOLERANCE = 0.05
MIN_GIVEN_SHARE = 0.02  # fraction of the border that must have a given color
PLAIN_SHARE = 0.85  # fraction of the border that a plain background covers
MARKED = 0.05  # value of a mask from which a pixel may be the character
RIM = 2  # pixels of the border
KEPT = 0.5  # fraction of the reference's background that the video must show
MAD = 1.4826  # from the median absolute deviation to the standard deviation
MIN_NOISE, MAX_NOISE = 0.5 / 255, 0.02


@dataclass(frozen=True, eq=False)
class Background:
    """What is behind the character.

    Attributes:
        colors: (3, h, w) in 0..1.
        noise: Standard deviation of a frame's background from `colors`, of 0..1.
        flicker: Standard deviation of a still pixel between two frames, of 0..1.
        description: A sentence for users.
        known: (h, w) bool, where frames show it; None for everywhere.
        palette: Its colors, for where no frame was found to show it.

    """

    colors: Tensor
    noise: float
    flicker: float
    description: str
    known: Tensor | None = None
    palette: Palette | None = None

    def difference(self, image: Tensor) -> Tensor:
        """Return how much a frame (3, h, w) differs from the background, (h, w) of 0..1.

        Where the background is not known, everything differs that does not have its colors.
        """
        away = (image - self.colors).abs().amax(0)
        if self.known is not None and self.palette is not None:
            rows, columns = (~self.known).nonzero(as_tuple=True)
            alike = self.palette.favors_background(image[:, rows, columns])
            away[rows, columns] = torch.where(alike, away[rows, columns], 1.0)
        return away


def plain_background(frames: np.ndarray, color: Tensor | None = None) -> Background | None:
    """Return a background of one color.

    Args:
        frames: (f, h, w, 3) uint8.
        color: (3,) in 0..1; None to detect it along the border.

    Returns:
        The background; None if the border has no single color.

    Raises:
        InvalidInput: Hardly any pixel of the border has the given color.

    """
    rim = _rim(_samples(frames))
    usual = rim.median(dim=1).values
    found = usual if color is None else color
    away = (rim - found[:, None]).abs().amax(0)
    plain = away < PLAIN_TOLERANCE
    share = float(plain.float().mean())
    if color is None and share < PLAIN_SHARE:
        return None
    if share < MIN_GIVEN_SHARE:
        raise not_at_border(found, usual)
    height, width = frames.shape[1:3]
    noise = _clamped(MAD * float(away[plain].median())) if plain.any() else MIN_NOISE
    colors = found[:, None, None].expand(3, height, width).contiguous()
    return Background(colors, noise, _flicker(frames), f"The background is plain {hex_color(found)}.")


def background_behind_reference(frames: np.ndarray, picture: np.ndarray, shown: np.ndarray) -> Background:
    """Return the static background that the reference and the video share.

    Around the character, the reference shows it, up to a change in color that the model makes. Behind the
    character it is the color that several frames agree on and that the background has elsewhere. Where the
    character never moves away, it is filled from around.

    Args:
        frames: (f, h, w, 3) uint8.
        picture: The reference, (h, w, 3) uint8.
        shown: (h, w) bool, where the character is in it.

    Returns:
        The background.

    Raises:
        InvalidInput: The mask leaves nothing of the background.

    """
    samples, figure = _samples(frames), torch.tensor(shown)
    around = require_surroundings(figure)
    expected = _as_in_video(_tensor(picture), samples, around)
    palette = Palette.of(expected[:, around], expected[:, figure])
    plate, _ = _agreed(samples, expected, at=around, allowed=lambda values, away: away < 2 * SAME)
    plate = fill_smoothly(plate[None], around.float()[None, None])[0]
    plate, found = _agreed(
        samples, plate, at=~around,
        allowed=lambda values, away: palette.favors_background(values.transpose(0, 1)) | (away < SAME),
    )  # fmt: skip
    known = around | found
    plate = fill_smoothly(plate[None], known.float()[None, None])[0]
    noise, sentence = _noise(samples, plate, around), f"The background is found in {len(samples)} frames."
    return Background(plate, noise, _flicker(frames), sentence, known, palette)


def background_around_masks(frames: np.ndarray, masks: np.ndarray) -> Background:
    """Return the static background that a video shows outside its masks.

    Args:
        frames: (f, h, w, 3) uint8.
        masks: (f, h, w) of 0..1, 1 at the character.

    Returns:
        The background; filled from around where the character always is.

    """
    chosen = _chosen(len(frames))
    samples = torch.stack([_tensor(frames[number]) for number in chosen])
    margin = max(2, round(MARGIN * max(frames.shape[1:3])))
    free = torch.stack([~grown(torch.tensor(masks[number] > MARKED), margin) for number in chosen])
    plate = torch.where(free[:, None], samples, torch.nan).nanmedian(dim=0).values
    known = ~plate.isnan().any(dim=0)
    filled = fill_smoothly(plate.nan_to_num()[None], known.float()[None, None])[0]
    noise = _noise(samples, filled, free.all(dim=0))
    return Background(filled, noise, _flicker(frames), "The background is what the masks leave.")


def _chosen(count: int) -> list[int]:
    return np.unique(np.linspace(0, count - 1, min(SAMPLES, count)).round().astype(int)).tolist()


def _samples(frames: np.ndarray) -> Tensor:
    return torch.stack([_tensor(frames[number]) for number in _chosen(len(frames))])


def _tensor(frame: np.ndarray) -> Tensor:
    return torch.tensor(frame).permute(2, 0, 1).float() / 255


def _rim(samples: Tensor) -> Tensor:
    """Return (3, n): the border of all samples."""
    sides = (samples[:, :, :RIM], samples[:, :, -RIM:], samples[..., :RIM], samples[..., -RIM:])
    return torch.cat([side.transpose(0, 1).flatten(1) for side in sides], dim=1)


def _as_in_video(picture: Tensor, samples: Tensor, around: Tensor) -> Tensor:
    """Return the reference in the colors of the video, or the video's median if it shows something else."""
    usual = samples.median(dim=0).values
    shift = (usual - picture)[:, around].median(dim=1).values
    expected = (picture + shift[:, None, None]).clamp(0, 1)
    alike = ((usual - expected).abs().amax(0) < 2 * SAME)[around]
    if float(alike.float().mean()) >= KEPT:
        return expected
    warn(
        "The video does not show the background of the reference, so what most frames share is taken: check "
        "the edges, or give a mask for every frame."
    )
    return usual


def _agreed(
    samples: Tensor, expected: Tensor, *, at: Tensor, allowed: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """Find the color that most of the allowed samples agree on.

    Args:
        samples: (n, 3, h, w).
        expected: (3, h, w), the color where no sample is allowed, and the one to prefer.
        at: (h, w) bool, the pixels to look at.
        allowed: Returns which values (n, 3, m) may be background, given their distance (n, m) from
            `expected`.

    Returns:
        Colors (3, h, w), and where some samples are allowed, (h, w) bool.

    """
    result, found = expected.flatten(1).clone(), torch.zeros_like(at).flatten()
    flat, wanted = samples.flatten(2), expected.flatten(1)
    for part in at.flatten().nonzero()[:, 0].split(BAND):
        values, goal = flat[:, :, part], wanted[:, part]
        away = (values - goal).abs().amax(1)
        good = allowed(values, away)
        found[part] = good.any(0)
        result[:, part] = torch.where(found[part], _mode(values, good, away), goal)
    return result.view_as(expected), found.view_as(at)


def _mode(values: Tensor, allowed: Tensor, away: Tensor) -> Tensor:
    """Return (3, n): the mean of the largest group of alike values, the nearest of equally large groups."""
    votes = torch.stack([_alike(values, each, allowed).sum(0) for each in values])
    best = (torch.where(allowed, votes, -1).float() - away.clamp(max=0.99)).argmax(0)
    center = values.gather(0, best[None, None].expand(1, 3, -1))[0]
    group = _alike(values, center, allowed).float()[:, None]
    return (values * group).sum(0) / group.sum(0).clamp(min=1)


def _alike(values: Tensor, center: Tensor, allowed: Tensor) -> Tensor:
    return ((values - center).abs().amax(1) < SAME) & allowed


def _noise(samples: Tensor, colors: Tensor, around: Tensor) -> float:
    if not bool(around.any()):
        return MIN_NOISE
    return _clamped(MAD * float((samples - colors).abs().amax(1)[:, around].median()))


def _flicker(frames: np.ndarray) -> float:
    """Return the usual change of a pixel from one frame to the next."""
    small = frames[:, ::2, ::2]
    pairs = [number for number in _chosen(len(frames)) if number + 1 < len(frames)]
    changes = [np.abs(small[number].astype(np.int16) - small[number + 1]) for number in pairs]
    return _clamped(MAD * float(np.median(changes)) / 255) if changes else MIN_NOISE


def _clamped(noise: float) -> float:
    return min(max(noise, MIN_NOISE), MAX_NOISE)


def iterate_tensors(frames: np.ndarray) -> Iterator[Tensor]:
    """Yield frames (f, h, w, 3) uint8 as (3, h, w) in 0..1."""
    return map(_tensor, frames)
