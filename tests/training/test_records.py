"""Records of prepared videos: a damaged record counts as none, so that the video is prepared again."""

import json
from pathlib import Path

import pytest

from animatex_core.errors import InvalidInput
from animatex_core.training.data.manifest import Record, Records, write_or_match_settings
from animatex_core.training.data.sources import Source

RECORD = Record("dance.mp4", [1, 2], "train", [16, 16])


@pytest.fixture
def source(tmp_path: Path) -> Source:
    (tmp_path / "dance.mp4").write_bytes(b"clip")
    return Source(tmp_path, "dance.mp4")


@pytest.mark.parametrize(
    "change",
    [
        {"frames": 3},
        {"frames": "12"},
        {"frames": [1.5]},
        {"frames": [True]},
        {"frames": None},
        {"version": "1"},
        {"version": {}},
        {"split": "test"},
        {"split": ["train"]},
        {"reason": 7},
        {"name": None},
        {"more": 1},
    ],
)
def test_a_record_of_wrong_types_counts_as_none(
    tmp_path: Path, source: Source, change: dict[str, object]
) -> None:
    records = Records(tmp_path / "records")
    records.write(source, RECORD)
    assert records.read(source) == RECORD
    (path,) = (tmp_path / "records").iterdir()
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert records.read(source) is None


@pytest.mark.parametrize("content", [b"", b"[]", b"7", b"null", b"{", b"\xff\xfe{\x00", b'{"name": "\xe9"}'])
def test_a_damaged_record_counts_as_none(tmp_path: Path, source: Source, content: bytes) -> None:
    records = Records(tmp_path / "records")
    records.write(source, RECORD)
    (path,) = (tmp_path / "records").iterdir()
    path.write_bytes(content)
    assert records.read(source) is None


@pytest.mark.parametrize("content", [b"", b"[]", b"7", b"null", b"\xff\xfe{\x00", b'{"a": "\xe9"}'])
def test_damaged_settings_are_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "settings.json").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"settings\.json .*: choose an empty folder"):
        write_or_match_settings(tmp_path / "settings.json", {"a": 1})
