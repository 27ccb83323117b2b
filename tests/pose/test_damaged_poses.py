"""Damaged pose files of every format: read, or rejected in one sentence."""

import json
import random
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from animatex_core.errors import InvalidInput
from animatex_core.pose.formats.reader import poses_from_openpose
from tests.pose.dialect_files import (
    alphapose,
    alphapose_open,
    coco,
    dwpose,
    mediapipe,
    mmpose,
    openpose,
    true_dance,
)

FORMS: list[Callable[..., Any]] = [openpose, alphapose, alphapose_open, mmpose, coco, dwpose, mediapipe]
TRUE = true_dance(3)
WRONG: list[Any] = [
    None,
    True,
    -1,
    0,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "12",
    "[1",
    [],
    {},
    [[]],
    [None],
    {"x": 1, "y": 2},
    {"people": None},
    10**400,
    "1e400",
]
KEYS = ["people", "frames", "keypoints", "subset", "candidate", "hands", "annotations", "images", "bodies"]


def places(data: Any) -> list[tuple[Any, Any]]:
    """Return every list and object with each of its keys."""
    found: list[tuple[Any, Any]] = []
    waiting = [data]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict | list):
            keys = list(item) if isinstance(item, dict) else list(range(len(item)))
            found += [(item, key) for key in keys]
            waiting += [item[key] for key in keys]
    return found


def damaged(data: Any, rng: random.Random) -> Any:
    found = places(data)
    for _ in range(rng.choice((1, 1, 3, 30))):
        item, key = rng.choice(found)
        if isinstance(item, dict):
            value = item.pop(key, None)
            item[rng.choice([key, *KEYS])] = rng.choice([value, *WRONG])
        elif key < len(item):
            item[key] = rng.choice(WRONG)
            if rng.random() < 0.2:
                del item[key]
    return data


def refusal(data: Any) -> str | None:
    """Return the message that rejects data, None if it is read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            poses_from_openpose(data, source="clip")
        except InvalidInput as error:
            return str(error)
    return None


@pytest.mark.parametrize("form", FORMS)
def test_damaged_values(form: Callable[..., Any]) -> None:
    whole = json.dumps(form(TRUE))
    found = [refusal(damaged(json.loads(whole), random.Random(seed))) for seed in range(40)]
    sentences = [sentence for sentence in found if sentence is not None]
    assert 0 < len(sentences) < 40
    assert not [each for each in sentences if each.count(". ") or "\n" in each or len(each) > 500]
