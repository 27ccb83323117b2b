"""The prompts of a set: their grammar and selection."""

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from animatex_core.cli.main import main
from animatex_core.errors import InvalidInput
from animatex_core.evaluation.benchmark_set.prompts import COLUMNS, OBJECTS, PLACES, SEASONS, draw_scenes

MOST = len(OBJECTS) * len(SEASONS) * len(PLACES)


def test_words_are_distinct() -> None:
    assert len(set(OBJECTS)) == len(OBJECTS) >= 100
    assert len(set(PLACES)) == len(PLACES) >= 40
    assert len(SEASONS) == 4
    assert all(re.fullmatch(r"[a-z ]+", word) for word in (*OBJECTS, *PLACES, *SEASONS.values()))


def test_500_prompts_of_either_kind_are_distinct() -> None:
    scenes = draw_scenes()
    assert len({scene.image for scene in scenes}) == len({scene.video for scene in scenes}) == 500
    assert [scene.id for scene in scenes] == [f"{number:04d}" for number in range(1, 501)]


def test_prompts_contain_all_parts() -> None:
    for scene in draw_scenes():
        for prompt, action in ((scene.image, "standing"), (scene.video, "dancing")):
            for part in ("cute", "arms", "legs", action, scene.object, scene.place, scene.season):
                assert part in prompt


def test_objects_and_seasons_are_balanced() -> None:
    scenes = draw_scenes()
    objects = Counter(scene.object for scene in scenes)
    assert set(objects) == set(OBJECTS)
    assert max(objects.values()) - min(objects.values()) <= 1
    assert min(Counter(scene.season for scene in scenes).values()) > 90
    assert set(PLACES) == {scene.place for scene in scenes}


def test_the_choice_depends_on_the_seed_and_grows_at_its_end() -> None:
    assert draw_scenes(seed=1) == draw_scenes(seed=1) != draw_scenes(seed=2)
    assert draw_scenes(700)[:500] == draw_scenes(500)


def test_all_scenes_can_be_drawn_but_no_more() -> None:
    assert len({scene.video for scene in draw_scenes(MOST)}) == MOST
    for count, seed in ((MOST + 1, 0), (0, 0), (5, -1)):
        with pytest.raises(InvalidInput, match=r"count|seed"):
            draw_scenes(count, seed=seed)


def test_the_command_writes_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "set" / "prompts.csv"
    assert main(["benchmark-set", "prompts", "--out", str(out), "--count", "20", "--seed", "5"]) == 0
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [row["image"] for row in rows] == [scene.image for scene in draw_scenes(20, seed=5)]
    assert "20 scenes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "a.txt"], "ends in .csv"),
        (["--count", "1000000"], "use fewer"),
        (["--seed", "-1"], "seed"),
    ],
)
def test_the_command_reports_errors(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["benchmark-set", "prompts", *options]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
