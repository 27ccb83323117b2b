"""Building a study, and its errors."""

import base64
import json
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from animatex_core.cli.main import main
from animatex_core.errors import AnimateXWarning, InvalidInput
from animatex_core.evaluation.study.material import Pair, draw_pairs, find_material
from animatex_core.evaluation.study.page import build_study
from animatex_core.evaluation.study.votes import read_key
from animatex_core.video.ffmpeg import executable
from tests.evaluation.study_samples import write_given, write_moving, write_systems

CASES = [f"case {number}" for number in range(10)]


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    return write_systems(tmp_path, cases="ab")


def build(folders: dict[str, Path], page: Path, seed: int = 0) -> str:
    return build_study(page, find_material(folders), seed=seed).study


def embedded(page: Path) -> list[bytes]:
    return [
        base64.b64decode(text) for text in re.findall(r"base64,([^<]*)<", page.read_text(encoding="utf-8"))
    ]


def test_all_pairs_of_systems_occur_once_per_case() -> None:
    pairs = draw_pairs(CASES, ["a", "b", "c"], seed=1)
    met = Counter((pair.case, frozenset((pair.left, pair.right))) for pair in pairs)
    assert len(met) == 30
    assert set(met.values()) == {1}


@pytest.mark.parametrize("seed", range(5))
def test_both_systems_are_on_the_left_equally_often(seed: int) -> None:
    lefts = Counter((pair.left, pair.right) for pair in draw_pairs(CASES, ["a", "b", "c"], seed=seed))
    assert set(lefts.values()) == {5}


