"""Damaged files, made from whole ones by a seed."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.inputs.common import picture
from tests.inputs.videos import HEVC, write_video
from tests.pose import dialect_files as dialects

SOUND = "-f lavfi -i sine=d=0.3:r=44100 -shortest"
VIDEOS = {
    "a.mp4": f"{SOUND} -pix_fmt yuv420p",
    "a.mov": f"{SOUND} -c:v prores_ks",
    "a.mkv": f"{SOUND} {HEVC} -pix_fmt yuv420p",
    "a.webm": f"{SOUND} -c:v libvpx -b:v 1M",
    "a.avi": f"{SOUND} -c:v mpeg4 -q:v 2",
    "a.ts": f"{SOUND} -pix_fmt yuv420p",
    "a.mpg": f"{SOUND} -c:v mpeg2video -q:v 2",
    "a.gif": "",
    "a.flv": f"{SOUND} -c:v flv -q:v 2",
    "a.ogv": f"{SOUND} -c:v libtheora -q:v 10",
}
IMAGES: dict[str, dict[str, Any]] = {
    "a.png": {},
    "a.jpg": {"quality": 90},
    "b.jpg": {"quality": 90, "progressive": True},
    "a.webp": {},
    "a.avif": {},
    "a.gif": {},
    "a.tif": {"compression": "tiff_lzw"},
    "a.bmp": {},
    "a.tga": {},
    "a.ppm": {},
}
FORMS: tuple[Callable[..., Any], ...] = (
    dialects.openpose,
    dialects.alphapose,
    dialects.coco,
    dialects.mmpose,
    dialects.dwpose,
    dialects.mediapipe,
)
NUMBERS = (0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000)


def whole_files(kind: str, folder: Path) -> list[Path]:
    """Write whole files of a kind and return their paths."""
    if kind == "videos":
        return [write_video(folder / name, *options.split()) for name, options in VIDEOS.items()]
    if kind == "images":
        for name, options in IMAGES.items():
            picture().save(folder / name, **options)
        return [folder / name for name in IMAGES]
    poses = dialects.true_dance(3)
    for index, form in enumerate(FORMS):
        (folder / f"{index}.json").write_text(json.dumps(form(poses)))
    return [folder / f"{index}.json" for index in range(len(FORMS))]


def damaged(data: bytes, seed: int) -> bytes:
    """Return a file of which one to three places are damaged."""
    rng, changed = random.Random(seed), bytearray(data)
    for _ in range(rng.randint(1, 3)):
        rng.choice((_flip, _cut, _zero, _number, _repeat, _insert, _swap))(changed, rng)
    return bytes(changed)


def _place(data: bytearray, rng: random.Random) -> int:
    """Return a place, half of the time near the beginning, where headers are."""
    return rng.randrange(max(1, min(len(data), 200) if rng.random() < 0.5 else len(data)))


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 40)):
        place = _place(data, rng)
        data[place : place + 1] = bytes([rng.randrange(256)])


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[_place(data, rng) :]


def _zero(data: bytearray, rng: random.Random) -> None:
    place, length = _place(data, rng), rng.randint(1, 2000)
    data[place : place + length] = bytes(len(data[place : place + length]))


def _number(data: bytearray, rng: random.Random) -> None:
    place, order = _place(data, rng), rng.choice(("little", "big"))
    data[place : place + 4] = rng.choice(NUMBERS).to_bytes(4, "little" if order == "little" else "big")


def _repeat(data: bytearray, rng: random.Random) -> None:
    place = _place(data, rng)
    data[place:place] = data[place : place + 100] * rng.randint(1, 50)


def _insert(data: bytearray, rng: random.Random) -> None:
    place = _place(data, rng)
    data[place:place] = rng.randbytes(rng.randint(1, 300))


def _swap(data: bytearray, rng: random.Random) -> None:
    one, other = sorted((_place(data, rng), _place(data, rng)))
    data[one:], data[other:] = data[other:] + data[one:other], b""
