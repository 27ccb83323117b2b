"""Names of results: possible on every system, distinct, and inside the folder."""

from pathlib import Path

import pytest

from animatex_core.batch.naming import check_template, fill_template, output_path, same_names
from animatex_core.errors import InvalidInput

FIELDS = ("reference", "driving", "seed", "prompt")


def test_files_give_their_names() -> None:
    values = {"reference": Path("/a/Rabbit.v2.png"), "driving": Path("dances/walk.mp4"), "seed": 7}
    assert fill_template("{driving}/{reference}-{seed}", values) == "walk/Rabbit.v2-7"


@pytest.mark.parametrize("prompt", ["../../etc/x", "a:b", "what?", "CON*", "x\ny", "é" * 300, " . "])
def test_values_cannot_leave_their_place(prompt: str, tmp_path: Path) -> None:
    name = fill_template("{prompt}", {"prompt": prompt})
    assert output_path(tmp_path, f"{name}.mp4").parent == tmp_path


@pytest.mark.parametrize("sign", ["a", "é", "舞", "\U0001f430"])
def test_three_long_values_fit_a_file_system(sign: str, tmp_path: Path) -> None:
    values = dict.fromkeys(("reference", "driving", "prompt"), sign * 80)
    name = fill_template("{reference}-{driving}-{prompt}", values)
    (tmp_path / f"{name}.mp4").touch()
    assert len(fill_template("{prompt}", values).encode()) in (78, 80)


@pytest.mark.parametrize(
    "template", ["{refrence}", "{reference", "{reference.__class__}", "{seed:>9}", "{}", "{seed!r}"]
)
def test_a_wrong_template_is_refused(template: str) -> None:
    with pytest.raises(InvalidInput, match="--name"):
        check_template(template, FIELDS)
    check_template("{{{reference}}}", FIELDS)


def test_a_template_cannot_leave_the_folder(tmp_path: Path) -> None:
    for name in ("../x.mp4", "/x.mp4", "a/../../x.mp4"):
        with pytest.raises(InvalidInput, match="output folder"):
            output_path(tmp_path, name)


def test_names_that_are_one_file_somewhere_are_told_with_both_rows() -> None:
    names = {2: "Rabbit-a.mp4", 3: "cat-a.mp4", 4: "rabbit-A.mp4", 5: "Cafe\u0301.mp4", 6: "caf\u00e9.mp4"}
    assert [(row, sentence.split("row ")[1][0]) for row, sentence in same_names(names)] == [
        (4, "2"),
        (6, "5"),
    ]
