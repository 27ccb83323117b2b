"""Estimate the figure's mask from its bones and from colours."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, avg_pool3d, interpolate

from ..pose.keypoints import JOINT
from .backdrop import is_flat
from .fill import connected_region, dilate, morph_open
from .skeleton import LIMBS, Joints

WORK_SIDE = 256  # pixels of the longer side at which the figure is segmented
BODY = (("neck", "nose"), ("neck", "right_hip"), ("neck", "left_hip"), ("right_eye", "left_eye"))
LEVELS = 16  # histogram bins per channel
FINE_LEVELS = 32  # where colours that are close to those of the background have to be told apart
HAT_REACH = 0.23  # body heights from there within which a hat of another colour is looked for
ROUNDS = 3
# Distances from bones in body heights: certainly figure below CORE, certainly background above REACH.
LIMB_CORE, BODY_CORE = 0.012, 0.03
LIMB_REACH, BODY_REACH = 0.18, 0.45
TYPICAL = 0.16  # distance at which figure and background are equally likely
GAP = 0.015  # body heights between the figure and detached parts of it, such as the tip of an antenna
UNKNOWN = 1e-3  # holes in the figure are filled if their colour is rarer in the background
EARS = 2.0  # how far ears and hats may extend above the nose, in distances from neck to nose
EARS_DOUBT = 0.05  # body heights added to distances from there
LOW = -3  # log odds far from all bones
RARE = 2e-4  # fraction of pixels below which a colour is not informative
STRONG = 4.0  # maximum log odds of a colour


def figure_mask(image: Tensor, joints: Joints) -> Tensor:
    """Estimate the figure's mask.

    Args:
        image: (1, 3, h, w) in 0..1.
        joints: Of the reference, in its pixels.

    Returns:
        (1, 1, h, w), 0 or 1.

    """
    height, width = image.shape[2:]
    scale = min(1.0, WORK_SIDE / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    small = image if scale == 1 else interpolate(image, size=size, mode="area")
    score = _score(small, joints, np.array([size[1] / width, size[0] / height]))
    if scale < 1:
        score = interpolate(score, size=(height, width), mode="bilinear")
    return (score > 0).to(image.dtype)


def distance_to(start: np.ndarray, end: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the distance of every pixel's centre to a line segment, in pixels: (height, width)."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32) + 0.5
    direction = (end - start).astype(np.float32)
    x, y = columns - np.float32(start[0]), rows - np.float32(start[1])
    part = np.clip((x * direction[0] + y * direction[1]) / max(float(direction @ direction), 1e-6), 0, 1)
    return np.hypot(x - part * direction[0], y - part * direction[1])


def _score(image: Tensor, joints: Joints, scale: np.ndarray) -> Tensor:
    """Return (1, 1, h, w), above 0 for the figure."""
    height, width = image.shape[2:]
    above = _above_head(joints, scale, height, width)
    limbs, body = _distances(joints, scale, above)
    core = (limbs < LIMB_CORE) | (body < BODY_CORE)
    far = _far(limbs, body)
    nearness = np.clip(2 * (1 - np.minimum(2 * limbs, body) / TYPICAL), LOW, 2)
    prior = torch.from_numpy(nearness).float()
    bins = _bins(image)
    figure, background = torch.from_numpy(core).float(), torch.from_numpy(far).float()
    gap = round(GAP * _scaled_stature(joints, scale))
    for _ in range(ROUNDS):
        odds = _color_odds(bins, figure, background).reshape(height, width)
        score = avg_pool2d((odds + prior)[None, None], 3, 1, 1, count_include_pad=False)
        likely = (score > 0).float()
        bridged = connected_region(dilate(likely, gap), torch.from_numpy(core)[None, None].float())
        found = likely * bridged
        figure = found[0, 0]
        background = torch.from_numpy(far).float() + 1 - dilate(found)[0, 0]
    found = _with_hat(image, found, above, gap)
    outside = connected_region(1 - found, _rim(found))
    holes = 1 - found - outside
    strange = _histogram(bins, outside.flatten())[bins].reshape(height, width) < UNKNOWN
    inside = (found > 0) | ((holes > 0) & strange)
    return torch.where(inside, 1, -1) * (score.abs() + 1e-3)


def _with_hat(image: Tensor, figure: Tensor, above: np.ndarray, gap: int) -> Tensor:
    """Add what is above the head, next to the figure, of colours that a drawn background lacks elsewhere.

    Args:
        image: (1, 3, h, w) in 0..1.
        figure: (1, 1, h, w), what has been found, 0 or 1.
        above: (h, w), distance to where ears and hats may be, in body heights.
        gap: Pixels that may lie between them and the figure.

    Returns:
        The figure, (1, 1, h, w).

    """
    near = torch.from_numpy(above)[None, None] < HAT_REACH
    far = ((figure == 0) & ~near).float().flatten()
    if not near.any() or not is_flat(image[0].flatten(1).T[far > 0]):
        return figure
    bins = _bins(image, FINE_LEVELS)
    is_rare = _histogram(bins, far, FINE_LEVELS)[bins].reshape(figure.shape) < UNKNOWN
    rare = (avg_pool2d((is_rare & near).float(), 3, 1, 1, count_include_pad=False) > 0.5).float()
    whole = torch.maximum(figure, morph_open(rare))
    return whole * connected_region(dilate(whole, gap), figure)


def _rim(mask: Tensor) -> Tensor:
    """Return (1, 1, h, w): 1 along the image border."""
    rim = torch.ones_like(mask)
    rim[..., 1:-1, 1:-1] = 0
    return rim


def _distances(joints: Joints, scale: np.ndarray, above: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return distances (h, w) to the nearest bone of a limb, and of torso, head or ears, in body heights."""
    (height, width), places = above.shape, joints.reference * scale
    lines = [(top, end) for top, end, _ in LIMBS.values()], BODY
    limbs, body = (
        [
            distance_to(places[JOINT[top]], places[JOINT[end]], height, width)
            for top, end in pairs
            if joints.there[JOINT[top]] and joints.there[JOINT[end]]
        ]
        for pairs in lines
    )
    if not limbs and not body:
        body = [distance_to(place, place, height, width) for place in places[joints.there]]
    far = np.full((height, width), np.float32(height + width))
    stature = _scaled_stature(joints, scale)
    nearest_limb, nearest_body = (np.minimum.reduce([far, *found]) / stature for found in (limbs, body))
    return nearest_limb, np.minimum(nearest_body, above + EARS_DOUBT)


