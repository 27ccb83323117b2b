"""The overview of a batch: one HTML page with every result, and a contact sheet of characters and dances."""

from collections.abc import Mapping, Sequence
from html import escape
from os.path import relpath
from pathlib import Path
from urllib.parse import quote

import numpy as np
from PIL import Image

from ..errors import AnimateXError
from ..utils.files import atomic_write, write_text
from ..video.info import count_frames, probe
from ..video.reader import read_frames
from .manifest import Entry
from .run import Job

PAGE, SHEET = "index.html", "contact-sheet.png"
CELL = 160  # pixels of the longer side of a frame on the contact sheet
GAP = 4
MAX_CELLS = 2000  # of a contact sheet; larger ones are cut
STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em; color-scheme: light dark }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(14em, 1fr)); gap: 1.5em }
figure { margin: 0 } video, img { width: 100%; background: #8883 }
.failed { color: #c33 } figcaption { overflow-wrap: anywhere }
"""
MOVIES, PICTURES = (".mp4", ".webm", ".mov"), (".gif", ".webp", ".apng", ".png")


def write_page(folder: Path, jobs: Sequence[Job], entries: Mapping[str, Entry]) -> Path:
    """Write the HTML page of a batch.

    Args:
        folder: Of the batch; the page links to the results in it, and shows the URLs of others.
        jobs: The jobs of the list, in its order.
        entries: The entries of the manifest.

    Returns:
        The page.

    Raises:
        StorageError: It cannot be written.

    """
    states = [entries[job.name].state for job in jobs]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    figures = "\n".join(_figure(folder, job, entries[job.name]) for job in jobs)
    write_text(
        folder / PAGE,
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Batch</title>\n'
        f"<style>{STYLE}</style>\n"
        f"<h1>{len(jobs)} animations</h1>\n<p>{counts}</p>\n<main>\n{figures}\n</main>\n</html>\n",
    )
    return folder / PAGE


def _figure(folder: Path, job: Job, entry: Entry) -> str:
    link = quote(Path(relpath(job.out, folder)).as_posix())
    shown = ""
    if entry.url is not None:
        shown = f"<code>{escape(entry.url)}</code>" if entry.state == "done" else ""
    elif entry.state == "done" and job.out.suffix.lower() in MOVIES:
        shown = f'<video src="{link}" controls loop muted preload="metadata"></video>'
    elif entry.state == "done" and job.out.suffix.lower() in PICTURES:
        shown = f'<img src="{link}" alt="" loading="lazy">'
    seconds = "" if entry.seconds is None else f", {entry.seconds:.1f} s"
    error = "" if entry.error is None else f"<br>{escape(entry.error)}"
    is_here = entry.state == "done" and entry.url is None
    name = f'<a href="{link}">{escape(job.name)}</a>' if is_here else escape(job.name)
    caption = f"{name}<br>{entry.state}{seconds}{error}"
    return f'<figure>{shown}<figcaption class="{entry.state}">{caption}</figcaption></figure>'


def write_contact_sheet(folder: Path, results: Sequence[Path], columns: int) -> Path | None:
    """Write the middle frame of every result on one picture.

    Args:
        folder: Where the sheet is written.
        results: The videos, row by row; missing or unreadable ones leave a gap.
        columns: How many stand side by side, such as the number of dances.

    Returns:
        The picture; None if there is nothing to show.

    Raises:
        StorageError: It cannot be written.

    """
    frames = [_middle(path) for path in results[:MAX_CELLS]]
    shown = [frame for frame in frames if frame is not None]
    if not shown:
        return None
    width, height = max(frame.width for frame in shown), max(frame.height for frame in shown)
    rows = -(-len(frames) // columns)
    sheet = Image.new("RGB", (columns * (width + GAP) - GAP, rows * (height + GAP) - GAP), "white")
    for number, frame in enumerate(frames):
        if frame is not None:
            row, column = divmod(number, columns)
            sheet.paste(frame, (column * (width + GAP), row * (height + GAP)))
    with atomic_write(folder / SHEET) as file:
        sheet.save(file, "PNG")
    return folder / SHEET


def _middle(path: Path) -> Image.Image | None:
    if not path.exists():
        return None
    try:
        video = probe(path)
        found: list[np.ndarray] = list(read_frames(video, indices=[count_frames(video) // 2]))
    except AnimateXError:  # the user has changed or replaced it; the sheet only shows
        return None
    if not found:
        return None
    frame = Image.fromarray(found[0])
    frame.thumbnail((CELL, CELL))
    return frame
