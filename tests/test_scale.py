"""The tables of docs/scale.md are those of `benchmarks.scale`, and its counts are those of the networks."""

import re
import sys
from collections.abc import Callable
from dataclasses import replace
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
    text = " ".join(PAGE.split())
    assert f"takes {usual.pose_seconds:.0f} core seconds" in text
    high = usual.cpu_seconds[1]
    cores, official = (
        (high + usual.pose_seconds) / replace(usual, steps=steps).gpu_seconds
        for steps in scale.SETTINGS.values()
    )
    assert f"need {cores:.0f} cores, with the 31 steps of the official code {official:.0f}." in text
    detections = 64 * usual.characters * (scale.DETECT + scale.ESTIMATE) / 1000 / scale.HOUR
    assert f"64,000 detections, {detections:.0f} core hours" in text
    storage = 64 / usual.gpu_seconds * usual.frames * scale.MP4[1] / 1000
    assert f"64 H100 write {storage:.0f} MB/s at most" in text
    draft = replace(usual, steps=8).operations / usual.operations
    assert draft == pytest.approx(2 / 3, abs=0.03)
    assert "`--preset draft` | 8 steps: two thirds of the time" in text


def test_own_steps_replace_the_rows_of_presets() -> None:
    table = scale.cores_table(scale.Project(steps=20))
    assert "| yours | H100 SXM | 9.3 s |" in table
    assert "default" not in table


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
