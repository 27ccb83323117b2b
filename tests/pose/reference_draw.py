"""Run a `draw` case: the official drawing of one frame, as the model sees it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from animatex_core.pose.draw import draw_pose


def check_draw_case(numbers: Mapping[str, np.ndarray], case: dict[str, Any]) -> None:
    """Assert that at most the allowed fraction of the pixels differs."""
    index = numbers["body_index"][0].astype(int)
    body = np.concatenate([numbers["body"][index], (index[:, None] != -1)], axis=1, dtype=np.float32)
    hands = np.concatenate([numbers["hands"], np.ones((2, 21, 1))], axis=2, dtype=np.float32)
    expected = numbers["model_sees_rgb"]
    drawn = draw_pose(body, hands, expected.shape[1], expected.shape[0])
    assert (drawn != expected).any(axis=2).mean() <= case["max_differing_pixels"]
