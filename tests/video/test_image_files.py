"""Untrusted images: only known formats, sizes checked in the header, and every fault in one sentence."""

import os
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animatex_core.errors import AnimateXError, InvalidInput
from animatex_core.video.image import FORMATS, read_image, supported_formats
from tests.support.peak_memory import linux, measured

READ = ("animatex_core.video.image", "read_image")
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, *more: bytes, colour: int = 2) -> bytes:
    """Return a PNG of any size without its pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    end = chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(more) + end


def tiff(*tags: tuple[int, int]) -> bytes:
    """Return a TIFF with tags of a long each."""
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


def webp(width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + sides
    body += b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def gif(width: int, height: int) -> bytes:
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\0"
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6) + frame + b";"


BOMB = zlib.compress(bytes(200 << 20), 9)
PLAIN_TIFF = ((256, 64), (257, 64), (258, 8), (259, 5), (262, 1), (277, 1))
LARGE = {
    "long line": png(100_000_000, 1),
    "tall line": png(1, 100_000_000),
    "just too long": png(32_769, 1),
    "square": png(30_000, 30_000),
    "largest": png(0x7FFFFFFF, 0x7FFFFFFF),
    "bmp": b"BM" + struct.pack("<IHHIIiiHH6I", 100, 0, 0, 54, 40, 90_000, 90_000, 1, 24, *[0] * 6),
    "gif frame": gif(65_535, 65_535),
    "webp canvas": webp(16_384, 16_384),
    "ppm": b"P6 50000 50000 255\n",
    "tga": bytes([0, 0, 2, *[0] * 9]) + struct.pack("<HHBB", 65_535, 65_535, 24, 0) + bytes(30),
    "tiff": tiff((256, 60_000), (257, 60_000), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (279, 1)),
    "tiff tile": tiff(*PLAIN_TIFF, (322, 1 << 16), (323, 1 << 16), (324, 8), (325, 16)),
}
BOMBS = {
    "text": png(4, 4, chunk(b"zTXt", b"a\0\0" + BOMB)),
    "many texts": png(4, 4, *[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 20)))] * 200),
    "profile": png(4, 4, chunk(b"iCCP", b"a\0\0" + BOMB)),
    "international": png(4, 4, chunk(b"iTXt", b"a\0\1\0\0\0" + BOMB)),
    "pixels": png(4, 4)[:33] + chunk(b"IDAT", BOMB) + chunk(b"IEND", b""),
}


@linux
@pytest.mark.parametrize("kind", LARGE)
def test_an_image_too_large_is_refused_by_its_header(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.png").write_bytes(LARGE[kind])
    call = measured(*READ, tmp_path / "a.png", imports=("PIL.TiffImagePlugin",))
    assert call.raised == "InvalidInput"
    assert "pixels" in call.message or "too large" in call.message
    assert call.peak < 60 << 20


@linux
@pytest.mark.parametrize("kind", BOMBS)
def test_what_is_beside_the_pixels_takes_no_memory(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.png").write_bytes(BOMBS[kind])
    call = measured(*READ, tmp_path / "a.png")
    assert call.raised in ("", "InvalidInput")
    assert call.peak < 150 << 20


@linux
def test_the_largest_image_takes_little_more_than_its_pixels(tmp_path: Path) -> None:
    Image.new("RGBA", (32_768, 3_000), (1, 2, 3, 4)).save(tmp_path / "a.png", compress_level=1)
    call = measured(*READ, tmp_path / "a.png")
    assert not call.raised
    # RGBA, RGB and what decoding holds beside them: 9.7 bytes a pixel where this was written.
    assert call.peak < 32_768 * 3_000 * (4 + 3 + 4)


@linux
def test_a_file_of_gigabytes_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as file:
        file.write(webp(4, 4))
        file.truncate(3 << 30)
    call = measured(*READ, tmp_path / "a.png")
    assert call.raised == "InvalidInput"
    assert call.peak < 60 << 20


@pytest.mark.skipif(sys.platform == "win32", reason="a program for a POSIX shell stands in for Ghostscript")
@pytest.mark.parametrize("name", ["a.png", "a.eps", "a.ps"])
def test_postscript_starts_no_program(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(EPS)
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path / 'started'}\nexit 1\n")
    (tmp_path / "gs").chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    call = "import sys; from animatex_core.video.image import read_image; read_image(sys.argv[1])"
    run = subprocess.run(
        [sys.executable, "-c", call, str(tmp_path / name)],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "InvalidInput" in run.stderr
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("kind", ["ICO", "PCX", "PDF", "DDS", "IM", "SGI", "MSP", "XBM", "TGA", "PPM"])
def test_only_formats_of_the_list_are_read(tmp_path: Path, kind: str) -> None:
    image = Image.new("1" if kind in ("MSP", "XBM") else "RGB", (16, 16))
    image.save(tmp_path / "a", kind)
    if kind in FORMATS:
        assert read_image(tmp_path / "a").rgb.shape == (16, 16, 3)
        return
    with pytest.raises(InvalidInput, match="not an image, or its format is not supported"):
        read_image(tmp_path / "a")


@pytest.mark.parametrize("kind", [kind for kind in supported_formats() if kind not in ("MPO", "DIB")])
def test_damage_of_any_kind_is_one_sentence(tmp_path: Path, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (24, 24, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole", kind)
    data, rng = (tmp_path / "whole").read_bytes(), random.Random(kind)
    for _ in range(150):
        damaged = bytearray(data[: rng.randrange(len(data))] if rng.random() < 0.3 else data)
        for _ in range(rng.randrange(1, 6)):
            if damaged:
                damaged[rng.randrange(min(len(damaged), rng.choice((40, 400, 4000))))] = rng.randrange(256)
        (tmp_path / "damaged").write_bytes(damaged)
        try:
            read_image(tmp_path / "damaged")
        except AnimateXError as error:
            assert len(str(error)) < 600 + len(str(tmp_path))  # noqa: PT017 - only some of them fail


def test_the_limit_of_the_process_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in (None, 10, Image.MAX_IMAGE_PIXELS):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        (tmp_path / "a.png").write_bytes(png(40_000, 10))
        with pytest.raises(InvalidInput, match=r"a side|too large"):
            read_image(tmp_path / "a.png")
        assert limit == Image.MAX_IMAGE_PIXELS
