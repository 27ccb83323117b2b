"""Reading of BVH files: what is accepted, and one sentence for everything that cannot be used."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from animatex_core.errors import AnimateXWarning, InvalidInput
from animatex_core.motion.bvh import MAX_VALUES, read_bvh
from animatex_core.motion.skeleton import MotionCapture
from tests.inputs.damage import damaged
from tests.motion.skeletons import FILES

HEAD = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 3 Zrotation Xrotation Yrotation
  JOINT Upper Chest
  {
    OFFSET 0 1 0
    CHANNELS 1 xROTATION
    End Site
    {
      OFFSET 0 2 0
    }
  }
}
"""
FRAMES = "MOTION\nFrames: 2\nFrame Time: 0.0333333\n1 2 3 4\n5 6 7 8\n"
GOOD = HEAD + FRAMES


def read(path: Path, text: str | bytes) -> MotionCapture:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_bvh(path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "walk.bvh"


def test_hierarchy_channels_and_frames_are_read(file: Path) -> None:
    capture = read(file, GOOD)
    assert capture.skeleton.names == ("Hips", "Upper Chest", "")
    assert capture.skeleton.parents == (-1, 0, 1)
    assert capture.skeleton.channels == (("Zrotation", "Xrotation", "Yrotation"), ("Xrotation",), ())
    assert capture.fps == 30
    np.testing.assert_array_equal(capture.values, [[1, 2, 3, 4], [5, 6, 7, 8]])


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", " "),
        "\ufeff" + GOOD,
        GOOD.replace("1 2 3 4\n5", "1 2\n3 4 5"),
        GOOD.rstrip(),
        GOOD.replace("Frames:", "frames :").replace("ROOT", "root").replace("Hips\n{", "Hips {"),
    ],
    ids=["CRLF", "one line", "byte order mark", "wrapped frames", "no last line end", "other capitals"],
)
def test_other_layouts_are_the_same(file: Path, text: str) -> None:
    np.testing.assert_array_equal(read(file, text).values, [[1, 2, 3, 4], [5, 6, 7, 8]])


