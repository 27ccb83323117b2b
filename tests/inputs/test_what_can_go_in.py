"""Every row of the tables in docs/what-can-go-in.md, by files that are made here."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.inputs.common import outcome
from tests.inputs.images import IMAGES
from tests.inputs.masks import MASKS
from tests.inputs.motions import MOTIONS
from tests.inputs.poses import POSES
from tests.inputs.videos import VIDEOS
from tests.inputs.weights import WEIGHTS

DOC = Path(__file__).parents[2] / "docs" / "what-can-go-in.md"


@cache
def verdicts() -> dict[str, str]:
    """Return row -> the first word of its result."""
    rows = re.findall(
        r"^\| (.+?) \| (yes|converted|warning|refused)\b.*\|$", DOC.read_text("utf-8"), re.MULTILINE
    )
    assert len(rows) == len(dict(rows))
    return dict(rows)


ROWS = VIDEOS | IMAGES | POSES | MOTIONS | MASKS | WEIGHTS


def test_every_row_is_tried() -> None:
    assert set(ROWS) == set(verdicts())


@pytest.mark.parametrize("row", ROWS)
def test_rows(row: str, tmp_path: Path) -> None:
    expected = verdicts()[row]
    assert outcome(ROWS[row], tmp_path) == {"yes": "read", "converted": "read"}.get(expected, expected)