def _above_head(joints: Joints, scale: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the distance (h, w) to where ears and hats may be, in body heights; infinite if unknown.

    That is a line upwards from the head.
    """
    neck, nose = (JOINT[name] for name in ("neck", "nose"))
    if not joints.there[[neck, nose]].all():
        return np.full((height, width), np.float32(np.inf))
    start = joints.reference[nose]
    end = start + EARS * (start - joints.reference[neck])
    return distance_to(start * scale, end * scale, height, width) / _scaled_stature(joints, scale)


def _scaled_stature(joints: Joints, scale: np.ndarray) -> float:
    return joints.stature * float(scale.mean())


def _far(limbs: np.ndarray, body: np.ndarray) -> np.ndarray:
    far = (limbs > LIMB_REACH) & (body > BODY_REACH)
    rim = np.zeros_like(far)
    rim[:2], rim[-2:], rim[:, :2], rim[:, -2:] = True, True, True, True
    return far | (rim & (limbs > LIMB_REACH / 2) & (body > BODY_REACH / 2))


def _bins(image: Tensor, levels: int = LEVELS) -> Tensor:
    """Return the histogram bin of each pixel: (h * w,)."""
    red, green, blue = (image[0] * levels).long().clamp(0, levels - 1)
    return ((red * levels + green) * levels + blue).flatten()


def _color_odds(bins: Tensor, figure: Tensor, background: Tensor) -> Tensor:
    shares = [_histogram(bins, weights.flatten())[bins] + RARE for weights in (figure, background)]
    return (shares[0] / shares[1]).log().clamp(-STRONG, STRONG)


def _histogram(bins: Tensor, weights: Tensor, levels: int = LEVELS) -> Tensor:
    counts = torch.zeros(levels**3).index_add_(0, bins, weights)
    counts = counts / counts.sum().clamp(min=1)
    around = avg_pool3d(counts.reshape(1, 1, levels, levels, levels), 3, 1, 1)
    return 0.6 * counts + 0.4 * around.flatten() * 2
