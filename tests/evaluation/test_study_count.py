"""Counting votes, and files that are not counted."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from animatex_core.cli.main import main
from animatex_core.errors import InvalidInput, MissingDependency
from animatex_core.evaluation.study.material import draw_pairs
from animatex_core.evaluation.study.results import Share, as_json, as_markdown, count_votes, share_of, wilson
from animatex_core.evaluation.study.votes import Key, read_key, write_key
from tests.evaluation.study_samples import side_of, write_votes

SYSTEMS = ("ours", "theirs")
KEY = Key(
    "0123456789ab", SYSTEMS, tuple(draw_pairs([f"case {number}" for number in range(10)], SYSTEMS, seed=0))
)
NORMAL = 1.959964


def everywhere(won: int, same: int = 0) -> dict[int, dict[str, str]]:
    """Votes on identity: the first pairs for ours, then some without a difference, the rest for theirs."""
    winners = ["ours"] * won + ["same"] * same + ["theirs"] * (10 - won - same)
    return {
        number: {"identity": winner if winner == "same" else side_of(KEY, number, winner)}
        for number, winner in enumerate(winners, start=1)
    }


def approx(interval: tuple[float, float]) -> Any:
    return pytest.approx(interval, abs=1e-5)


def share(*paths: Path, system: str = "ours") -> Share:
    found = count_votes(paths, KEY).tallies[system]["identity"].share
    assert found is not None
    return found


def test_wilson_gives_the_known_interval() -> None:
    np.testing.assert_allclose(wilson(0.1, 10, NORMAL), (0.0179, 0.4042), atol=1e-4)
    np.testing.assert_allclose(wilson(0.0, 10, NORMAL), (0, 0.2775), atol=1e-4)
    np.testing.assert_allclose(wilson(1.0, 10, NORMAL), (0.7225, 1), atol=1e-4)


def test_votes_of_agreeing_raters_are_independent() -> None:
    alternating = [np.tile([0.0, 1.0], 50) for _ in range(40)]
    assert share_of(alternating) == Share(0.5, approx(wilson(0.5, 4000, 2.0227)))


def test_constant_votes_count_once_per_rater() -> None:
    extreme = [np.full(50, float(place % 2)) for place in range(40)]
    assert share_of(extreme) == Share(0.5, approx(wilson(0.5, 39, 2.0227)))


def test_intervals_of_unanimous_votes_shrink_with_raters() -> None:
    few, many = (share_of([np.ones(10)] * raters) for raters in (3, 30))
    assert few == Share(1.0, approx(wilson(1.0, 30, 4.30265)))
    assert many == Share(1.0, approx(wilson(1.0, 300, 2.04523)))


def test_intervals_have_the_nominal_coverage() -> None:
    # Raters differ: each prefers a system with a probability of their own, 0.6 on average.
    rng, held = np.random.default_rng(0), 0
    for _ in range(400):
        own = rng.beta(3, 2, size=12)
        found = share_of([(rng.random(20) < each).astype(float) for each in own])
        assert found is not None
        assert found.interval is not None
        held += found.interval[0] <= 0.6 <= found.interval[1]
    assert 0.92 < held / 400 < 0.99


def test_one_rater_has_no_interval_and_no_votes_have_no_share() -> None:
    assert share_of([np.array([1.0, 0.0])]) == Share(0.5, None)
    assert share_of([np.array([])]) is None


def test_without_scipy_the_message_explains_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(MissingDependency, match="pip install scipy"):
        share_of([np.array([1.0]), np.array([0.0])])


def test_percentages_are_shares_of_won_comparisons_with_ties_as_half(tmp_path: Path) -> None:
    votes = write_votes(tmp_path / "a.json", KEY, "a", everywhere(7, same=2))
    assert share(votes).value == pytest.approx(0.8)
    assert share(votes, system="theirs").value == pytest.approx(0.2)
    tally = count_votes([votes], KEY).tallies["ours"]["identity"]
    assert (tally.comparisons, tally.same) == (10, 2)


def test_raters_are_combined_and_may_be_incomplete(tmp_path: Path) -> None:
    whole = write_votes(tmp_path / "a.json", KEY, "a", everywhere(10))
    part = write_votes(tmp_path / "b.json", KEY, "b", {number: everywhere(0)[number] for number in (1, 2)})
    assert share(whole, part).value == pytest.approx(10 / 12)
    assert count_votes([whole, part], KEY).tallies["ours"]["visual"].share is None


def test_the_most_complete_file_of_a_rater_counts(tmp_path: Path) -> None:
    early = write_votes(tmp_path / "early.json", KEY, "a", {1: everywhere(10)[1]})
    late = write_votes(tmp_path / "late.json", KEY, "a", everywhere(5))
    for order in ((early, late), (late, early), (early, late, late)):
        outcome = count_votes(order, KEY)
        assert [ballot.path for ballot in outcome.ballots] == [late]
        assert "holds 1 votes of a rater, but" in outcome.refused[early] or len(order) == 3


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "is damaged"),
        ('{"format": "votes of an an', "is damaged"),
        ("[1, 2]", "its header is missing"),
        ('{"format": "something"}', "its header is missing"),
        ("[" * 100_000, "is damaged"),
    ],
    ids=["empty", "cut off", "list", "other format", "nested"],
)
def test_damaged_files_are_not_counted_with_one_sentence(tmp_path: Path, content: str, fault: str) -> None:
    good = write_votes(tmp_path / "good.json", KEY, "a", everywhere(5))
    bad = tmp_path / "bad.json"
    bad.write_text(content)
    outcome = count_votes([bad, good, tmp_path / "gone.json"], KEY)
    assert len(outcome.ballots) == 1
    assert fault in outcome.refused[bad]
    assert "\n" not in outcome.refused[bad]
    assert "cannot be read" in outcome.refused[tmp_path / "gone.json"]


@pytest.mark.parametrize(
    "votes",
    [
        {11: {"identity": "left"}},
        {0: {"identity": "left"}},
        {"x": {}},
        {1: {"beauty": "left"}},
        {1: {"identity": "both"}},
        {1: {"identity": ["left"]}},
        {1: 7},
        {1: "left"},
        7,
        None,
        [],
        "left",
        {1: [["identity", "left"]]},
        {1: []},
        {1: None},
        {1: {"identity": None}},
        {"01": {"identity": "left"}},
        {" 1": {"identity": "left"}},
        {"1_0": {"identity": "left"}},
        {"\u0661": {"identity": "left"}},
        {"9" * 5000: {}},
        {1: {"identity": {"left": 1}}},
    ],
)
def test_impossible_votes_are_refused(tmp_path: Path, votes: object) -> None:
    bad = write_votes(tmp_path / "bad.json", KEY, "a", votes)
    with pytest.raises(
        InvalidInput, match=r"bad\.json is not a file of votes, or is damaged .* There are no votes to count"
    ):
        count_votes([bad], KEY)


@pytest.mark.parametrize("lacking", ["format", "study", "rater", "votes"])
@pytest.mark.parametrize("value", [None, 7, ["a"], {"a": 1}, True])
def test_a_file_with_wrong_types_is_not_counted(tmp_path: Path, lacking: str, value: object) -> None:
    good = write_votes(tmp_path / "good.json", KEY, "a", everywhere(5))
    whole = json.loads(good.read_text())
    without, wrong = tmp_path / "without.json", tmp_path / "wrong.json"
    without.write_text(json.dumps({name: each for name, each in whole.items() if name != lacking}))
    wrong.write_text(json.dumps(whole | {lacking: value}))
    outcome = count_votes([without, wrong, good], KEY)
    assert [ballot.path for ballot in outcome.ballots] == [good]
    for path in (without, wrong):
        assert outcome.refused[path].startswith(f"{path} is not a file of votes, or is damaged")
        assert outcome.refused[path].count(". ") == 0


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le", "utf-32", "cp1252"])
def test_votes_in_another_encoding_are_left_out(tmp_path: Path, encoding: str) -> None:
    good = write_votes(tmp_path / "good.json", KEY, "a", everywhere(5))
    other = tmp_path / "other.json"
    other.write_bytes(good.read_text().replace('"rater": "a"', '"rater": "\u00e9"').encode(encoding))
    outcome = count_votes([other, good], KEY)
    assert [ballot.path for ballot in outcome.ballots] == [good]
    assert str(other) in outcome.refused[other]


def test_votes_with_a_byte_order_mark_count(tmp_path: Path) -> None:
    votes = write_votes(tmp_path / "a.json", KEY, "a", everywhere(5))
    votes.write_bytes(b"\xef\xbb\xbf" + votes.read_bytes())
    assert len(count_votes([votes], KEY).ballots) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"study": 7},
        {"systems": "ours"},
        {"systems": [1, 2]},
        {"systems": None},
        {"pairs": 7},
        {"pairs": [7]},
        {"systems": ["ours"]},
        {"pairs": [{"case": "a", "left": "ours"}]},
        {"format": None},
        {"pairs": [{"case": 7, "left": "ours", "right": "theirs"}]},
        {"pairs": [{"case": "a", "left": ["ours"], "right": "theirs"}]},
    ],
)
def test_a_damaged_key_is_refused_in_one_sentence(tmp_path: Path, change: dict[str, object]) -> None:
    write_key(tmp_path / "k.json", KEY)
    stored = json.loads((tmp_path / "k.json").read_text()) | change
    (tmp_path / "k.json").write_text(json.dumps(stored))
    with pytest.raises(InvalidInput, match="is not the key of a study, or is damaged"):
        read_key(tmp_path / "k.json")


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are Unicode there")
def test_a_name_of_a_file_that_is_not_utf_8_is_written_in_the_outcome(tmp_path: Path) -> None:
    write_key(tmp_path / "study.key.json", KEY)
    votes = tmp_path / os.fsdecode(b"votes-\xe9")
    votes.mkdir()
    write_votes(votes / "a.json", KEY, "a", everywhere(5))
    (votes / "broken.json").write_text("{")
    options = ["--key", str(tmp_path / "study.key.json"), "--out", str(tmp_path / "results.json")]
    done = subprocess.run(
        [sys.executable, "-m", "animatex_core", "study", "count", str(votes), *options], capture_output=True
    )
    assert done.returncode == 0, done.stderr
    stored = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert stored["files"] == [str(votes / "a.json")]


def test_votes_of_another_study_are_left_out(tmp_path: Path) -> None:
    foreign = write_votes(tmp_path / "foreign.json", KEY, "a", everywhere(5), study="another")
    good = write_votes(tmp_path / "good.json", KEY, "b", everywhere(5))
    assert "votes of the study 'another'" in count_votes([foreign, good], KEY).refused[foreign]


def test_the_command_writes_json_and_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_key(tmp_path / "study.key.json", KEY)
    votes = tmp_path / "votes"
    votes.mkdir()
    for name, won in (("a", 9), ("b", 10), ("c", 8)):
        write_votes(votes / f"{name}.json", KEY, name, everywhere(won))
    (votes / "broken.json").write_text("{")
    options = ["--key", str(tmp_path / "study.key.json"), "--out", str(votes / "results.json")]
    for _ in range(2):  # the second time, the results of the first lie among the votes
        assert main(["study", "count", str(votes), *options]) == 0
        output = capsys.readouterr().out
        assert "| ours | 90.0 % (" in output
        assert "| theirs | 10.0 % (" in output
        assert output.count("left out: ") == 1
    stored = json.loads((votes / "results.json").read_text())
    assert stored["raters"] == 3
    assert stored["systems"]["ours"]["identity"]["percent"] == pytest.approx(90)
    assert stored["systems"]["ours"]["temporal"]["percent"] is None
    assert list(stored["refused"]) == [str(votes / "broken.json")]
    table = (votes / "results.md").read_text(encoding="utf-8")
    assert table.startswith(
        "| system | identity preservation | temporal consistency | visual quality |\n| --- |"
    )
    assert table in output


def test_a_single_rater_is_reported_without_an_interval(tmp_path: Path) -> None:
    outcome = count_votes([write_votes(tmp_path / "a.json", KEY, "a", everywhere(9))], KEY)
    assert "| ours | 90.0 % | - | - |" in as_markdown(outcome)
    assert as_json(outcome)["systems"]["ours"]["identity"]["interval"] is None


def test_the_command_does_not_overwrite_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_key(tmp_path / "k.json", KEY)
    before = (tmp_path / "k.json").read_bytes()
    both = ["--key", str(tmp_path / "k.json"), "--out", str(tmp_path / "k.json")]
    assert main(["study", "count", str(tmp_path), *both]) == 2
    assert "use another file for the output" in capsys.readouterr().err
    assert (tmp_path / "k.json").read_bytes() == before
