"""The page of a study in a real browser, from votes to percentages."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from animatex_core.cli.main import main
from animatex_core.evaluation.study.votes import Key, read_key
from tests.comfyui.browser import CHROMIUM
from tests.evaluation.raters import Rater, chromium
from tests.evaluation.study_samples import FPS, FRAMES, side_of, write_given, write_systems

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

DIGITS = {"left": "1", "same": "2", "right": "3"}
NAMES = {"left": "Left", "same": "No difference", "right": "Right"}
CLOCKS = "() => [...document.querySelectorAll('video')].map(clip => clip.currentTime)"
PLAYED = "() => [...document.querySelectorAll('video')].every(clip => clip.played.length && !clip.error)"


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    systems = write_systems(folder)
    write_given(folder)
    given = ["--references", str(folder / "references"), "--driving", str(folder / "driving")]
    out = folder / "study.html"
    assert main(["study", "build", *map(str, systems.values()), *given, "--out", str(out)]) == 0
    return out


@pytest.fixture
def key(html: Path) -> Key:
    return read_key(html.with_suffix(".key.json"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def rater(browser: Browser, html: Path) -> Iterator[Rater]:
    rater = Rater.sits_down(browser, html)
    yield rater
    rater.page.context.close()
    assert rater.complaints == []


def results(html: Path, *votes: Path) -> dict[str, dict[str, float]]:
    out = html.with_name("results.json")
    key = html.with_suffix(".key.json")
    assert main(["study", "count", *map(str, votes), "--key", str(key), "--out", str(out)]) == 0
    systems = json.loads(out.read_text(encoding="utf-8"))["systems"]
    return {
        system: {question: round(tally["percent"], 6) for question, tally in tallies.items()}
        for system, tallies in systems.items()
    }


def test_votes_by_mouse(rater: Rater, html: Path, key: Key) -> None:
    rater.pictured("welcome")
    rater.click("Start")
    for number in (1, 2, 3):
        assert rater.heading() == f"Pair {number} of 3"
        assert rater.page.get_by_role("button", name="Next").is_disabled()
        ours = side_of(key, number, "animate-x")
        theirs = side_of(key, number, "othersystem")
        for question, answer in enumerate([ours, ours if number == 1 else theirs, "same"]):
            rater.choose(question, NAMES[answer])
        rater.page.wait_for_function(PLAYED)
        rater.pictured(f"pair-{number}")
        rater.click("Next")
    rater.pictured("end")
    found = results(html, rater.saves())
    assert found["animate-x"] == {"identity": 100.0, "temporal": round(100 / 3, 6), "visual": 50.0}
    assert found["othersystem"] == {"identity": 0.0, "temporal": round(200 / 3, 6), "visual": 50.0}


def test_votes_by_keyboard(rater: Rater, html: Path, key: Key) -> None:
    rater.press("Tab", "Enter")
    for number in (1, 2, 3):
        assert rater.heading() == f"Pair {number} of 3"
        theirs = DIGITS[side_of(key, number, "othersystem")]
        rater.press(theirs, theirs, DIGITS["same"], "Enter")
    rater.page.get_by_role("heading", name="Thank you!").wait_for()
    rater.press("Tab")
    with rater.page.expect_download() as saving:
        rater.press("Enter")
    votes = html.with_name("keyboard.json")
    saving.value.save_as(votes)
    assert results(html, votes)["othersystem"] == {"identity": 100.0, "temporal": 100.0, "visual": 50.0}


def test_arrow_keys_select_answers(rater: Rater) -> None:
    rater.click("Start")
    rater.page.get_by_label("Left", exact=True).first.focus()
    rater.press("ArrowRight", "ArrowRight")
    assert rater.page.get_by_label("Right", exact=True).first.is_checked()
    assert rater.page.get_by_role("status").first.inner_text() == "1 of 3 questions answered"


def test_a_closed_tab_loses_nothing(rater: Rater, html: Path) -> None:
    rater.click("Start")
    rater.press("1", "1", "3", "Enter", "2")
    rater.page.get_by_text("1 of 3 questions answered").first.wait_for()
    rater.page.reload()
    assert rater.heading() == "Pair 2 of 3"
    assert rater.page.get_by_label("No difference").first.is_checked()
    assert rater.page.get_by_role("status").first.inner_text() == "1 of 3 questions answered"
    again = rater.page.context.new_page()
    rater.page.close()
    rater.page = again
    rater.opens(html)
    assert rater.heading() == "Pair 2 of 3"
    rater.press("b")
    assert rater.heading() == "Pair 1 of 3"
    assert rater.page.get_by_label("Right", exact=True).nth(2).is_checked()


def test_votes_can_be_saved_early_and_a_later_file_counts(
    rater: Rater, html: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rater.click("Start")
    rater.press("1", "1", "1", "Enter")
    early = rater.saves("Save my votes so far").rename(html.with_name("early.json"))
    rater.press("1", "1", "1", "Enter", "1", "1", "1", "Enter")
    whole = rater.saves()
    results(html, early, whole)
    output = capsys.readouterr().out
    assert "left out: " in output
    assert "early.json holds 3 votes of a rater, but" in output
    assert "Raters: 1; votes: 9 of 9" in output


def test_another_rater_can_start_over_after_saving(rater: Rater, html: Path) -> None:
    for _ in range(2):
        rater.click("Start")
        for _ in range(3):
            rater.press("1", "1", "1", "Enter")
        rater.saves()
        rater.page.once("dialog", lambda dialog: dialog.accept())
        rater.click("Delete my votes and start over")
    assert len({json.loads(path.read_text())["rater"] for path in html.parent.glob("votes-*.json")}) >= 2


def test_clips_of_a_pair_play_in_sync_and_loop(rater: Rater) -> None:
    rater.click("Start")
    rater.page.wait_for_function(PLAYED)
    clocks = [rater.page.evaluate(CLOCKS) for _ in range(40) if rater.page.wait_for_timeout(25) is None]
    length = FRAMES / FPS
    apart = [max(times) - min(times) for times in clocks if max(times) < length - 0.05]
    assert np.median(apart) < 0.15
    lefts = [times[1] for times in clocks]
    assert any(later < earlier for earlier, later in pairwise(lefts))  # restarted
    rater.press("p")
    before = rater.page.evaluate(CLOCKS)
    rater.page.wait_for_timeout(200)
    assert rater.page.evaluate(CLOCKS) == before
    assert rater.page.get_by_role("button", name="Play").is_visible()


def test_the_page_is_blind_and_needs_no_network(rater: Rater, html: Path) -> None:
    rater.click("Start")
    rater.page.wait_for_function(PLAYED)
    text = html.read_text(encoding="utf-8")
    readable = re.sub(r"base64,[^<]*", "", text).lower()
    assert not re.search(r"animate-x|othersystem|\.mp4|\.png|driving/", readable)
    assert "http" not in readable.replace("http-equiv", "")
    assert rater.asked[0] == html.as_uri()[:60]
    assert all(url.startswith(("data:", "blob:")) for url in rater.asked[1:])


def test_two_tabs_of_a_page_hold_the_same_votes(rater: Rater, html: Path) -> None:
    rater.click("Start")
    first, rater.page = rater.page, rater.page.context.new_page()
    rater.opens(html)
    rater.press("3", "3", "3", "Enter", "1")
    first.get_by_role("heading", name="Pair 2 of 3").wait_for()
    first.get_by_role("radio", name="Left", exact=True, checked=True).wait_for()


def test_without_storage_a_notice_is_shown_and_votes_can_be_saved(rater: Rater, html: Path) -> None:
    forbidden = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no') }})"
    rater.page.add_init_script(forbidden)
    rater.opens(html)
    assert "cannot store your votes" in rater.page.get_by_role("alert").inner_text()
    rater.click("Start")
    rater.press("1", "1", "1", "Enter")
    assert len(json.loads(rater.saves("Save my votes so far").read_text())["votes"]) == 1


def test_a_clip_that_does_not_play_is_reported(rater: Rater, html: Path) -> None:
    broken = html.with_name("broken.html")
    broken.write_text(
        html.read_text(encoding="utf-8").replace("video/mp4;base64,AAAA", "video/mp4;base64,BBBB")
    )
    rater.opens(broken)
    rater.click("Start")
    rater.page.get_by_role("alert").filter(has_text="cannot be played in this browser").wait_for()


def test_on_a_small_screen_everything_fits_in_its_width(rater: Rater) -> None:
    rater.page.set_viewport_size({"width": 390, "height": 800})
    rater.click("Start")
    rater.page.wait_for_function(PLAYED)
    rater.pictured("small")
    assert rater.page.evaluate("() => document.documentElement.scrollWidth") <= 390


def test_all_controls_have_accessible_names(rater: Rater) -> None:
    rater.click("Start")
    snapshot = rater.page.locator("#pair").aria_snapshot()
    for question in ("preserves the look", "moves more smoothly", "better image quality"):
        assert re.search(rf'group "[^"]*{question}', snapshot)
    assert snapshot.count('radio "No difference"') == 3
    assert 'progressbar "Completed pairs"' in snapshot
    assert rater.page.get_by_label("Left clip").is_visible()
