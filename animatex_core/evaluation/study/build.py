"""From folders of clips to a page for raters and its key."""

import warnings
from pathlib import Path

from ...errors import AnimateXWarning
from ...placement import check_writable
from ...progress import Progress, no_progress
from .key import Key, key_of_study, key_path, write_key
from .material import Material
from .page import write_page
from .pairs import draw_pairs

LARGE = 300_000_000  # bytes of a page that browsers still open in seconds


def build_study(
    page: Path,
    material: Material,
    *,
    seed: int = 0,
    pairs: int | None = None,
    progress: Progress = no_progress,
) -> Key:
    """Write the page and, beside it, its key, and return the key. pairs: how many, None for all there are.

    The key is written first: a page without one would be worth nothing. An AnimateXWarning says where the
    page is so large that browsers may fail. Raises InvalidInput, StorageError.
    """
    check_writable(page)
    key = key_of_study(material, draw_pairs(material.cases, material.systems, seed=seed, most=pairs))
    write_key(key_path(page), key)
    write_page(page, key, material, progress)
    size = page.stat().st_size
    if size > LARGE:
        sentence = f"{page} has {size / 1e6:.0f} MB, which some browsers do not open: take fewer pairs."
        warnings.warn(AnimateXWarning(sentence), stacklevel=2)
    return key
