"""Writes a study as one self-contained HTML file with all its clips."""

import base64
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from ...assets import ASSETS
from ...errors import warn
from ...utils.files import atomic_write, check_writable
from ...utils.progress import Progress, no_progress
from .material import Material, draw_pairs, mime_type
from .votes import QUESTIONS, VOTES_FORMAT, Key, key_path, make_key, write_key

PARTS = ASSETS / "study"
CHUNK = 3 << 18  # bytes; a multiple of 3, so that the base64 of chunks can be concatenated
LARGE_PAGE_BYTES = 300_000_000  # bytes; larger pages do not open in some browsers


def write_page(path: Path, key: Key, material: Material, progress: Progress = no_progress) -> None:
    """Write the page of a study; names of systems and files do not appear in it.

    Args:
        path: The HTML file.
        key: The key of the study.
        material: The files of the study, which are embedded chunk by chunk.
        progress: Called with the number of embedded files and the total.

    Raises:
        StorageError: The page cannot be written.

    """
    files, pairs = _numbered(key, material)
    questions = [asdict(question) for question in QUESTIONS]
    study = {"format": VOTES_FORMAT, "study": key.study, "questions": questions, "pairs": pairs}
    head, tail = _text("page.html").split("<!-- material -->")
    head = head.replace("/* style */", _text("page.css"))
    tail = tail.replace("/* script */", _text("page.js"))
    with atomic_write(path) as page:
        page.write(head.encode())
        page.write(f'<script type="application/json" id="study">{json.dumps(study)}</script>\n'.encode())
        for number, file in enumerate(files):
            page.write(
                f'<script type="text/plain" id="file-{number}">data:{mime_type(file)};base64,'.encode()
            )
            page.writelines(_base64(file))
            page.write(b"</script>\n")
            progress(number + 1, len(files))
        page.write(tail.encode())


def _numbered(key: Key, material: Material) -> tuple[list[Path], list[dict[str, int]]]:
    """Number the files in order of appearance, and return them with the pairs as numbers."""
    numbers: dict[Path, int] = {}
    pairs = []
    for pair in key.pairs:
        roles = {
            "left": material.clips[pair.left][pair.case],
            "right": material.clips[pair.right][pair.case],
            "reference": material.references.get(pair.case),
            "driving": material.driving.get(pair.case),
        }
        pairs.append({role: numbers.setdefault(file, len(numbers)) for role, file in roles.items() if file})
    return list(numbers), pairs


def _base64(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield base64.b64encode(chunk)


def _text(name: str) -> str:
    return (PARTS / name).read_text(encoding="utf-8")


def build_study(
    page: Path,
    material: Material,
    *,
    seed: int = 0,
    pairs: int | None = None,
    progress: Progress = no_progress,
) -> Key:
    """Write the page of a study and its key, the latter first, because a page without its key is useless.

    An AnimateXWarning is issued if the page is too large for some browsers.

    Args:
        page: The HTML file; the key is written next to it.
        material: The files of the study.
        seed: Seed of the pairs.
        pairs: Number of pairs; None for all.
        progress: Called with the number of embedded files and the total.

    Returns:
        The key.

    Raises:
        InvalidInput: The seed or the number of pairs is invalid, or the key of another study would be lost.
        StorageError: A file cannot be written.

    """
    check_writable(page)
    key = make_key(material, draw_pairs(material.cases, material.systems, seed=seed, most=pairs))
    write_key(key_path(page), key)
    write_page(page, key, material, progress)
    size = page.stat().st_size
    if size > LARGE_PAGE_BYTES:
        message = f"{page} has {size / 1e6:.0f} MB, which some browsers do not open: use fewer pairs."
        warn(message)
    return key
