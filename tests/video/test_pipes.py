"""Named pipes and devices in place of files never block."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from animatex_core.checkpoints.safe_load import open_tensors, read_metadata
from animatex_core.errors import AnimateXError
from animatex_core.pose.cache import PoseCache, digest_file
from animatex_core.pose.formats.reader import read_poses
from animatex_core.utils.documents import FileFault, read_json, read_yaml
from animatex_core.video.image import read_image
from animatex_core.video.info import probe

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
READERS: list[Callable[[Path], object]] = [
    *(open_tensors, read_metadata, read_json, read_yaml, digest_file, read_poses, probe, read_image),
]


@pytest.mark.parametrize("read", READERS)
def test_a_pipe_is_refused(tmp_path: Path, read: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises((AnimateXError, FileFault), match=r"(pipe|directory) or device"):
        read(tmp_path / "pipe.json")


def test_a_device_without_an_end_is_refused() -> None:
    with pytest.raises(AnimateXError, match="pipe or device"):
        digest_file(Path("/dev/zero"))


def test_a_folder_of_poses_with_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "0.json")
    with pytest.raises(AnimateXError, match="pipe or device"):
        read_poses(tmp_path)


def test_a_pipe_in_the_cache_counts_as_no_entry(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f"{'a' * 64}.npz")
    assert PoseCache(tmp_path).get("a" * 64) is None


def test_a_name_with_a_zero_byte_is_not_a_file() -> None:
    for read in (probe, read_image):
        with pytest.raises(AnimateXError, match="does not exist"):
            read("a\0b")
