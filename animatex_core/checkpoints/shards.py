"""Weights that are split over several files, as Hugging Face's libraries save them."""

import re
from pathlib import Path

from ..errors import CheckpointError, DamagedCheckpoint
from ..plain_files import FileFault, read_json
from ..wording import reason_of

INDEX = re.compile(r".*\.index\.json", re.IGNORECASE)
SHARD = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>\.\w+)")
MAX_SHARDS = 1000


def shards_of(path: Path) -> list[Path]:
    """Return the files that hold the weights a path stands for, in order; the path itself where it is whole.

    Args:
        path: A weights file, one of several that it is split over, or their index.

    Raises:
        CheckpointError: One of the files is not there.
        DamagedCheckpoint: The index cannot be read, or names files elsewhere.

    """
    if INDEX.fullmatch(path.name):
        names = _names_in(path)
    elif (shard := SHARD.fullmatch(path.name)) and 1 < int(shard["count"]) <= MAX_SHARDS:
        count = int(shard["count"])
        names = [
            f"{shard['stem']}-{number:05}-of-{count:05}{shard['suffix']}" for number in range(1, count + 1)
        ]
    else:
        return [path]
    return [_present(path, name) for name in names]


def _names_in(index: Path) -> list[str]:
    try:
        content = read_json(index)
        weight_map = content["weight_map"]
        names = sorted(set(weight_map.values()))
    except OSError as error:
        raise CheckpointError(f"{index} cannot be opened ({error.strerror}): check the path.") from error
    except (FileFault, LookupError, TypeError, ValueError, AttributeError) as error:
        raise DamagedCheckpoint(
            f"{index} is no index of weights ({reason_of(error)}): download it again."
        ) from error
    if not names or any(not _is_beside(name) for name in names):
        raise DamagedCheckpoint(f"{index} names files that are not beside it: download it again.")
    return names


def _is_beside(name: object) -> bool:
    return isinstance(name, str) and name != "" and Path(name).name == name


def _present(path: Path, name: str) -> Path:
    shard = path.with_name(name)
    if not shard.is_file():
        raise CheckpointError(
            f"{shard} is missing, without which {path.name} is not whole: put it beside it."
        )
    return shard
