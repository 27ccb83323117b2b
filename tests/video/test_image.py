"""Reading and writing images."""

import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animatex_core.errors import InvalidInput, StorageError
from animatex_core.video.image import IMAGE_SUFFIXES, read_image, write_image

GRADIENT = np.linspace(0, 255, 12 * 8).astype(np.uint8).reshape(8, 12)


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        *(("RGB", "png"), ("L", "png"), ("1", "png"), ("P", "png"), ("P", "gif"), ("L", "jpg")),
        *(("CMYK", "jpg"), ("CMYK", "tiff"), ("RGB", "bmp"), ("RGB", "webp"), ("YCbCr", "jpg"), ("L", "pgm")),
    ],
)
def test_every_kind_of_image_becomes_rgb(tmp_path: Path, mode: str, suffix: str) -> None:
    colours = np.dstack([GRADIENT, GRADIENT[::-1], np.full_like(GRADIENT, 90)])
    image = Image.fromarray(colours).convert(mode)
    picture = read_image(saved(tmp_path / f"picture.{suffix}", image))
    assert picture.alpha is None
    assert np.abs(picture.rgb.astype(int) - np.asarray(image.convert("RGB"))).mean() < 6


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bits_of_grey_keep_their_range(tmp_path: Path, suffix: str) -> None:
    deep = np.linspace(0, 65535, 96).astype(np.uint16).reshape(8, 12)
    picture = read_image(saved(tmp_path / f"deep.{suffix}", Image.fromarray(deep)))
    np.testing.assert_array_equal(picture.rgb[..., 1], deep >> 8)


