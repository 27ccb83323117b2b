"""The tables of docs/scale.md are those of `benchmarks.scale`, and its counts are those of the networks."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from animatex_core.animate_x.shapes import ClipShape
from benchmarks import operations, scale

PAGE = (Path(__file__).parents[1] / "docs" / "scale.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("make", scale.TABLES, ids=lambda make: make.__name__)
def test_the_page_has_the_tables_of_the_script(make: Callable[[scale.Project], str]) -> None:
    assert f"\n\n{make(scale.Project())}\n\n" in PAGE


def test_the_page_has_the_numbers_of_the_script() -> None:
    usual = scale.Project()
    assert f"A video of 32 frames is {usual.operations:,.0f} TFLOP" in PAGE
    assert f"{100 * usual.sampling / usual.operations:.0f} % are sampling" in PAGE
    assert f"takes {usual.pose_seconds:.0f} core seconds" in " ".join(PAGE.split())


def test_counts_are_those_of_the_networks() -> None:
    shape = ClipShape(512, 768, 32)
    denoiser, conditions = operations.count_denoiser(shape)
    assert denoiser / 1e12 == pytest.approx(scale.PASS, abs=5e-4)
    assert conditions / 1e12 == pytest.approx(scale.CONDITIONS, abs=5e-4)
    assert operations.count_autoencoder(shape)[0] / 1e12 == pytest.approx(scale.DECODED_FRAME, abs=5e-4)


def test_own_seconds_replace_the_assumptions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (options,) = re.findall(r"-m benchmarks\.scale (--[^`]*)`", PAGE)
    monkeypatch.setattr(sys, "argv", ["scale", *options.split()])
    scale.main()
    printed = capsys.readouterr().out
    assert printed.startswith("8,000 videos, ")
    days = 8000 * 55 / 86400
    assert f"| yours | 96 | 55 s | {days:.2g} | {days / 8:.2g} | {days / 64:.2g} |" in printed
    assert not any(card in printed for card in scale.CARDS)
