"""Real-world directories: every container, links, system files, and names that are not UTF-8."""

import json
import os
import sys
import warnings
from pathlib import Path

import pytest

from animatex_core.cli.main import main
from animatex_core.errors import AnimateXWarning, InvalidInput
from animatex_core.training.data.sources import Source, find_sources
from animatex_core.video.files import files_by_name, files_with, find_videos
from animatex_core.video.frame_selection import choose_frames
from animatex_core.video.info import probe
from tests.video.samples import make_clip

ODD = os.fsdecode(b"caf\xe9.mp4")  # from an old archive, in Latin-1
COMPANIONS = "'._clip.mp4', '._x.json' (2 in all, companion file of macOS)."
undecoded = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", 3)


def found_in(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of the videos found, and the sentences about the others."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        names = list(find_videos(folder))
    return names, [str(each.message) for each in caught if each.category is AnimateXWarning]


@pytest.mark.parametrize(
    "suffix",
    [
        "mp4",
        "MOV",
        "mkv",
        "webm",
        "avi",
        "gif",
        "3gp",
        "flv",
        "mpg",
        "MPEG",
        "vob",
        "ts",
        "MTS",
        "m2ts",
        "wmv",
        "asf",
        "ogv",
        "mxf",
        "nut",
        "webp",
        "h264",
        "m2v",
        "y4m",
    ],
)
def test_a_container_that_is_read_alone_is_found_in_a_folder(tmp_path: Path, suffix: str) -> None:
    known: dict[str, tuple[str, ...]] = {
        "h264": ("-c:v", "libx264"),
        "webp": ("-c:v", "libwebp_anim"),
        "y4m": ("-pix_fmt", "yuv420p"),
    }
    options = known.get(suffix, ())
    if suffix in ("3gp", "mxf", "ogv"):
        options = ("-s", "176x144", "-pix_fmt", "yuv420p")
    sub = tmp_path / "sub"
    sub.mkdir()
    path = make_clip(sub / f"clip.{suffix}", 12, "25", options)
    assert found_in(tmp_path) == ([f"sub/clip.{suffix}"], [])
    assert files_by_name(sub, [f".{suffix.lower()}"]) == {"clip": path}
    assert probe(path).frames == 12


def test_links_are_followed_and_end(clip: Path, tmp_path: Path) -> None:
    disk, folder = tmp_path / "disk", tmp_path / "folder"
    (disk / "deep").mkdir(parents=True)
    (folder / "own").mkdir(parents=True)
    for place in (disk / "deep" / "b.mp4", folder / "own" / "a.mp4"):
        place.write_bytes(clip.read_bytes())
    (folder / "disk").symlink_to(disk)
    (folder / "file.mp4").symlink_to(clip)
    (disk / "loop").symlink_to(folder)
    (disk / "deep" / "up").symlink_to(disk)
    (folder / "again").symlink_to(folder / "own")
    (folder / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    names, expected = found_in(folder)
    assert names == ["disk/deep/b.mp4", "file.mp4", "own/a.mp4"]
    assert [sentence.split(" (")[1] for sentence in expected] == [
        "3 in all, link to a directory that is read already).",
        "1 in all, broken link).",
    ]


def test_a_directory_with_only_links_is_not_empty(clip: Path, tmp_path: Path) -> None:
    folder, disk = tmp_path / "onlylinks", tmp_path / "disk"
    folder.mkdir()
    disk.mkdir()
    clip.rename(disk / "clip.mp4")
    (folder / "disk2").symlink_to("../disk")
    assert found_in(folder) == (["disk2/clip.mp4"], [])


def test_a_folder_is_itself_behind_a_link(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    clip.rename(tmp_path / "there" / "clip.mp4")
    (tmp_path / "link").symlink_to("there")
    assert found_in(tmp_path / "link") == (["clip.mp4"], [])


def test_what_is_not_a_video_is_left_out_with_one_line_for_each_reason(clip: Path) -> None:
    folder = clip.parent
    for name in ("._clip.mp4", "._x.json", ".DS_Store", "Thumbs.db", "desktop.ini", "a.pdf", "b.zip"):
        (folder / name).write_bytes(b"\0\5\x16\7")
    for name in ("clip.json", "clip.txt"):  # poses and captions
        (folder / name).write_text("")
    names, expected = found_in(folder)
    assert names == ["clip.mp4"]
    assert len(expected) == 3
    expected.sort(key=lambda sentence: sentence.partition("in all, ")[2])
    assert expected[0] == f"Left out of {str(folder)!r}: {COMPANIONS}"
    assert "(3 in all, system file)" in expected[2]
    assert "'a.pdf', 'b.zip' (2 in all, not the name of a video)" in expected[1]


def test_a_still_webp_is_not_a_video(clip: Path) -> None:
    make_clip(clip.parent / "still.webp", 1)
    names, expected = found_in(clip.parent)
    assert names == ["clip.mp4"]
    assert "still image" in expected[0]


def test_nothing_but_companions_is_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "._clip.mp4").write_bytes(b"\0\5\x16\7")
    with pytest.warns(AnimateXWarning), pytest.raises(InvalidInput, match="contains no videos"):
        find_videos(tmp_path)


def test_companion_files_are_left_out(clip: Path) -> None:
    (clip.parent / "._clip.mp4").write_bytes(b"\0\5\x16\7")
    (clip.parent / "._a.json").write_bytes(b"\0\5\x16\7")
    (clip.parent / "B.JSON").write_text("[]")
    assert list(files_by_name(clip.parent, (".mp4",))) == ["clip"]
    assert [path.name for path in files_with(clip.parent, (".json",))] == ["B.JSON"]


@undecoded
def test_names_that_are_not_utf8_are_names(clip: Path) -> None:
    clip.rename(clip.parent / ODD)
    (source,) = find_sources(clip.parent)
    assert source.name == ODD
    assert source.key != Source(source.folder, "caf?.mp4").key
    assert source.split(0.5, 0) in ("train", "validation")
    assert choose_frames(probe(source.path).frames or 0, frames=None, stride=1).indices == (0, 1, 2)


@undecoded
def test_a_data_set_of_such_names_is_prepared_and_continued(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "clips", tmp_path / "out"
    folder.mkdir()
    make_clip(folder / ODD, 8, size=(64, 128))
    poses = {"people": [{"pose_keypoints_2d": [32.0, 40.0, 1.0] * 18}]}
    (folder / ODD).with_suffix(".json").write_text(
        json.dumps([{**poses, "canvas_width": 64, "canvas_height": 128}] * 8)
    )
    command = [
        "prepare",
        str(folder),
        "--out",
        str(out),
        "--encoders",
        "generated",
        "--size",
        "64x128",
        "--least",
        "2",
        "--most",
        "8",
        "--stride",
        "1",
    ]
    for _ in range(2):
        assert main(command) == 0
        assert "of 1 files" in capsys.readouterr().out
    report = json.loads((out / "report.json").read_text("utf-8"))
    assert report["skipped"] == {}
