"""A CLIP of open_clip's own making, small enough for a test."""

import json
from pathlib import Path

import open_clip
import torch

SMALL = "small-animatex-test"
SETTINGS = {
    "embed_dim": 64,
    "vision_cfg": {"image_size": 28, "layers": 2, "width": 64, "head_width": 32, "patch_size": 14},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 3},
}


def small_clip(folder: Path) -> open_clip.CLIP:
    """Build one with random weights, and make its configuration known to open_clip by the name SMALL."""
    config = folder / f"{SMALL}.json"
    config.write_text(json.dumps(SETTINGS))
    open_clip.add_model_config(config)
    torch.manual_seed(0)
    return open_clip.CLIP(**open_clip.get_model_config(SMALL)).eval()
