from typing import Any

import pytest

from animatex_core.errors import InvalidInput
from animatex_core.retarget.settings import ADDABLE, PARTS, Factors, RetargetSettings


@pytest.mark.parametrize("part", ["body", "legs", "arms", "neck", "shoulders", "face"])
@pytest.mark.parametrize("value", [0, 0.09, 10.1, -1, float("nan"), float("inf"), "2", None, True])
def test_factors_out_of_range_are_rejected(part: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=f"factor {part} is .* take 0.1 to 10"):
        Factors(**{part: value})


@pytest.mark.parametrize("value", [0.1, 10, 1])
def test_the_ends_of_the_range_are_accepted(value: float) -> None:
    assert Factors(legs=value).legs == value
    assert RetargetSettings(bound=max(1, value)).bound >= 1


@pytest.mark.parametrize("value", [0.99, float("nan"), float("inf"), "3"])
def test_bounds_below_one_are_rejected(value: Any) -> None:
    with pytest.raises(InvalidInput, match=r"bound is .* take 1 or more"):
        RetargetSettings(bound=value)


def test_an_unknown_mode_is_rejected() -> None:
    with pytest.raises(InvalidInput, match=r"mode is 'fit', .* none, align, retarget"):
        RetargetSettings(mode="fit")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["drop", "add"])
def test_an_unknown_part_is_rejected_with_the_known_ones(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"{name} contains 'tail', .*feet.*left_arm"):
        RetargetSettings(**{name: ["arms", "tail"]})  # type: ignore[arg-type]


def test_parts_are_given_as_any_sequence_or_alone() -> None:
    assert RetargetSettings(drop=["arms", "head"]).drop == ("arms", "head")
    assert RetargetSettings(add="legs").add == ("legs",)


def test_a_face_cannot_be_added() -> None:
    assert set(PARTS) - set(ADDABLE) == {"face"}
    with pytest.raises(InvalidInput, match="add contains 'face'"):
        RetargetSettings(add=("face",))


def test_settings_are_values() -> None:
    assert RetargetSettings(drop=["arms"]) == RetargetSettings(drop=("arms",))
    assert hash(RetargetSettings(drop=["arms"])) == hash(RetargetSettings(drop=("arms",)))
