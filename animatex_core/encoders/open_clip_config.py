"""Sizes of an OpenCLIP model in a JSON file of its form, checked before anything is built of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..checks import require_whole, shown
from ..errors import InvalidInput, WrongCheckpoint
from ..plain_files import FileFault, read_json

MOST = {"layers": 256, "context_length": 1 << 12, "vocab_size": 1 << 20}
MAX_SIZE = 1 << 14
VISION = ("image_size", "patch_size", "width", "layers", "head_width")
TEXT = ("context_length", "vocab_size", "width", "heads", "layers")
REMEDY = "restore the file that belongs to the weights beside it"


def read_open_clip_config(path: Path) -> dict[str, Any]:
    """Return the sizes of both towers; raises WrongCheckpoint for a file that holds no sizes that can be."""
    try:
        config = read_json(path)
        _require_sizes("", config, ("embed_dim",))
        _require_sizes("vision_cfg.", config["vision_cfg"], VISION)
        _require_sizes("text_cfg.", config["text_cfg"], TEXT)
        _require_ratio(config["vision_cfg"]["mlp_ratio"])
        if config["vision_cfg"]["width"] % config["vision_cfg"]["head_width"]:
            raise InvalidInput("vision_cfg.width is no multiple of vision_cfg.head_width")
    except OSError as error:
        raise WrongCheckpoint(f"{path} cannot be read ({error.strerror}): {REMEDY}.") from error
    except (FileFault, InvalidInput, KeyError, TypeError) as error:
        fault = str(error).rstrip(".")
        raise WrongCheckpoint(f"{path} tells no usable sizes ({fault}): {REMEDY}.") from error
    return dict(config)


def _require_sizes(where: str, values: Mapping[str, Any], names: tuple[str, ...]) -> None:
    if not isinstance(values, Mapping):
        raise InvalidInput(f"{where or 'it '}holds {shown(values)}")
    for name in names:
        require_whole(f"{where}{name}", values[name], most=MOST.get(name, MAX_SIZE))


def _require_ratio(ratio: object) -> None:
    if not isinstance(ratio, int | float) or not 0 < ratio <= 64:
        raise InvalidInput(f"vision_cfg.mlp_ratio is {shown(ratio)}")
