"""What a folder of results is of: written at its beginning, and compared whenever it goes on."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import InvalidInput
from ...placement import place_json
from ...plain_files import read_json as read_plain_json


def keep(path: Path, settings: Mapping[str, Any]) -> None:
    """Write settings to a file, or raise InvalidInput where it holds others, naming those that differ."""
    wanted = json.loads(json.dumps(settings))
    if not path.exists():
        place_json(path, wanted)
        return
    there = read_json(path)
    differing = sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))
    if differing:
        told = "; ".join(f"{name} was {there.get(name)} and is now {wanted.get(name)}" for name in differing)
        raise InvalidInput(
            f"{path.parent} holds an evaluation with other settings ({told}): repeat those, or choose "
            "another folder."
        )


def read_json(path: Path) -> dict[str, Any]:
    """Read what `place_json` wrote; raises InvalidInput for anything else."""
    try:
        found = read_plain_json(path)
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{path} cannot be read ({error}): choose another folder for the results."
        ) from error
    if not isinstance(found, dict):
        raise InvalidInput(f"{path} is not what was written there: choose another folder for the results.")
    return found
