"""Job lists as people and spreadsheets write them."""

import json
from pathlib import Path

import pytest
from PIL import Image

from animatex_core.batch.job_list import pair_folders, read_job_list
from animatex_core.errors import AnimateXWarning, InvalidInput
from animatex_core.video.writer import write_clip
from tests.support.dance_samples import small_dance
from tests.support.drawings import draw_dancer

ROWS = [{"reference": "Häschen.png", "driving": "a, b.mp4", "seed": "7"}, {"reference": "cat.png"}]
LINES = [["reference", "driving", "seed"], ["Häschen.png", '"a, b.mp4"', "7"], ["cat.png", "", ""]]


def csv(delimiter: str, ending: str = "\n") -> str:
    return ending.join(delimiter.join(cells) for cells in LINES) + ending


TEXTS = {
    "commas": csv(",").encode(),
    "excel's semicolons and mark": b"\xef\xbb\xbf" + csv(";", "\r\n").encode(),
    "excel's separator line": b"sep=;\r\n" + csv(";", "\r\n").encode(),
    "tabs in UTF-16": csv("\t").encode("utf-16"),
    "old Macintosh lines": csv(",", "\r\n").replace("\r\n", "\r").encode(),
    "blank lines": csv(",").replace("\ncat", "\n\n\ncat").encode(),
    "options as they are typed": csv(",").replace("reference", "--Reference").encode(),
}


@pytest.mark.parametrize("data", TEXTS.values(), ids=TEXTS)
def test_csv_of_every_origin_gives_the_same_rows(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv"
    path.write_bytes(data)
    assert [dict(row.values) for row in read_job_list(path)] == ROWS


def test_windows_1252_is_read_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv"
    path.write_bytes(csv(";").encode("cp1252"))
    with pytest.warns(AnimateXWarning, match="Windows-1252"):
        assert read_job_list(path)[0].values["reference"] == "Häschen.png"


def test_rows_have_the_numbers_of_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "jobs.csv"
    path.write_text('sep=,\nreference,prompt\na.png,"two\nlines"\n\nb.png,x\n', encoding="utf-8")
    assert [row.number for row in read_job_list(path)] == [4, 6]  # the last line of a row, as editors show it


def test_jsonl_keeps_the_kinds_of_values(tmp_path: Path) -> None:
    path = tmp_path / "jobs.jsonl"
    row = {"reference": "a.png", "cut-out": True, "drop": ["legs", "tail"], "guidance": 2.5, "mask": None}
    path.write_text(json.dumps(row) + "\n\n", encoding="utf-8")
    assert dict(read_job_list(path)[0].values) == {
        "reference": "a.png",
        "cut_out": True,
        "drop": ["legs", "tail"],
        "guidance": 2.5,
    }


BROKEN = {
    "no rows": ("jobs.csv", b"reference,driving\n", "has no rows"),
    "nothing": ("jobs.csv", b"", "has no rows"),
    "a column twice": ("jobs.csv", b"seed,Seed\n1,2\n", "'seed' occurs twice"),
    "a column without a name": ("jobs.csv", b"reference,,seed\na,b,1\n", "has no name"),
    "a cell too many": ("jobs.csv", b"reference,driving\na,b,c\n", "line 2 has 3 cells"),
    "an open quote": ("jobs.csv", b'reference,driving\n"a,b\n', "line 2"),
    "a photo": ("jobs.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not text"),
    "half a JSON object": ("jobs.jsonl", b'{"reference": 1}\n{"ref', "line 2"),
    "a JSON list": ("jobs.jsonl", b"[1, 2]\n", "line 1 is no JSON object"),
    "another format": ("jobs.xlsx", b"PK\3\4", "ends in none of .csv"),
}


@pytest.mark.parametrize(("name", "data", "fault"), BROKEN.values(), ids=BROKEN)
def test_a_broken_list_is_refused_in_one_sentence(name: str, data: bytes, fault: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InvalidInput, match=r"job list .*jobs\.") as failure:
        read_job_list(path)
    assert fault in str(failure.value)
    assert "\n" not in str(failure.value)


def write_folders(folder: Path) -> tuple[Path, Path]:
    references, drivings = folder / "characters", folder / "dances"
    references.mkdir()
    for name in ("b.png", "a.png", "._a.png"):
        Image.new("RGB", (8, 8)).save(references / name, "PNG")
    frames = list(draw_dancer(small_dance()))[:2]
    for name in ("x.mp4", "y.mp4"):
        write_clip(drivings / name, frames, fps=12)
    return references, drivings


def test_folders_are_paired(tmp_path: Path) -> None:
    references, drivings = write_folders(tmp_path)

    def pairs(how: str) -> list[str]:
        rows = pair_folders(references, drivings, how)  # type: ignore[arg-type]
        return [Path(row.values["reference"]).stem + Path(row.values["driving"]).stem for row in rows]

    assert pairs("product") == ["ax", "ay", "bx", "by"]
    assert pairs("zip") == ["ax", "by"]
    (references / "a.png").unlink()
    with pytest.raises(InvalidInput, match="1 references and 2 driving videos"):
        pairs("zip")
    (references / "b.png").unlink()
    with pytest.raises(InvalidInput, match="contains no images"):
        pairs("product")
