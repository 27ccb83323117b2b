"""Windows that alternate are warned of where they meet without a transition, and nowhere else."""

import warnings

import pytest

from animatex_core.animate_x.windows import AlternatingWindows, LongClip, Windows, warn_of_windows
from animatex_core.errors import AnimateXWarning


def test_a_model_that_ignores_the_noise_is_warned_of() -> None:
    with pytest.warns(AnimateXWarning, match="use windows that overlap"):
        warn_of_windows(AlternatingWindows(4), 8, ignores_noise=True)


@pytest.mark.parametrize(
    ("plan", "frames", "ignores_noise"),
    [
        (AlternatingWindows(4), 8, False),
        (AlternatingWindows(4), 4, True),
        (AlternatingWindows(4), 7, True),
        (Windows(4, 1), 8, True),
        (None, 8, True),
    ],
)
def test_where_nothing_meets_nothing_is_said(
    plan: LongClip | None, frames: int, *, ignores_noise: bool
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_windows(plan, frames, ignores_noise)
