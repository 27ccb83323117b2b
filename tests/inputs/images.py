"""Images of every format."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from animatex_core.errors import AnimateXError
from animatex_core.video.image import read_image
from tests.inputs.common import LEFT, SIDE, Read, picture, refused, same


def assert_image(path: Path, size: tuple[int, int] = (SIDE, SIDE), grey: bool = False) -> None:
    found = read_image(path).rgb
    assert found.shape == (size[1], size[0], 3)
    if not grey:
        assert np.abs(found[SIDE // 2, SIDE // 4].astype(int) - LEFT).max() <= 10


def images(*files: tuple[str, Callable[[Image.Image], Image.Image], dict[str, Any]]) -> Read:
    def read(folder: Path) -> None:
        for name, change, options in files:
            changed = change(picture())
            changed.save(folder / name, **options)
            assert_image(folder / name, grey=changed.mode in ("L", "1", "I;16"))

    return read


def as_mode(mode: str) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.convert(mode)


def turned(folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture().crop((0, 0, SIDE, SIDE // 2)).save(folder / "a.jpg", exif=exif, quality=95)
    assert read_image(folder / "a.jpg").rgb.shape == (SIDE, SIDE // 2, 3)


def other_images(folder: Path) -> None:
    picture().save(folder / "a.eps")
    picture().save(folder / "a.ico")
    picture().save(folder / "a.dds")
    (folder / "a.psd").write_bytes(b"8BPS\0\x01" + bytes(100))
    (folder / "a.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    for path in sorted(folder.glob("a.*")):
        refused(read_image, path)
    raise AnimateXError("All were refused.")


def floats(folder: Path) -> None:
    Image.fromarray(np.ones((8, 8), np.float32)).save(folder / "a.tif")
    read_image(folder / "a.tif")


IMAGES: dict[str, Read] = {
    "PNG of 8 or 16 bits, grey, palette, 1 bit, with alpha": images(
        ("8.png", same, {}),
        ("16.png", lambda image: Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257), {}),
        ("grey.png", as_mode("L"), {}),
        ("palette.png", lambda image: image.quantize(8), {}),
        ("1.png", as_mode("1"), {}),
        ("alpha.png", as_mode("RGBA"), {}),
    ),
    "JPEG in RGB or grey": images(("a.jpg", same, {"quality": 95}), ("grey.jpg", as_mode("L"), {})),
    "JPEG in CMYK": images(("a.jpg", as_mode("CMYK"), {"quality": 95})),
    "WebP, AVIF, GIF, BMP, TIFF, PPM, TGA": images(
        *((f"a{suffix}", same, {}) for suffix in (".webp", ".avif", ".gif", ".bmp", ".tif", ".ppm", ".tga"))
    ),
    "EXIF rotation": turned,
    "several frames": images(
        ("a.gif", same, {"save_all": True, "append_images": [Image.new("RGB", (SIDE, SIDE))]})
    ),
    "floating-point TIFF": floats,
    "EPS, PSD, ICO, DDS, SVG, HEIC": other_images,
}
