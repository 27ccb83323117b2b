"""Transparency in written videos, decoded by ffmpeg and Pillow."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from animatex_core.errors import InvalidInput
from animatex_core.video.audio import AudioSource
from animatex_core.video.ffmpeg import executable
from animatex_core.video.info import probe
from animatex_core.video.reader import read_frames
from animatex_core.video.writer import check_output, write_clip
from tests.video.samples import ffmpeg

HEIGHT, WIDTH, COUNT = 48, 64, 5
# Largest errors: of alpha, and of the colors of pixels that are at least half visible.
LIMITS = {"webm": (8, 6), "mov": (1, 2), "webp": (0, 12), "apng": (0, 0), "png": (0, 0)}


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """A soft disc that moves, in colors that a premultiplied file would darken."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    shown = np.full((COUNT, HEIGHT, WIDTH, 4), (220, 60, 90, 0), np.uint8)
    for number, frame in enumerate(shown):
        frame[..., 3] = np.clip((18 - np.hypot(columns - 20 - 4 * number, rows - 24)) * 25, 0, 255)
    return shown


def decoded(path: Path) -> np.ndarray:
    """Decode with ffmpeg alone, with the decoder that knows alpha."""
    decoder = ["-c:v", "libvpx-vp9"] if path.suffix == ".webm" else []
    raw = ["-f", "rawvideo", "-pix_fmt", "rgba", "pipe:1"]
    command = [executable(), "-v", "error", *decoder, "-i", str(path), *raw]
    done = subprocess.run(command, capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, HEIGHT, WIDTH, 4)


def opened(path: Path) -> np.ndarray:
    """Decode with Pillow."""
    if path.is_dir():
        return np.stack([np.asarray(Image.open(each)) for each in sorted(path.iterdir())])
    with Image.open(path) as image:
        return np.stack([np.asarray(each.convert("RGBA")) for each in ImageSequence.Iterator(image)])


@pytest.mark.parametrize("kind", LIMITS)
def test_alpha_and_straight_colors_survive(tmp_path: Path, frames: np.ndarray, kind: str) -> None:
    path = tmp_path / ("clip" if kind == "png" else f"clip.{kind}")
    write_clip(path, frames, fps=12, quality=9, alpha=True)
    found = decoded(path) if kind in ("webm", "mov") else opened(path)
    read = np.stack(list(read_frames(probe(path, fps=12 if kind == "png" else None), alpha=True)))
    most_alpha, most_color = LIMITS[kind]
    visible = frames[..., 3] >= 128
    for each in (found, read):
        error = np.abs(each.astype(int) - frames)
        assert error[..., 3].max() <= most_alpha
        assert error[visible, :3].max() <= most_color


@pytest.mark.parametrize("kind", ["webm", "mov"])
def test_sound_keeps_it(tmp_path: Path, frames: np.ndarray, kind: str) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", str(tmp_path / "sound.wav"))
    path = write_clip(
        tmp_path / f"clip.{kind}", frames, fps=12, alpha=True, sound=AudioSource(tmp_path / "sound.wav")
    )
    assert probe(path).has_audio
    assert probe(path).has_alpha
    assert np.abs(decoded(path)[..., 3].astype(int) - frames[..., 3]).max() <= LIMITS["webm"][0]


@pytest.mark.parametrize("kind", ["mov", "webp", "apng"])
def test_opaque_frames_are_written_too(tmp_path: Path, frames: np.ndarray, kind: str) -> None:
    path = write_clip(tmp_path / f"clip.{kind}", frames[..., :3], fps=12, quality=10)
    found = decoded(path) if kind == "mov" else opened(path)
    assert (found[..., 3] == 255).all()
    assert np.abs(found[..., :3].astype(int) - frames[..., :3]).max() <= 2


@pytest.mark.parametrize("name", ["An mp4", "A gif"])
def test_a_format_without_alpha_is_refused_with_those_that_have_it(
    tmp_path: Path, frames: np.ndarray, name: str
) -> None:
    words = rf"^{name} cannot store transparency: use \.webm, \.mov, \.webp, \.apng, or a directory"
    path = tmp_path / f"clip.{name.split()[1]}"
    with pytest.raises(InvalidInput, match=words):
        write_clip(path, frames, fps=12, alpha=True)
    with pytest.raises(InvalidInput, match=words):
        check_output(path, alpha=True)
    assert not list(tmp_path.iterdir())


def test_frames_must_have_the_channels_that_are_declared(tmp_path: Path, frames: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match=r"shape \(h, w, 4\)"):
        write_clip(tmp_path / "clip.webm", frames[..., :3], fps=12, alpha=True)


def test_opaque_videos_read_as_opaque(tmp_path: Path, frames: np.ndarray) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames[..., :3], fps=12)
    assert all((frame[..., 3] == 255).all() for frame in read_frames(path, alpha=True))
