"""Conversion of encoded video and image colours to sRGB. Pure arithmetic.

The conversion follows BT.2408 for graphics: diffuse white, 203 cd/m2 of PQ and of HLG on its display of
1000 cd/m2, becomes the white of sRGB. Darker colours keep their brightness. Brighter colours, and those out
of the sRGB gamut, are clipped per channel. SDR keeps its brightness.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Chromaticities = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]

WHITE_NITS = 203.0  # BT.2408, diffuse white
HLG_PEAK_NITS, HLG_GAMMA = 1000.0, 1.2  # BT.2100, reference display
HLG_A, HLG_B, HLG_C = 0.17883277, 0.28466892, 0.55991073
PQ_M1, PQ_M2 = 2610 / 16384, 2523 / 4096 * 128
PQ_C1, PQ_C2, PQ_C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
LUMA_2020 = np.array([0.2627, 0.6780, 0.0593])
PQ, HLG, LINEAR, SRGB, GAMMA22 = "smpte2084", "arib-std-b67", "linear", "iec61966-2-1", "bt470m"
D65, ILLUMINANT_C, ILLUMINANT_E, DCI = (0.3127, 0.3290), (0.310, 0.316), (1 / 3, 1 / 3), (0.314, 0.351)
# CIE 1931 x, y of red, green, blue and white, by ffmpeg's names (ITU-T H.273, table 2).
PRIMARIES = {
    "bt709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), D65),
    "bt470m": ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), ILLUMINANT_C),
    "film": ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), ILLUMINANT_C),
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    "smpte428": ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), ILLUMINANT_E),
    "smpte431": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), DCI),
    "smpte432": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65),
}
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
CUBE_SIDE = 33
LEVELS = 1 << 16
SWSCALE_WHITE = 65300.0  # of 65535: about the value that ffmpeg's scaler gives white
BAND_ROWS = 64  # converted at once, to fit into the processor's cache
SRGB_STEPS = 1 << 14  # of linear light; a step is a third of an 8-bit level in the darkest part of sRGB


@dataclass(frozen=True)
class Conversion:
    """A conversion from encoded RGB to sRGB.

    Attributes:
        transfer: The transfer function of the encoded values: PQ, HLG, LINEAR, SRGB, GAMMA22, or the exponent
            that linearizes them.
        primaries: A key of PRIMARIES, or x, y of red, green, blue and white.

    """

    transfer: str | float
    primaries: str | Chromaticities

    def frame(self, deep: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """Convert a frame, (h, w, 3) uint16 RGB from ffmpeg's scaler, to (h, w, 3) uint8 sRGB."""
        return self._converted(deep, self._deep_curve)

    def image(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Convert (h, w, 3) uint8 RGB to (h, w, 3) uint8 sRGB."""
        return self._converted(rgb, to_linear(np.arange(256) / 255, self.transfer).astype(np.float32))

    def _converted(
        self, values: NDArray[np.unsignedinteger], curve: NDArray[np.float32]
    ) -> NDArray[np.uint8]:
        out, matrix = np.empty(values.shape, np.uint8), self._matrix
        for row in range(0, len(values), BAND_ROWS):
            band = slice(row, row + BAND_ROWS)
            linear = curve[values[band]]
            if self.transfer == HLG:
                linear *= _system_gamma(linear)
            steps = np.clip(linear @ matrix, 0, 1) * (SRGB_STEPS - 1) + 0.5
            out[band] = _srgb_levels()[steps.astype(np.uint16)]
        return out

    @cached_property
    def _deep_curve(self) -> NDArray[np.float32]:
        encoded = np.minimum(np.arange(LEVELS) / SWSCALE_WHITE, 1)
        return to_linear(encoded, self.transfer).astype(np.float32)

    @property
    def _matrix(self) -> NDArray[np.float32]:
        named = PRIMARIES[self.primaries] if isinstance(self.primaries, str) else self.primaries
        return to_bt709(named).T.astype(np.float32)


def to_linear(encoded: Floats, transfer: str | float) -> Floats:
    """Return linear light, 1 at diffuse white; for HLG before the system gamma, which mixes channels."""
    if transfer == PQ:
        power = encoded ** (1 / PQ_M2)
        return (np.maximum(power - PQ_C1, 0) / (PQ_C2 - PQ_C3 * power)) ** (1 / PQ_M1) * 10_000 / WHITE_NITS
    if transfer == HLG:
        return np.where(encoded <= 0.5, encoded**2 / 3, (np.exp((encoded - HLG_C) / HLG_A) + HLG_B) / 12)
    if transfer == SRGB:
        return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    exponent = transfer if isinstance(transfer, float) else 1.0 if transfer == LINEAR else 2.2
    return encoded**exponent


def to_srgb(linear: Floats) -> Floats:
    """Return the encoded values of sRGB, 0..1, for linear light, 0..1."""
    return np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055
    )


def to_bt709(primaries: Chromaticities) -> Floats:
    """Return the (3, 3) matrix from linear light with these primaries to BT.709 and sRGB.

    The white point is adapted with the Bradford transform, so that white stays white.
    """
    target = PRIMARIES["bt709"]
    adapted = _adaptation(primaries[3], target[3]) @ _to_xyz(primaries)
    return np.linalg.inv(_to_xyz(target)) @ adapted


@lru_cache(maxsize=1)
def hlg_cube() -> bytes:
    """Return a 3D lookup table, in .cube format, that applies the system gamma of BT.2100 to HLG.

    With it, a converter that applies the transfer function per channel, such as zimg, gives the right
    colours. Greys are unchanged.
    """
    axis = np.linspace(0, 1, CUBE_SIDE)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    scene = to_linear(np.stack([red, green, blue], axis=-1).reshape(-1, 3), HLG)
    display = scene * _luminance(scene) ** (HLG_GAMMA - 1)
    encoded = np.clip(_hlg_encoded(display ** (1 / HLG_GAMMA)), 0, 1)
    rows = "%.6f %.6f %.6f\n" * len(encoded) % tuple(encoded.ravel().tolist())
    return f"LUT_3D_SIZE {CUBE_SIDE}\n{rows}".encode("ascii")


def _system_gamma(scene: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the factors from scene light (..., 3) to display light, 1 at diffuse white."""
    return _luminance(scene) ** np.float32(HLG_GAMMA - 1) * np.float32(HLG_PEAK_NITS / WHITE_NITS)


def _luminance(scene: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.maximum(scene @ LUMA_2020.astype(scene.dtype), 1e-9)[..., None]


def _hlg_encoded(scene: Floats) -> Floats:
    upper = HLG_A * np.log(np.maximum(12 * scene - HLG_B, 1e-9)) + HLG_C
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), upper)


@lru_cache(maxsize=1)
def _srgb_levels() -> NDArray[np.uint8]:
    encoded = to_srgb(np.arange(SRGB_STEPS) / (SRGB_STEPS - 1))
    return (encoded * 255 + 0.5).astype(np.uint8)


def _to_xyz(primaries: Chromaticities) -> Floats:
    columns = np.array([[x, y, 1 - x - y] for x, y in primaries[:3]]).T
    return columns * np.linalg.solve(columns, _white(primaries[3]))


def _adaptation(source: tuple[float, float], target: tuple[float, float]) -> Floats:
    gains = (BRADFORD @ _white(target)) / (BRADFORD @ _white(source))
    return np.linalg.inv(BRADFORD) @ (gains[:, None] * BRADFORD)


def _white(xy: tuple[float, float]) -> Floats:
    x, y = xy
    return np.array([x / y, 1.0, (1 - x - y) / y])