def test_order_and_sides_depend_on_the_seed_alone() -> None:
    first, again, other = (draw_pairs(CASES, ["a", "b"], seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other
    assert [pair.case for pair in first] != CASES


def test_fewer_pairs_are_spread_over_the_systems() -> None:
    pairs = draw_pairs(CASES, ["a", "b", "c"], seed=0, most=12)
    assert set(Counter(frozenset((pair.left, pair.right)) for pair in pairs).values()) == {4}


@pytest.mark.parametrize("settings", [{"seed": -1}, {"seed": 0, "most": 0}, {"seed": 0, "most": 11}])
def test_invalid_numbers_of_pairs_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(InvalidInput, match=r"seed|pairs"):
        draw_pairs(CASES, ["a", "b"], **settings)


def test_clips_are_in_the_page_as_they_are_and_once(folders: dict[str, Path], tmp_path: Path) -> None:
    write_given(tmp_path, "ab")
    (tmp_path / "references" / "unused.png").write_bytes(b"?")
    material = find_material(folders, tmp_path / "references", tmp_path / "driving")
    key = build_study(tmp_path / "study.html", material)
    given = [tmp_path / "references" / f"{case}.png" for case in "ab"]
    files = [
        *given,
        *(folder / f"{case}.mp4" for folder in (*folders.values(), tmp_path / "driving") for case in "ab"),
    ]
    found = embedded(tmp_path / "study.html")
    assert sorted(found) == sorted(path.read_bytes() for path in files)
    first = key.pairs[0]
    assert found[0] == (folders[first.left] / f"{first.case}.mp4").read_bytes()


def test_building_a_study_is_reproducible(folders: dict[str, Path], tmp_path: Path) -> None:
    page = tmp_path / "study.html"
    study = build(folders, page)
    before = page.read_bytes()
    assert build(folders, page) == study
    assert page.read_bytes() == before
    assert build(folders, tmp_path / "other.html", seed=1) != study
    write_moving(folders["animate-x"] / "a.mp4", (0, 0, 0))
    assert build(folders, tmp_path / "changed.html") != study


def test_the_key_of_another_study_is_not_replaced(folders: dict[str, Path], tmp_path: Path) -> None:
    build(folders, tmp_path / "study.html", seed=0)
    before = (tmp_path / "study.key.json").read_bytes()
    with pytest.raises(InvalidInput, match="key of another study"):
        build(folders, tmp_path / "study.html", seed=1)
    assert (tmp_path / "study.key.json").read_bytes() == before


def test_the_key_tells_whose_clips_a_pair_shows(folders: dict[str, Path], tmp_path: Path) -> None:
    build(folders, tmp_path / "study.html")
    key = read_key(tmp_path / "study.key.json")
    assert {pair.case for pair in key.pairs} == {"a", "b"}
    assert all({pair.left, pair.right} == set(folders) for pair in key.pairs)
    assert isinstance(key.pair(1), Pair)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": "another"}', '{"pairs": '])
def test_other_files_than_keys_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "study.key.json"
    path.write_text(content)
    with pytest.raises(InvalidInput, match="not the key of a study"):
        read_key(path)


def test_a_missing_key_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"study\.key\.json' cannot be read"):
        read_key(tmp_path / "study.key.json")


def test_a_page_that_is_too_large_causes_a_warning(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("animatex_core.evaluation.study.page.LARGE_PAGE_BYTES", 1000)
    with pytest.warns(AnimateXWarning, match="use fewer pairs"):
        build(folders, tmp_path / "study.html")


def test_a_case_that_a_system_lacks_is_named(folders: dict[str, Path]) -> None:
    (folders["othersystem"] / "b.mp4").unlink()
    with pytest.raises(InvalidInput, match=r"'othersystem', .* lacks b: add"):
        find_material(folders)


def test_one_system_is_not_enough(folders: dict[str, Path]) -> None:
    with pytest.raises(InvalidInput, match="a study needs two"):
        find_material({"animate-x": folders["animate-x"]})


@pytest.mark.parametrize("folder", ["gone", "."])
def test_folders_without_clips_are_refused(folders: dict[str, Path], tmp_path: Path, folder: str) -> None:
    with pytest.raises(InvalidInput, match=r"does not exist|holds no clips"):
        find_material({**folders, "third": tmp_path / folder})


def test_two_files_of_a_case_are_refused(folders: dict[str, Path]) -> None:
    write_moving(folders["animate-x"] / "a.webm", (0, 0, 0))
    with pytest.raises(InvalidInput, match=r"a\.mp4 and .*a\.webm have the same name 'a'"):
        find_material(folders)


def test_clips_that_some_browsers_do_not_play_are_refused(folders: dict[str, Path]) -> None:
    clip = folders["animate-x"] / "a.mp4"
    whole = clip.rename(clip.with_suffix(".old"))
    subprocess.run([executable(), "-v", "error", "-i", whole, "-pix_fmt", "yuv444p", clip], check=True)
    with pytest.raises(InvalidInput, match=r"not all browsers play: .*-pix_fmt yuv420p"):
        find_material(folders)


def test_damaged_files_are_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    write_given(tmp_path, "ab")
    (tmp_path / "references" / "b.png").write_bytes(b"no picture")
    with pytest.raises(InvalidInput, match="not an image"):
        find_material(folders, tmp_path / "references")
    (folders["animate-x"] / "a.mp4").write_bytes(b"no clip")
    with pytest.raises(InvalidInput, match="not a readable video"):
        find_material(folders)


def test_a_clip_that_contains_the_name_of_its_system_causes_a_warning(folders: dict[str, Path]) -> None:
    write_moving(folders["othersystem"] / "a.mp4", (0, 0, 0), metadata={"comment": "made by OtherSystem"})
    with pytest.warns(AnimateXWarning, match=r"1 clips of 'othersystem', such as a\.mp4, contain this name"):
        find_material(folders)


def test_clips_of_unequal_length_cause_a_warning(folders: dict[str, Path]) -> None:
    write_moving(folders["othersystem"] / "b.mp4", (0, 0, 0), frames=9)
    with pytest.warns(AnimateXWarning, match="of 'b' last 0.5 to 0.8 seconds"):
        find_material(folders)


def test_the_command_takes_names_and_tells_what_to_keep(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "blind.html"
    systems = [f"one={folders['animate-x']}", f"two={folders['othersystem']}"]
    assert main(["study", "build", *systems, "--out", str(out), "--pairs", "1"]) == 0
    assert json.loads(out.with_suffix(".key.json").read_text())["systems"] == ["one", "two"]
    assert "1 pairs of 2 cases" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "study.pdf"], "ends in .html"),
        (["--seed", "-1"], "seed is -1"),
        (["--pairs", "9"], "pairs is 9"),
    ],
)
def test_errors_of_the_command_are_one_sentence(
    folders: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["study", "build", *map(str, folders.values()), *options]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("study.*"))


def test_two_systems_of_one_name_are_refused(
    folders: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", "build", *(f"same={folder}" for folder in folders.values())]) == 2
    assert "are both named 'same'" in capsys.readouterr().err


def test_other_image_formats_than_png_are_embedded(folders: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "references").mkdir()
    for case in "ab":
        Image.new("RGB", (8, 8)).save(tmp_path / "references" / f"{case}.jpg")
    build_study(tmp_path / "study.html", find_material(folders, tmp_path / "references"))
    assert "data:image/jpeg;base64," in (tmp_path / "study.html").read_text()
