"""Every command for studies and benchmark sets in README and docs, run as given, in its order."""

import json
import re
import shutil
from pathlib import Path

import pytest

from animatex_core.cli.main import main
from animatex_core.evaluation.benchmark_set.thresholds import Thresholds
from animatex_core.evaluation.study.votes import read_key
from tests.documents import DOCS, core_commands
from tests.evaluation.study_samples import write_given, write_systems, write_votes

PAGE = (DOCS / "evaluation.md").read_text(encoding="utf-8")


@pytest.fixture
def _material(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folders that the page refers to."""
    monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    for folder, name in zip(write_systems(tmp_path).values(), ("ours", "other"), strict=True):
        shutil.move(folder, Path("results") / name)
    write_given(tmp_path)
    shutil.move("driving", "dances")
    Path("votes").mkdir()


@pytest.mark.usefixtures("_material")
def test_from_clips_to_percentages_and_from_words_to_a_set() -> None:
    build, count, prompts, screen = core_commands("evaluation")
    assert main(build) == 0
    key = read_key(Path("study.key.json"))
    write_votes(Path("votes/a.json"), key, "a", {1: {"identity": "left"}, 2: {"visual": "same"}})
    assert [main(line) for line in (count, prompts, screen)] == [0, 0, 0]
    assert set(json.loads(Path("results.json").read_text())["systems"]) == {"ours", "other"}
    assert Path("results.md").read_text().splitlines()[0] in PAGE
    assert len(Path("prompts.csv").read_text().splitlines()) == 501
    assert len(json.loads(Path("screened/screening.json").read_text())["clips"]) == 3


def test_the_thresholds_of_the_page_are_those_of_the_code() -> None:
    defaults = Thresholds()
    text = re.sub(r"\s+", " ", PAGE)
    assert f"at least {defaults.found:.0%}".replace("%", " %") in text
    assert f"a mean score of {defaults.confidence} or more" in text
    assert f"at least {defaults.joints} of the 12 joints" in text
    assert defaults.gap == 0.5
