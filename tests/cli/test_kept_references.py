"""Characters of a batch, of which more come again than images are kept."""

import argparse
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animatex_core.assets.demo_files import CHARACTERS, CLIP
from animatex_core.cli.inputs import read_reference
from animatex_core.cli.kept_references import KeptReferences
from animatex_core.cli.main import build_parser
from animatex_core.errors import InvalidInput
from animatex_core.reference import Reference


def arguments(image: Path, *more: str) -> argparse.Namespace:
    required = ["--reference", str(image), "--driving", str(CLIP), "--out", "out.mp4"]
    return build_parser().parse_args(["animate", *required, *more])


def test_poses_are_detected_once_however_often_the_characters_come(tmp_path: Path) -> None:
    image = Image.open(CHARACTERS / "rabbit.png").convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, image.width, image.height // 8))  # its box is what is left
    image.save(tmp_path / "transparent.png")
    files = [CHARACTERS / "carton.png", CHARACTERS / "rabbit.png", tmp_path / "transparent.png"]
    read: list[str] = []

    def reading(options: argparse.Namespace) -> Reference:
        read.append(options.reference)
        return read_reference(options)

    kept = KeptReferences(reading, max_pictures=1)
    jobs = [arguments(file) for file in files]
    jobs.append(arguments(files[0], "--box", "0.2,0.1,0.8,0.9"))
    rounds = [[kept.get(job) for job in jobs] for _ in range(2)]
    assert len(read) == len(jobs)
    for job, first, again in zip(jobs, *rounds, strict=True):
        for found in (first, again):
            expected = read_reference(job)
            np.testing.assert_array_equal(found.picture, expected.picture)
            assert found.box == expected.box
            assert (found.pose is None) == (expected.pose is None)
            if found.pose is not None and expected.pose is not None:
                np.testing.assert_array_equal(found.pose.points, expected.pose.points)


def test_what_cannot_be_read_is_not_kept(tmp_path: Path) -> None:
    kept, job = KeptReferences(read_reference), arguments(tmp_path / "late.png")
    with pytest.raises(InvalidInput):
        kept.get(job)
    Image.open(CHARACTERS / "carton.png").save(tmp_path / "late.png")
    assert kept.get(job).picture.ndim == 3
