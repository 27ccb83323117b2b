from typing import Any

import pytest
import yaml

from animatex_core.errors import InvalidInput
from animatex_core.training.epi.settings import SWITCHES, EpiSettings, FactorRanges


def test_settings_go_through_yaml_and_back() -> None:
    settings = EpiSettings(probability=0.9, ranges=FactorRanges(legs=(0.3, 1))).without("drop")
    text = yaml.safe_dump(settings.to_dict())
    assert EpiSettings.from_dict(yaml.safe_load(text)) == settings
    assert EpiSettings.from_dict({}) == EpiSettings()
    assert EpiSettings.from_dict({"ranges": {"arms": [1, 2]}}).ranges == FactorRanges(arms=(1.0, 2.0))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"probability": 1.1}, "probability is 1.1"),
        ({"drop_chance": float("nan")}, "drop_chance is nan"),
        ({"add_chance": True}, "add_chance is True"),
        ({"realignment": 1}, "realignment is 1"),
        ({"lambda": 0.9}, "an unknown entry 'lambda': choose from probability,"),
        ({"ranges": {"tail": [1, 2]}}, "an unknown entry 'tail': choose from body,"),
        ({"ranges": None}, "ranges are None"),
        ({"ranges": {"legs": [2, 1]}}, "the range of legs is [2, 1]"),
        ({"ranges": {"legs": [0.01, 1]}}, "give numbers from 0.1 to 10"),
        ({"ranges": {"legs": 1}}, "two factors"),
        ({"ranges": {"legs": ["1", "2"]}}, "two factors"),
        ([], "must be a mapping"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(values: Any, words: str) -> None:
    with pytest.raises(InvalidInput) as error:
        EpiSettings.from_dict(values)
    assert words in str(error.value)
    assert str(error.value).count(". ") == 0


def test_an_ablation_disables_its_switch() -> None:
    assert EpiSettings().without("neck_face").scaled_parts() == ("body", "shoulders", "arms", "legs")
    assert EpiSettings().without("rescaling").scaled_parts() == ()
    for name in SWITCHES:
        assert EpiSettings().without(name) == EpiSettings.from_dict({name: False})
    with pytest.raises(InvalidInput, match="is not a switch"):
        EpiSettings().without("legs")
