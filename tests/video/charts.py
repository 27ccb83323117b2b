"""A colour chart, encoded by the formulas of the standards, and the expected result of reading it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from animatex_core.video.colour import (
    HLG,
    HLG_A,
    HLG_B,
    HLG_C,
    LUMA_2020,
    PQ,
    PQ_C1,
    PQ_C2,
    PQ_C3,
    PQ_M1,
    PQ_M2,
    PRIMARIES,
    SRGB,
    WHITE_NITS,
    to_bt709,
    to_srgb,
)
from tests.video.samples import ffmpeg

COLOURS = (
    *((230, 40, 40), (40, 200, 60), (40, 60, 220), (240, 220, 40)),
    *((220, 170, 140), (250, 250, 250), (128, 128, 128), (20, 20, 20)),
)
SIDE = 32  # of a patch
TOLERANCE = 3  # of 255
LUMA = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593), "240": (0.212, 0.087)}
H264 = ("-c:v", "libx264", "-crf", "4")
HEVC = ("-c:v", "libx265", "-x265-params", "log-level=none", "-crf", "4")
LOSSLESS = ("-c:v", "ffv1")


def chart(scale: int = 1) -> np.ndarray:
    """Return the chart, (h, w, 3) uint8 sRGB: four patches in each of two rows."""
    patches = np.array(COLOURS, np.uint8).reshape(2, 4, 3)
    return patches.repeat(SIDE * scale, 0).repeat(SIDE * scale, 1)


def worst_error(frame: np.ndarray) -> int:
    """Return how far the middles of the patches are from their colours at most."""
    height, width = frame.shape[:2]
    rows, columns = (np.arange(2) * 2 + 1) * height // 4, (np.arange(4) * 2 + 1) * width // 8
    found = frame[rows[:, None], columns].reshape(-1, 3)
    return int(np.abs(found.astype(int) - COLOURS).max())


def linear_in(primaries: str, rgb: np.ndarray | None = None) -> np.ndarray:
    """Return the chart in linear light of these primaries, 1 at diffuse white."""
    encoded = (chart() if rgb is None else rgb) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return np.clip(linear @ np.linalg.inv(to_bt709(PRIMARIES[primaries])).T, 0, 1)


def encoded_by(curve: str | float, linear: np.ndarray) -> np.ndarray:
    """Return linear light encoded by a curve, or by the power 1 / curve."""
    if curve == PQ:
        power = (linear * WHITE_NITS / 10_000) ** PQ_M1
        return ((PQ_C1 + PQ_C2 * power) / (1 + PQ_C3 * power)) ** PQ_M2
    if curve == HLG:
        display = linear * WHITE_NITS / 1000
        scene = display * np.maximum(display @ LUMA_2020, 1e-9)[..., None] ** ((1 - 1.2) / 1.2)
        upper = HLG_A * np.log(np.maximum(12 * scene - HLG_B, 1e-9)) + HLG_C
        return np.where(scene <= 1 / 12, np.sqrt(3 * scene), upper)
    return to_srgb(linear) if curve == SRGB else linear ** (1 / float(curve))


def write_encoded(
    path: Path,
    encoded: np.ndarray,
    luma: str,
    tags: Sequence[str] | None,
    *,
    pixels: str = "yuv420p",
    span: str = "tv",
    codec: Sequence[str] = H264,
    frames: int = 3,
) -> Path:
    """Write RGB of 0..1 as YCbCr of 10 bits at first. tags: primaries, transfer and matrix, None for none."""
    planes = _ycbcr(encoded, *LUMA[luma], full=span == "pc").tobytes() * frames
    height, width, _ = encoded.shape
    raw = [
        "-f",
        "rawvideo",
        "-pix_fmt",
        "yuv444p10le",
        "-s",
        f"{width}x{height}",
        "-framerate",
        "25",
        "-i",
        "-",
    ]
    scaled = (
        f"setparams=range={span},scale=in_range={span}:out_range={span}:flags=accurate_rnd,format={pixels}"
    )
    names = ("color_primaries", "color_trc", "colorspace")
    marked = ":".join(f"{name}={tag}" for name, tag in zip(names, tags or (), strict=False))
    marks = f",setparams=range={span}{':' if marked else ''}{marked}"
    ffmpeg(*raw, "-vf", scaled + marks, *codec, str(path), given=planes)
    return path


def _ycbcr(rgb: np.ndarray, red: float, blue: float, *, full: bool) -> np.ndarray:
    luma = rgb @ np.array([red, 1 - red - blue, blue])
    differences = (rgb[..., 2] - luma) / (2 - 2 * blue), (rgb[..., 0] - luma) / (2 - 2 * red)
    spans, floor = ((1023, 1023), 0) if full else ((876, 896), 64)
    planes = [luma * spans[0] + floor, *(each * spans[1] + 512 for each in differences)]
    return np.clip(np.round(planes), 0, 1023).astype("<u2")