def test_numbers_are_not_cut_where_blocks_end(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = HEAD + "MOTION\nFrames: 200\nFrame Time: 0.01\n" + "\n".join("1.25 -2.5 1e1 4" for _ in range(200))
    monkeypatch.setattr("animatex_core.motion.bvh.BLOCK", 61)
    np.testing.assert_array_equal(read(file, text).values, np.tile([1.25, -2.5, 10, 4], (200, 1)))


BROKEN: dict[str, tuple[str | bytes, str]] = {
    "empty": (b"", "is empty"),
    "no channels": (re.sub("CHANNELS.*", "", GOOD), "has no channels, so nothing in it moves"),
    "channel": (GOOD.replace("Xrotation", "Xscale"), "'Xscale' is not a channel"),
    "brace missing": (GOOD.replace("    }\n  }\n}", "    }\n  }"), "a closing brace is missing"),
    "brace twice": (GOOD.replace("MOTION", "}\nMOTION"), "a brace is closed twice"),
    "joint outside": (GOOD.replace("MOTION", "JOINT x { OFFSET 0 0 0 }\nMOTION"), "outside of the ROOT"),
    "offset": (GOOD.replace("OFFSET 0 1 0", "OFFSET 0 one 0"), "'one' is not a number near 'Upper Chest'"),
    "no offset": (GOOD.replace("OFFSET 0 1 0", ""), "has no OFFSET for 'Upper Chest'"),
    "infinite offset": (GOOD.replace("OFFSET 0 1 0", "OFFSET 0 inf 0"), "not finite"),
    "no motion": (HEAD, "has no MOTION with Frames and Frame Time"),
    "zero frames": (GOOD.replace("Frames: 2", "Frames: 0"), "has no frames"),
    "no numbers": (HEAD + FRAMES.partition("1 2 3 4")[0], "has no frames"),
    "frames not a number": (GOOD.replace("Frames: 2", "Frames: many"), "declares 'many' frames"),
    "frame time": (GOOD.replace("0.0333333", "-1"), "frame time of -1 seconds"),
    "frame time text": (GOOD.replace("0.0333333", "fast"), "frame time 'fast'"),
    "NaN": (GOOD.replace("7 8", "nan 8"), "not finite, or beyond 1e+09, in frame 2"),
    "huge number": (GOOD.replace("7 8", "1e300 8"), "in frame 2"),
    "number dropped": (GOOD.replace("3 4", "3"), "has 3 numbers in frame 1, but its bones have 4 channels"),
    "number added": (GOOD.replace("3 4", "3 4 4"), "has 5 numbers in frame 1"),
    "number added at the end": (GOOD.replace("7 8", "7 8 8"), "has 5 numbers in frame 2"),
    "word": (GOOD.replace("7 8", "seven 8"), "has 'seven' among the numbers"),
    "comma": (GOOD.replace("7 8", "7,5 8"), "write decimals with a point"),
    "million frames": (GOOD.replace("Frames: 2", f"Frames: {MAX_VALUES}"), "cut the recording into shorter"),
    "FBX": (b"Kaydara FBX Binary  \x00\x1a\x00", "is an FBX file and not BVH: export the motion as BVH"),
    "FBX text": (b"; FBX 7.4.0 project file\n", "is an FBX file"),
    "GLB": (b"glTF\x02\0\0\0", "is a GLB file"),
    "glTF": (b'{"asset": {"version": "2.0"}}', "is a glTF file"),
    "C3D": (b"\x02\x50\x13\0", "is a C3D file with markers"),
    "ASF": (b"# AST/ASF file\n:version 1.10\n", "is an ASF or AMC file"),
    "binary": (b"HIERARCHY\0\1\2", "is a binary file"),
    "text": (b"dear diary", "does not begin with HIERARCHY"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_be_used_is_refused_in_one_sentence(file: Path, kind: str) -> None:
    text, words = BROKEN[kind]
    with pytest.raises(InvalidInput) as error:
        read(file, text)
    message = str(error.value)
    assert words in message
    assert message.startswith(f"The motion file {str(file)!r} ")
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 400


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.bvh", tmp_path):
        with pytest.raises(InvalidInput, match="motion file"):
            read_bvh(path)


def test_depth_and_number_of_joints_are_bounded(file: Path) -> None:
    deep = "HIERARCHY\nROOT a { OFFSET 0 0 0 " + "JOINT b { OFFSET 0 0 0 " * 5000 + "}" * 5001
    wide = "HIERARCHY\nROOT a { OFFSET 0 0 0 " + "JOINT b { OFFSET 0 0 0 } " * 5000 + "}"
    for text in (deep, wide):
        with pytest.raises(InvalidInput, match="has more than 2000 joints or 200 nested ones"):
            read(file, text + FRAMES)


def test_a_header_without_end_is_not_read_to_its_end(file: Path) -> None:
    with pytest.raises(InvalidInput, match=r"broken hierarchy"):
        read(file, "HIERARCHY\nROOT " + "long " * (3 << 20))


@pytest.mark.parametrize(
    ("text", "frames", "words"),
    [
        (GOOD.replace("Frames: 2", "Frames: 3"), 2, "declares 3 frames but has only 2: 2 are used"),
        (GOOD.replace("7 8", "7"), 1, "declares 2 frames but has only 1"),
        (GOOD + "9 9 9 9\n", 2, "declares 2 frames but has more: 2 are used"),
        (GOOD.replace("0.0333333", "0"), 2, "no frame time: 30 frames per second"),
    ],
)
def test_other_counts_than_declared_are_used_with_a_warning(
    file: Path, text: str, frames: int, words: str
) -> None:
    with pytest.warns(AnimateXWarning, match=words):
        assert len(read(file, text)) == frames


@pytest.mark.parametrize(
    ("seconds", "fps"),
    [("0.008333", 120), ("0.041667", 24), ("0.0416667", 24), ("0.0333667", 29.97), ("0.04", 25)],
)
def test_rounded_frame_times_are_whole_frame_rates(file: Path, seconds: str, fps: float) -> None:
    assert read(file, GOOD.replace("0.0333333", seconds)).fps == pytest.approx(fps, abs=1e-3)


def test_damaged_files_are_read_or_refused(file: Path) -> None:
    whole = [(FILES / f"{name}.bvh").read_bytes() for name in ("mixamo", "six_channels")]
    said = []
    for seed in range(300):
        file.write_bytes(damaged(whole[seed % 2], seed))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", AnimateXWarning)
                read_bvh(file)
        except InvalidInput as error:
            said.append(str(error))
    assert len(said) > 30
    assert not any("\n" in sentence for sentence in said)
