"""Colours of images in sRGB."""

import struct
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from animatex_core.errors import AnimateXWarning
from animatex_core.video.colour import PQ, SRGB
from animatex_core.video.image import read_image
from animatex_core.video.info import probe
from animatex_core.video.reader import read_frames
from tests.video.charts import TOLERANCE, chart, encoded_by, linear_in, worst_error

FILES = Path(__file__).parent / "profiles"
P3_POINTS = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
Chunk = tuple[bytes, bytes]


def profile(name: str) -> bytes:
    """Return the ICC profile of an image."""
    return (FILES / f"{name}.icc").read_bytes()


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def eight_bits(encoded: np.ndarray) -> np.ndarray:
    return np.round(encoded * 255).clip(0, 255).astype(np.uint8)


def in_profile(name: str) -> np.ndarray:
    """Return the chart in the colours of a profile."""
    source, target = ImageCms.createProfile("sRGB"), ImageCms.getOpenProfile(str(FILES / f"{name}.icc"))
    converted = ImageCms.profileToProfile(Image.fromarray(chart()), source, target)
    assert converted is not None
    return np.asarray(converted)


def write_png(path: Path, rgb: np.ndarray, chunks: Sequence[Chunk]) -> Path:
    height, width, _ = rgb.shape
    head = (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = (b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rgb)))
    parts = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in (head, *chunks, data, (b"IEND", b""))
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


def gamma(value: float) -> Chunk:
    return b"gAMA", struct.pack(">I", round(value * 100_000))


