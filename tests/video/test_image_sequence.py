"""A directory of images as a video."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from animatex_core.cli.main import main
from animatex_core.errors import AnimateXWarning, InvalidInput
from animatex_core.video.image import write_image
from animatex_core.video.info import count_frames, probe
from animatex_core.video.reader import read_frames
from animatex_core.video.writer import write_clip
from tests.video.samples import numbered, numbers_of


def write_frames(folder: Path, names: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        write_image(folder / name, numbered(number))
    return folder


def read(path: Path) -> list[int]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return numbers_of(read_frames(probe(path, fps=24)))


@pytest.mark.parametrize("target", ["frames", "frame_%04d.png", "%d.png"])
@pytest.mark.parametrize("count", [1, 3, 12])
def test_what_is_written_is_read_back(tmp_path: Path, target: str, count: int) -> None:
    frames = [
        np.random.default_rng(number).integers(0, 256, (33, 47, 3), np.uint8) for number in range(count)
    ]
    path = write_clip(tmp_path / "out" / target, frames, fps=12)
    info = probe(path, fps=12)
    assert (info.width, info.height, info.fps, info.frames) == (47, 33, 12, count)
    assert (info.duration, info.has_audio, info.variable, count_frames(info)) == (
        count / 12,
        False,
        False,
        count,
    )
    np.testing.assert_array_equal(np.stack(list(read_frames(info))), np.stack(frames))


@pytest.mark.parametrize(
    "names",
    [
        [f"{number}.png" for number in range(12)],
        [f"frame_{number:04d}.png" for number in range(95, 107)],
        [f"shot 2 - {number}.jpg" for number in range(5, 16)],
        [f"{number * 5}.png" for number in range(4)],
        [f"{number:03d}_rgb.png" for number in range(3)],
        ["ant.png", "bee.png", "cow.png"],
    ],
)
def test_images_are_sorted_by_their_numbers(tmp_path: Path, names: list[str]) -> None:
    folder = write_frames(tmp_path / "frames", names)
    for junk in ("._" + names[0], ".DS_Store", ".trash1.png", "Thumbs.db", "notes.txt"):
        (folder / junk).write_bytes(b"\0\5\x16\7")
    assert read(folder) == list(range(len(names)))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a_%04d.png", [0, 1, 2]),
        ("a_*.png", [0, 1, 2]),
        ("a_%d.png", [0, 1, 2]),
        ("b*", [3, 4]),
        ("?_0001.png", None),
    ],
)
def test_a_pattern_selects_images(tmp_path: Path, pattern: str, expected: list[int] | None) -> None:
    names = ["a_0000.png", "a_0001.png", "a_0002.png", "b_0000.png", "b_0001.png"]
    folder = write_frames(tmp_path / "frames", names)
    if expected is None:
        with pytest.raises(InvalidInput, match="several image sequences"):
            probe(folder / pattern, fps=24)
    else:
        assert read(folder / pattern) == expected
    with pytest.raises(InvalidInput, match="several image sequences"):
        probe(folder, fps=24)


def test_only_the_requested_images_are_read(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "frames", [f"{number}.png" for number in range(12)])
    info = probe(folder, fps=24)
    (folder / "3.png").write_bytes(b"damaged")
    assert numbers_of(read_frames(info, indices=[2, 7, 11])) == [2, 7, 11]
    with pytest.warns(AnimateXWarning, match="has 12 frames, but frame 12"):
        assert numbers_of(read_frames(info, indices=[11, 12])) == [11]
    with pytest.raises(InvalidInput, match=r"3\.png"):
        list(read_frames(info))


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([0, 1, 4, 5], "Image numbers 2, 3 of"),
        ([0, 1, 2, 9], "Image numbers 3, 4, 5, 6, 7 and more of"),
        ([0, 2, 4, 8], "Image numbers 6 of"),
    ],
)
def test_gaps_are_noticed(tmp_path: Path, numbers: list[int], message: str) -> None:
    folder = write_frames(tmp_path / "frames", [f"{number:02d}.png" for number in numbers])
    with pytest.warns(AnimateXWarning, match=message):
        assert probe(folder, fps=24).frames == len(numbers)


def test_the_rate_is_given_or_assumed_with_a_warning(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "frames", ["0.png", "1.png"])
    with pytest.warns(AnimateXWarning, match="24 fps is assumed"):
        assert probe(folder).fps == 24
    assert probe(folder, fps=7.5).fps == 7.5
    with pytest.raises(InvalidInput, match="above 0"):
        probe(folder, fps=0)


def test_a_frame_rate_is_only_for_images(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", [numbered(0)] * 3, fps=24)
    with pytest.raises(InvalidInput, match="its own frame rate"):
        probe(path, fps=12)


def test_images_of_one_number_or_of_several_sizes_are_refused(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "frames", ["1.png", "01.png"])
    with pytest.raises(InvalidInput, match="have the same number"):
        probe(folder, fps=24)
    (folder / "01.png").unlink()
    write_image(folder / "2.png", numbered(0, 32, 32))
    with pytest.raises(InvalidInput, match=r"'2\.png' of .* is 32x32 pixels, but '1\.png' is 64x48"):
        probe(folder, fps=24)


@pytest.mark.parametrize("name", ["", "frame_%04d.png", "*.png"])
def test_a_directory_without_images_is_reported(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="contains no images"):
        probe(tmp_path / name, fps=24)


def test_poses_of_a_folder_are_found_and_cached_by_its_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = write_frames(tmp_path / "frames", [f"{number}.png" for number in range(3)])
    command = ["pose", str(folder), "--pose-nets", "small", "--fps", "12"]
    for _ in range(2):
        assert main(command) == 0
        assert "frames.json: 3 frames" in capsys.readouterr().out
    assert len(list((tmp_path / ".cache" / "animatex" / "poses").iterdir())) == 1
    write_image(folder / "1.png", numbered(200))
    assert main(command) == 0
    assert len(list((tmp_path / ".cache" / "animatex" / "poses").iterdir())) == 2
    assert len(json.loads((tmp_path / "frames.json").read_text())) in (3, 4)


@pytest.mark.parametrize("driving", ["frames", "frames/%04d.png"])
def test_what_animate_writes_drives_it(
    tmp_path: Path, driving: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_frames(tmp_path / "frames", [f"{number:04d}.png" for number in range(4)])
    write_image(tmp_path / "reference.png", numbered(9))
    reference = str(tmp_path / "reference.png")
    command = [
        "animate",
        "--model",
        "generated",
        "--reference",
        reference,
        "--steps",
        "1",
        "--frames",
        "2",
        "--stride",
        "1",
        "--pose-nets",
        "small",
        "--size",
        "64x64",
        "--no-cache",
    ]
    first = [
        *command,
        "--driving",
        str(tmp_path / driving),
        "--out",
        str(tmp_path / "out"),
        "--driving-fps",
        "10",
    ]
    assert main(first) == 0
    assert "2 frames of 64x64 at 10 fps" in capsys.readouterr().out
    again = [*command, "--driving", str(tmp_path / "out"), "--out", str(tmp_path / "again.mp4")]
    assert main(again) == 0
    assert "24 fps is assumed" in capsys.readouterr().err
    assert probe(tmp_path / "again.mp4").frames == 2


def test_the_cover_of_a_video_is_not_a_video(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "download", ["cover.jpg"])
    write_clip(folder / "dance.mp4", [numbered(number) for number in range(3)], fps=12)
    with pytest.raises(InvalidInput, match=r"'cover\.jpg' and 'dance\.mp4': give the video itself"):
        probe(folder, fps=12)
    assert len(list(read_frames(probe(folder / "*.jpg", fps=12)))) == 1
    (folder / "cover.jpg").unlink()
    with pytest.raises(InvalidInput, match=r"with videos and no images.*dance\.mp4"):
        probe(folder, fps=12)
