"""One HTML file that holds a whole study, with its clips, and asks nothing of any network."""

import base64
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from ...placement import placed
from ...progress import Progress, no_progress
from .key import Key
from .material import Material
from .playable import mime_type
from .questions import QUESTIONS
from .votes import FORMAT

PARTS = Path(__file__).parent / "page"
CHUNK = 3 << 18  # bytes; a multiple of 3, so that base64 of the chunks can be joined


def write_page(path: Path, key: Key, material: Material, progress: Progress = no_progress) -> None:
    """Write the page of a study. Neither systems nor files are named in it; raises StorageError.

    progress: called with the files embedded and those in all. Only one chunk of a file is in memory.
    """
    files, pairs = _numbered(key, material)
    questions = [asdict(question) for question in QUESTIONS]
    study = {"format": FORMAT, "study": key.study, "questions": questions, "pairs": pairs}
    head, tail = _text("page.html").split("<!-- material -->")
    head = head.replace("/* style */", _text("page.css"))
    tail = tail.replace("/* script */", _text("page.js"))
    with placed(path) as page:
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
    """Number the files in the order in which they are shown, and return the pairs by these numbers."""
    numbers: dict[Path, int] = {}
    pairs = []
    for pair in key.pairs:
        shown = {
            "left": material.clips[pair.left][pair.case],
            "right": material.clips[pair.right][pair.case],
            "reference": material.references.get(pair.case),
            "driving": material.driving.get(pair.case),
        }
        pairs.append({role: numbers.setdefault(file, len(numbers)) for role, file in shown.items() if file})
    return list(numbers), pairs


def _base64(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield base64.b64encode(chunk)


def _text(name: str) -> str:
    return (PARTS / name).read_text(encoding="utf-8")