def points(values: Sequence[float]) -> Chunk:
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in values))


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff", "avif"])
@pytest.mark.parametrize("name", ["p3", "adobe"])
def test_a_profile_is_applied(tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"image.{suffix}"
    options = {"lossless": True} if suffix == "webp" else {"quality": 100, "subsampling": "4:4:4"}
    stored = in_profile(name).repeat(4, 0).repeat(4, 1)
    Image.fromarray(stored).save(
        path, icc_profile=profile(name), **({} if suffix in ("png", "tiff") else options)
    )
    assert worst_error(stored) > 10
    assert worst_error(read_image(path).rgb) <= (8 if suffix == "avif" else TOLERANCE)  # of the codec


def test_an_image_in_srgb_stays_to_the_bit(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png", icc_profile=srgb_profile())
    np.testing.assert_array_equal(read_image(tmp_path / "noise.png").rgb, noise)


def test_transparency_stays_beside_a_profile(tmp_path: Path) -> None:
    stored = Image.fromarray(in_profile("p3")).convert("RGBA")
    stored.putalpha(Image.fromarray(np.tile(np.repeat([255, 0], 64).astype(np.uint8), (64, 1))))
    stored.save(tmp_path / "clear.png", icc_profile=profile("p3"))
    picture = read_image(tmp_path / "clear.png")
    assert picture.alpha is not None
    assert (picture.alpha[0, 0], picture.alpha[0, 127]) == (255, 0)
    assert np.abs(picture.rgb[16, 16].astype(int) - (230, 40, 40)).max() <= TOLERANCE
    assert (picture.rgb[:, 64:] == 255).all()


def test_a_palette_has_the_colours_of_its_profile(tmp_path: Path) -> None:
    stored = Image.fromarray(in_profile("p3")).quantize(256)
    stored.save(tmp_path / "palette.png", icc_profile=profile("p3"))
    assert worst_error(read_image(tmp_path / "palette.png").rgb) <= TOLERANCE


def test_greys_have_the_curve_of_their_profile(tmp_path: Path) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    linear = profile("grey_linear")
    Image.fromarray(levels).save(tmp_path / "grey.png", icc_profile=linear)
    expected = eight_bits(encoded_by(SRGB, levels / 255))
    assert np.abs(read_image(tmp_path / "grey.png").rgb[..., 0].astype(int) - expected).max() <= 1


def test_greys_of_16_bits_have_the_curve_of_their_profile(tmp_path: Path) -> None:
    levels = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    Image.fromarray(levels).save(tmp_path / "grey.png", icc_profile=profile("grey_linear"))
    expected = eight_bits(encoded_by(SRGB, (levels >> 8) / 255))
    assert np.abs(read_image(tmp_path / "grey.png").rgb[..., 0].astype(int) - expected).max() <= 1


def test_cmyk_has_the_colours_of_its_profile(tmp_path: Path) -> None:
    inks = Image.merge("CMYK", [Image.new("L", (8, 8), level) for level in (0, 255, 255, 0)])
    inks.save(tmp_path / "inks.tiff", icc_profile=profile("cmyk"))
    source = ImageCms.getOpenProfile(str(FILES / "cmyk.icc"))
    expected = ImageCms.profileToProfile(inks, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert expected is not None
    found = read_image(tmp_path / "inks.tiff").rgb
    np.testing.assert_array_equal(found, np.asarray(expected))
    assert np.abs(found[0, 0].astype(int) - (255, 0, 0)).max() > 10  # what CMYK without a profile becomes


def test_lab_becomes_srgb(tmp_path: Path) -> None:
    lab = ImageCms.profileToProfile(
        Image.fromarray(chart()),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert lab is not None
    lab.save(tmp_path / "lab.tiff")
    assert worst_error(read_image(tmp_path / "lab.tiff").rgb) < 10  # steps of 8 bits of Lab


@pytest.mark.parametrize("content", [b"no profile", b"", "cut", "of inks"])
def test_a_broken_profile_is_reported_and_left_out(tmp_path: Path, content: bytes | str) -> None:
    broken = {"cut": profile("p3")[:100], "of inks": profile("cmyk")}.get(str(content), content)
    Image.fromarray(chart()).save(tmp_path / "broken.png", icc_profile=broken)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert worst_error(read_image(tmp_path / "broken.png").rgb) == 0
    sentences = [str(each.message) for each in caught if issubclass(each.category, AnimateXWarning)]
    assert len(sentences) == (1 if broken else 0)
    assert all("broken.png" in each and "\n" not in each for each in sentences)


def wide(curve: str | float, primaries: str) -> np.ndarray:
    return eight_bits(encoded_by(curve, linear_in(primaries)))


@pytest.mark.parametrize(
    ("curve", "primaries", "chunks"),
    [
        (SRGB, "smpte432", [(b"cICP", bytes([12, 13, 0, 1]))]),
        (PQ, "bt2020", [(b"cICP", bytes([9, 16, 0, 1]))]),
        (SRGB, "smpte432", [gamma(0.45455), points(P3_POINTS)]),
        (SRGB, "smpte432", [points(P3_POINTS)]),
        (1.8, "bt709", [gamma(1 / 1.8)]),
        (1.0, "bt709", [gamma(1.0)]),
        (SRGB, "bt709", [(b"sRGB", b"\0"), gamma(1.0)]),
        (SRGB, "bt709", [gamma(0.45455)]),
        (SRGB, "bt709", [points([0.0] * 8)]),
        (SRGB, "bt709", [gamma(0.0)]),
        (SRGB, "bt709", [(b"cICP", bytes([1, 13, 0, 1]))]),
    ],
)
def test_what_png_says_of_its_colours_is_applied(
    tmp_path: Path, curve: str | float, primaries: str, chunks: list[Chunk]
) -> None:
    path = write_png(tmp_path / "chart.png", wide(curve, primaries), chunks)
    # 8 bits of PQ are steps of 4 in sRGB, those of linear light steps of 10 near black.
    assert worst_error(read_image(path).rgb) <= (4 if curve in (PQ, 1.0) else 1)


def test_cameras_say_adobe_rgb_in_exif(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x8769] = {0xA001: 65535, 0xA005: {1: "R03"}}
    stored = Image.fromarray(in_profile("adobe").repeat(4, 0).repeat(4, 1))
    stored.save(tmp_path / "camera.jpg", quality=100, subsampling=0, exif=exif)
    assert worst_error(read_image(tmp_path / "camera.jpg").rgb) <= TOLERANCE


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_an_image_in_place_of_a_video_has_its_colours_too(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"still.{suffix}"
    exif = Image.Exif()
    exif[0x112] = 6  # turned by a quarter
    options: dict[str, Any] = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(np.rot90(in_profile("p3"))).save(path, icc_profile=profile("p3"), exif=exif, **options)
    info = probe(path)
    frames = list(read_frames(info))
    assert (info.width, info.height, info.frames, len(frames)) == (128, 64, 1, 1)
    assert worst_error(frames[0]) <= TOLERANCE
    with pytest.warns(AnimateXWarning, match="has 1 frames, but frame 3"):
        assert len(list(read_frames(info, indices=[0, 3]))) == 1
