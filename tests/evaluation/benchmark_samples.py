"""A benchmark of two cases in files, and small runs of the command."""

import subprocess
import sys
from pathlib import Path

from animatex_core.cli.main import main
from animatex_core.pose.formats.reader import write_poses
from animatex_core.training.synthetic.triples import draw_triple
from animatex_core.video.image import write_image
from animatex_core.video.writer import write_clip

WIDTH, HEIGHT, FRAMES = 64, 96, 3
SMALL = ["--size=64x96", "--frames=2", "--steps=1"]


def write_set(folder: Path) -> Path:
    """Write cases a and b, of which a has a picture, and one human."""
    for number, name in enumerate("ab"):
        triple = draw_triple(0, number, FRAMES, WIDTH, HEIGHT)
        (folder / "clips").mkdir(parents=True, exist_ok=True)
        write_clip(folder / "clips" / f"{name}.mp4", triple.target.frames, fps=8, quality=10)
        (folder / "poses").mkdir(exist_ok=True)
        write_poses(folder / "poses" / f"{name}.json", triple.target.poses)
        if name == "a":
            (folder / "pictures").mkdir()
            write_image(folder / "pictures" / "a.png", triple.reference.frames[0])
    (folder / "humans").mkdir()
    write_poses(folder / "humans" / "somebody.json", draw_triple(5, 5, FRAMES, WIDTH, HEIGHT).driver.poses)
    return folder


def options(out: Path, *more: str) -> list[str]:
    """Return the arguments of a small run without files of metrics' networks."""
    return ["evaluate", "--out", str(out), "--folder", str(out.parent / "no-models"), *SMALL, *more]


def evaluate(out: Path, *more: str) -> int:
    """Run the command here."""
    return main(options(out, *more))


def start_evaluation(out: Path, *more: str) -> "subprocess.Popen[bytes]":
    """Run the command in a process of its own, which can be killed."""
    return subprocess.Popen(
        [sys.executable, "-m", "animatex_core", *options(out, *more)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files by their names, but for parts of files, which a killed process leaves."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".part"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