def png(width: int, height: int, bits: int, colour: int, rows: bytes) -> bytes:
    """Return a PNG file made by hand."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    body = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def test_sixteen_bits_of_colour_keep_their_range(tmp_path: Path) -> None:
    (tmp_path / "deep.png").write_bytes(
        png(1, 1, 16, 2, b"\0" + np.array([0, 256 * 77, 65535], ">u2").tobytes())
    )
    assert read_image(tmp_path / "deep.png").rgb.tolist() == [[[0, 77, 255]]]


@pytest.mark.parametrize(
    ("mode", "colour"), [("RGBA", (200, 0, 0, 0)), ("RGBA", (200, 0, 0, 51)), ("LA", (0, 51)), ("PA", None)]
)
def test_transparent_parts_are_laid_on_white(
    tmp_path: Path, mode: str, colour: tuple[int, ...] | None
) -> None:
    image = (
        Image.new("RGBA", (4, 3), (100, 50, 0, 128)) if colour is None else Image.new(mode, (4, 3), colour)
    )
    image = image.convert(mode) if mode != "PA" else image
    alpha = np.asarray(image.convert("RGBA"))[0, 0, 3]
    picture = read_image(saved(tmp_path / "ghost.png", image))
    expected = np.asarray(image.convert("RGBA"))[0, 0, :3] * (alpha / 255) + 255 - alpha
    assert picture.alpha is not None
    assert (picture.alpha == alpha).all()
    np.testing.assert_allclose(picture.rgb[1, 1], expected, atol=1)


def test_a_transparent_colour_of_a_palette_is_alpha(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    image.putpalette([255, 0, 0, 0, 255, 0])
    picture = read_image(saved(tmp_path / "hole.gif", image, transparency=0))
    assert picture.rgb.tolist() == [[[255, 255, 255], [0, 255, 0]]]
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[0, 255]]


def test_an_opaque_alpha_is_none(tmp_path: Path) -> None:
    picture = read_image(saved(tmp_path / "opaque.png", Image.new("RGBA", (3, 2), (1, 2, 3, 255))))
    assert picture.alpha is None
    assert picture.aspect == 1.5


@pytest.mark.parametrize(("orientation", "corner"), [(1, (0, 0)), (3, (1, 2)), (6, (0, 1)), (8, (2, 0))])
def test_the_rotation_of_exif_is_applied(tmp_path: Path, orientation: int, corner: tuple[int, int]) -> None:
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[0, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = read_image(saved(tmp_path / "turned.png", Image.fromarray(pixels), exif=exif))
    assert picture.rgb.shape[:2] == ((3, 2) if orientation in (6, 8) else (2, 3))
    assert picture.rgb[corner].tolist() == [255, 255, 255]


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_of_several_frames_the_first_is_read(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("white", "black")]
    path = saved(tmp_path / f"two.{suffix}", frames[0], save_all=True, append_images=frames[1:])
    assert read_image(path).rgb.min() == 255


@pytest.mark.parametrize("name", ["a b%20.png", "-dash.png", "naïve 絵.png", "100%d.png"])
def test_odd_names_are_names(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_image(name, np.full((2, 3, 3), 7, np.uint8))
    assert (read_image(name).rgb == 7).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        (b"", "not an image"),
        (b"hello", "not an image"),
        ("folder", "is a directory"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes | str | None, message: str) -> None:
    path = tmp_path / "what.png"
    if content == "folder":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(InvalidInput, match=f"what.png.*{message}|{message}.*"):
        read_image(path)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "tiff", "bmp"])
def test_every_truncation_is_refused_or_read(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    whole = saved(tmp_path / f"whole.{suffix}", Image.fromarray(noise)).read_bytes()
    refused = 0
    for size in range(1, len(whole) - 40, max(1, len(whole) // 40)):
        (tmp_path / "part").write_bytes(whole[:size])
        try:
            assert read_image(tmp_path / "part").rgb.shape == (32, 32, 3)
        except InvalidInput as error:
            refused += "part" in str(error)
    assert refused > 20


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_flipped_bytes_are_refused_or_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8))
    for suffix in ("png", "jpg", "gif", "tiff", "webp"):
        whole = np.frombuffer(saved(tmp_path / f"whole.{suffix}", image).read_bytes(), np.uint8)
        for _ in range(60):
            broken = whole.copy()
            broken[rng.integers(0, len(broken), 4)] = rng.integers(0, 256, 4)
            (tmp_path / "broken").write_bytes(broken.tobytes())
            with suppress(InvalidInput):
                assert read_image(tmp_path / "broken").rgb.dtype == np.uint8


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_an_image_of_absurd_size_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "vast.png").write_bytes(png(11000, 10000, 8, 2, b""))
    with pytest.raises(InvalidInput, match=r"11000x10000 pixels, but the maximum is 100,000,000"):
        read_image(tmp_path / "vast.png")
    (tmp_path / "bomb.png").write_bytes(png(30000, 30000, 8, 2, b""))
    with pytest.raises(InvalidInput, match="too large"):
        read_image(tmp_path / "bomb.png")


def test_floating_point_images_are_refused(tmp_path: Path) -> None:
    saved(tmp_path / "float.tiff", Image.fromarray(np.ones((2, 2), np.float32)))
    with pytest.raises(InvalidInput, match="floating-point"):
        read_image(tmp_path / "float.tiff")


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_a_written_image_reads_back(tmp_path: Path, suffix: str) -> None:
    rgb = np.repeat(GRADIENT[..., None], 3, axis=-1)
    path = write_image(tmp_path / f"new/picture{suffix}", rgb)
    assert np.abs(read_image(path).rgb.astype(int) - rgb).mean() < 4


@pytest.mark.parametrize(
    ("name", "rgb"),
    [
        ("x.bmp", np.zeros((2, 2, 3), np.uint8)),
        ("x.png", np.zeros((2, 2), np.uint8)),
        ("x.png", np.zeros((2, 2, 3))),
        ("x.png", np.zeros((0, 2, 3), np.uint8)),
        ("x.png", [[0]]),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path: Path, name: str, rgb: object) -> None:
    with pytest.raises(InvalidInput):
        write_image(tmp_path / name, rgb)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "x.png").mkdir()
    with pytest.raises(StorageError, match="is a directory"):
        write_image(tmp_path / "x.png", np.zeros((2, 2, 3), np.uint8))
