"""Writing videos and PNG sequences, completely or not at all."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from animatex_core.errors import Cancelled, InvalidInput, StorageError
from animatex_core.video.info import probe
from animatex_core.video.reader import read_frames
from animatex_core.video.writer import check_output, write_clip
from tests.support.small_disk import mounted
from tests.video.samples import number_of, numbered, numbers_of

NAMES = ("clip.mp4", "clip.webm", "clip.gif", "folder", "frame %04d.png")
FILES = NAMES[:3]


def numbered_frames(count: int = 12) -> list[np.ndarray]:
    return [numbered(number) for number in range(count)]


def noise(count: int = 20) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    return (rng.integers(0, 256, (256, 256, 3), np.uint8) for _ in range(count))


def ffmpegs() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "ffmpeg" in child.name()]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("fps", [8, 24000 / 1001, 12.5])
def test_a_written_video_has_these_frames_at_this_rate(tmp_path: Path, name: str, fps: float) -> None:
    path = write_clip(tmp_path / "new" / name, numbered_frames(), fps=fps)
    info = probe(path)
    assert numbers_of(read_frames(info)) == list(range(12))
    assert info.fps == pytest.approx(fps, rel=1e-9 if name.endswith("mp4") else 1e-2)
    assert [file.name for file in path.parent.iterdir()] == [name]


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("name", FILES)
def test_short_videos_are_videos(tmp_path: Path, name: str, count: int) -> None:
    path = write_clip(tmp_path / name, numbered_frames(count), fps=8)
    assert numbers_of(read_frames(path)) == list(range(count))


def write_until_killed(folder: Path) -> None:
    def frames() -> Iterator[np.ndarray]:
        yield from numbered_frames(3)
        time.sleep(600)

    write_clip(folder, frames(), fps=8)


@pytest.mark.skipif(os.name == "nt", reason="there age alone tells that a writer is dead")
@pytest.mark.parametrize("name", ["folder", "clip.mp4", "clip.gif"])
def test_what_a_killed_process_left_is_not_in_the_way(tmp_path: Path, name: str) -> None:
    target = tmp_path / "out" / name
    (target if name == "folder" else target.parent).mkdir(parents=True)
    process = multiprocessing.Process(target=write_until_killed, args=(target,))
    process.start()
    while not list((tmp_path / "out").rglob("*.part")):
        time.sleep(0.01)
    killed = psutil.Process(process.pid)
    killed.suspend()
    children = killed.children()
    process.kill()
    process.join()
    psutil.wait_procs(children)  # an ffmpeg that just starts would write its file anew
    write_clip(target, numbered_frames(3), fps=8)
    assert not list((tmp_path / "out").rglob("*.part"))
    assert target.exists()


@pytest.mark.parametrize("name", ["folder", "folder/frame %04d.png", "100% %d.png", "new/%03d.PNG"])
def test_png_files_are_the_frames(tmp_path: Path, name: str) -> None:
    path = write_clip(tmp_path / name, numbered_frames(), fps=8)
    files = sorted(
        (path if not path.suffix else path.parent).iterdir(), key=lambda file: (len(file.name), file.name)
    )
    assert len(files) == 12
    assert files[3].name == {"folder": "0003.png", "100% %d.png": "100% 3.png"}.get(name, files[3].name)
    for number, file in enumerate(files):
        np.testing.assert_array_equal(np.asarray(Image.open(file)), numbered(number))


def test_png_files_join_others_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "f0001.png").write_text("old")
    write_clip(tmp_path / "f%04d.png", numbered_frames(3), fps=8)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "f0000.png",
        "f0001.png",
        "f0002.png",
        "notes.txt",
    ]
    assert number_of(np.asarray(Image.open(tmp_path / "f0001.png"))) == 1


@pytest.mark.parametrize("name", ["clip.mp4", "clip.webm"])
@pytest.mark.parametrize(("size", "written"), [((65, 49), (66, 50)), ((64, 49), (64, 50)), ((1, 1), (2, 2))])
def test_odd_sides_repeat_their_last_pixels(
    tmp_path: Path, name: str, size: tuple[int, int], written: tuple[int, int]
) -> None:
    frames = [np.full((size[1], size[0], 3), 200, np.uint8)] * 2
    (frame, _) = read_frames(write_clip(tmp_path / name, frames, fps=8))
    assert (frame.shape[1], frame.shape[0]) == written
    assert np.abs(frame.astype(int) - 200).max() < 5


@pytest.mark.parametrize("name", ["clip.gif", "%d.png"])
def test_odd_sizes_are_kept_where_they_can_be(tmp_path: Path, name: str) -> None:
    write_clip(tmp_path / name, [numbered(1, 65, 49)], fps=8)
    (file,) = tmp_path.iterdir()
    assert Image.open(file).size == (65, 49)


@pytest.mark.parametrize("name", FILES)
def test_colours_are_kept(tmp_path: Path, name: str) -> None:
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 120, 40], [16, 16, 16], [240, 240, 240]])
    frame = np.repeat(np.repeat(colours.astype(np.uint8)[None], 32, 1), 32, 0)
    (read,) = read_frames(write_clip(tmp_path / name, [frame], fps=8, quality=10))
    assert np.abs(read[16, 16::32].astype(int) - colours).max() <= 6


@pytest.mark.parametrize("name", ["clip.mp4", "clip.webm"])
def test_quality_makes_files_larger_and_nearer(tmp_path: Path, name: str) -> None:
    pictures = [np.asarray(Image.effect_noise((64, 64), 40).convert("RGB"))] * 3
    sizes, errors = [], []
    for quality in (0, 5, 10):
        path = write_clip(tmp_path / name, pictures, fps=8, quality=quality)
        sizes.append(path.stat().st_size)
        errors.append(np.abs(next(read_frames(path)).astype(int) - pictures[0]).mean())
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)


def test_an_mp4_plays_everywhere(tmp_path: Path) -> None:
    content = write_clip(tmp_path / "clip.mp4", numbered_frames(), fps=8).read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # begins to play before it is whole
    assert b"avc1" in content


@pytest.mark.parametrize("loop", [True, False])
def test_a_gif_loops_on_request(tmp_path: Path, loop: bool) -> None:
    content = write_clip(tmp_path / "clip.gif", numbered_frames(3), fps=8, loop=loop).read_bytes()
    assert (b"NETSCAPE" in content) == loop


@pytest.mark.parametrize("name", NAMES)
def test_progress_counts_the_frames(tmp_path: Path, name: str) -> None:
    seen: list[tuple[int, int]] = []
    write_clip(tmp_path / name, numbered_frames(3), fps=8, progress=lambda *counts: seen.append(counts))
    write_clip(
        tmp_path / f"2{name}", iter(numbered_frames(2)), fps=8, progress=lambda *counts: seen.append(counts)
    )
    assert seen == [(1, 3), (2, 3), (3, 3), (1, 2), (2, 2)]


def test_frames_need_not_lie_in_one_piece(tmp_path: Path) -> None:
    frames = [np.asfortranarray(numbered(number)) for number in range(3)] + [numbered(3)[:, ::-1][:, ::-1]]
    assert numbers_of(read_frames(write_clip(tmp_path / "clip.mp4", frames, fps=8))) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "no frames"),
        ([numbered(0), numbered(0, 32, 32)], "Frame 1 is 32x32 pixels, but the first is 64x48"),
        ([numbered(0).astype(np.float32)], "Frame 0 is float32"),
        ([numbered(0)[..., 0]], "Frame 0 is uint8 of shape"),
        ([np.zeros((0, 4, 3), np.uint8)], "Frame 0"),
        ([numbered(0), "frame"], "Frame 1 is of type str"),
    ],
)
@pytest.mark.parametrize("name", ["clip.mp4", "clip.gif", "folder"])
def test_frames_that_cannot_be_are_refused(
    tmp_path: Path, name: str, frames: list[np.ndarray], message: str
) -> None:
    if not name.startswith("folder"):
        (tmp_path / name).write_bytes(b"mine")
    before = list(tmp_path.iterdir())
    with pytest.raises(InvalidInput, match=message):
        write_clip(tmp_path / name, frames, fps=8)
    assert list(tmp_path.iterdir()) == before
    assert all(file.read_bytes() == b"mine" for file in before)
    assert not ffmpegs()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("clip.avi", {}, "is not a video name"),
        ("clip.png", {}, "is not a video name"),
        ("clip.mp4", {"fps": 0}, "fps is 0"),
        ("clip.mp4", {"fps": float("nan")}, "fps is nan"),
        ("clip.gif", {"fps": 60}, "fps is 60, but a gif"),
        ("clip.mp4", {"fps": 0.05}, "but an mp4 supports"),
        ("clip.webp", {"fps": 0.05}, "but an animated WebP supports"),
        ("clip.apng", {"fps": 0.05}, "but an APNG supports"),
        ("clip.mp4", {"quality": 11}, "quality is 11"),
        ("clip.mp4", {"quality": -1}, "quality is -1"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    tmp_path: Path, name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        write_clip(tmp_path / name, numbered_frames(), **{"fps": 8, **options})
    assert not list(tmp_path.iterdir())


def test_targets_are_checked_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").touch()
    (tmp_path / "clip.mp4").mkdir()
    (tmp_path / "file").touch()
    for name, error in (
        ("full", InvalidInput),
        ("clip.mp4", StorageError),
        ("file", InvalidInput),
        ("x.y", InvalidInput),
    ):
        with pytest.raises(error):
            check_output(tmp_path / name)
    with pytest.raises(StorageError):
        check_output(tmp_path / "file/clip.mp4")
    check_output(tmp_path / "new/folder/clip.mp4")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["clip.mp4", "file", "full"]


class Stopped(BaseException):
    """As KeyboardInterrupt, without ending the tests."""


@pytest.mark.parametrize("error", [Cancelled, KeyboardInterrupt, OSError, Stopped])
@pytest.mark.parametrize("name", NAMES)
def test_whatever_ends_the_work_leaves_nothing_behind(
    tmp_path: Path, name: str, error: type[BaseException]
) -> None:
    def stop(done: int, _: int) -> None:
        if done == 5:
            raise error("enough")

    if name in FILES:
        (tmp_path / name).write_bytes(b"mine")
    before, threads = list(tmp_path.iterdir()), threading.active_count()
    with pytest.raises(error, match="enough"):
        write_clip(tmp_path / name, numbered_frames(), fps=8, progress=stop)
    assert list(tmp_path.iterdir()) == before
    assert all(file.read_bytes() == b"mine" for file in before)
    assert (len(ffmpegs()), threading.active_count()) == (0, threads)


def test_frames_that_fail_are_not_taken_for_the_disk(tmp_path: Path) -> None:
    def failing() -> Iterator[np.ndarray]:
        yield numbered(0)
        raise FileNotFoundError("of the frames")

    with pytest.raises(FileNotFoundError, match="of the frames"):
        write_clip(tmp_path / "clip.mp4", failing(), fps=8)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_is_reported_and_leaves_the_old_file(tmp_path: Path, name: str) -> None:
    with mounted(tmp_path, "size=300k"):
        if name in FILES:
            (tmp_path / name).write_bytes(b"mine")
        before = list(tmp_path.iterdir())
        with pytest.raises(StorageError, match=r"No space left on device\): free some space"):
            write_clip(tmp_path / name, noise(), fps=8, quality=10)
        assert list(tmp_path.iterdir()) == before
        assert all(file.read_bytes() == b"mine" for file in before)


def test_a_disk_that_fills_at_the_very_end_is_reported(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "clip.mp4", noise(), fps=8, sound=None).stat().st_size
    (tmp_path / "disk").mkdir()
    with (
        mounted(tmp_path / "disk", f"size={whole // 4096 * 4}k"),
        pytest.raises(StorageError, match="free some space"),
    ):
        write_clip(tmp_path / "disk/clip.mp4", noise(), fps=8)


def test_an_unwritable_directory_is_reported(tmp_path: Path) -> None:
    with mounted(tmp_path, "size=1m,ro"), pytest.raises(StorageError, match="check that the directory"):
        write_clip(tmp_path / "clip.mp4", numbered_frames(), fps=8)


def test_ffmpegs_own_failure_is_one_sentence(tmp_path: Path) -> None:
    frames = [np.zeros((2, 20000, 3), np.uint8)]  # more than H.264 can be
    with pytest.raises(
        StorageError, match=r"clip\.mp4 could not be written because ffmpeg failed \(.+\)"
    ) as caught:
        write_clip(tmp_path / "clip.mp4", frames, fps=8)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_killed_ffmpeg_is_reported(tmp_path: Path) -> None:
    def killing() -> Iterator[np.ndarray]:
        yield from noise(3)
        ffmpegs()[0].kill()
        yield from noise(30)

    with pytest.raises(StorageError, match="ffmpeg failed"):
        write_clip(tmp_path / "clip.mp4", killing(), fps=8)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_an_interrupt_from_the_keyboard_leaves_nothing_behind(tmp_path: Path) -> None:
    # Begun in the background of a shell, the tests would hand on that interrupts are ignored.
    code = f"""
import itertools, signal, numpy as np
from animatex_core.video.writer import write_clip
signal.signal(signal.SIGINT, signal.default_int_handler)
started = lambda done, _: print(done, flush=True)
frames = itertools.repeat(np.zeros((256, 256, 3), np.uint8))
write_clip({str(tmp_path / "clip.mp4")!r}, frames, fps=8, progress=started)
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        (child,) = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGINT)
        threading.Thread(target=process.stdout.read).start()
        assert b"KeyboardInterrupt" in process.stderr.read()
    assert not child.is_running()
    assert not list(tmp_path.iterdir())
