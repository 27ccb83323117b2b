import io
import multiprocessing
import os
import warnings
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from animatex_core.errors import AnimateXWarning, InvalidInput
from animatex_core.pose.cache import PoseCache, cache_key, digest_file, digest_frames
from animatex_core.pose.keypoints import POINTS, PoseSequence
from tests.support.small_disk import mounted, remount

KEY = "0" * 64


def poses(fps: float | None = 29.97, seed: int = 0) -> PoseSequence:
    points = np.random.default_rng(seed).random((3, POINTS, 3), dtype=np.float32)
    return PoseSequence.from_points(points, 64, 96, fps)


@pytest.mark.parametrize("fps", [29.97, None])
def test_poses_come_back_as_they_were(tmp_path: Path, fps: float | None) -> None:
    kept = poses(fps)
    PoseCache(tmp_path / "new" / "folder").put(KEY, kept)
    again = PoseCache(tmp_path / "new" / "folder").get(KEY)
    assert again is not None
    np.testing.assert_array_equal(again.points, kept.points)
    assert (again.width, again.height, again.fps) == (64, 96, fps)


def test_poses_are_computed_once(tmp_path: Path) -> None:
    cache, seeds = PoseCache(tmp_path), iter((1, 2))
    first, second = (cache.cached(KEY, lambda: poses(seed=next(seeds))) for _ in range(2))
    np.testing.assert_array_equal(first.points, second.points)
    assert next(seeds) == 2


def pickled() -> bytes:
    file = io.BytesIO()
    np.savez(file, points=np.array([{"a": 1}], dtype=object), size=[64, 96], fps=[24.0])
    return file.getvalue()


def of_other_shape() -> bytes:
    file = io.BytesIO()
    np.savez(file, points=np.zeros((3, 4, 3)), size=[64, 96], fps=24.0)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", b"PK\x03\x04 cut", pickled(), of_other_shape(), None],
    ids=["empty", "text", "cut", "pickle", "shape", "truncated"],
)
def test_a_damaged_file_is_recomputed_and_replaced(tmp_path: Path, content: bytes | None) -> None:
    cache, path = PoseCache(tmp_path), tmp_path / f"{KEY}.npz"
    cache.put(KEY, poses(seed=1))
    path.write_bytes(path.read_bytes()[:-40] if content is None else content)
    assert cache.get(KEY) is None
    cache.cached(KEY, lambda: poses(seed=2))
    again = cache.get(KEY)
    assert again is not None
    np.testing.assert_array_equal(again.points, poses(seed=2).points)


def test_a_folder_that_cannot_be_written_loses_nothing_and_warns_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = PoseCache(tmp_path / "file")
    with pytest.warns(AnimateXWarning, match="The poses could not be cached"):
        assert len(cache.cached(KEY, poses)) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(cache.cached(KEY, poses)) == 3


def test_an_error_of_the_computation_is_not_kept(tmp_path: Path) -> None:
    def fails() -> PoseSequence:
        raise InvalidInput("own")

    with pytest.raises(InvalidInput, match="own"):
        PoseCache(tmp_path).cached(KEY, fails)
    assert list(tmp_path.iterdir()) == []


def written(folder: Path, **contents: str) -> list[Path]:
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_text(content)
    return [folder / name for name in contents]


def pose_key(clip: Path, models: Sequence[Path], settings: Mapping[str, object]) -> str:
    return cache_key([digest_file(path) for path in (clip, *models)], settings)


def test_the_content_of_the_files_counts_and_not_their_names(tmp_path: Path) -> None:
    clip, *models = written(tmp_path / "a", clip="c", detector="d", landmarks="l")
    same, *same_nets = written(tmp_path / "b", other="c", one="d", two="l")
    settings = {"person": "best", "indices": np.arange(3), "detect_every": np.int64(1)}
    assert pose_key(clip, models, settings) == pose_key(same, same_nets, dict(reversed(settings.items())))
    assert len(pose_key(clip, models, settings)) == 64


def test_every_part_of_the_key_counts(tmp_path: Path) -> None:
    a, b, c = written(tmp_path / "a", a="a", b="b", c="c")
    keys = {
        pose_key(a, (b, c), {"person": 1}),
        pose_key(a, (c, b), {"person": 1}),
        pose_key(b, (a, c), {"person": 1}),
        pose_key(a, (b, c), {"person": "1"}),
        pose_key(a, (b, c), {"person": 1, "detect_every": 1}),
        pose_key(a, (b,), {"person": 1}),
    }
    assert len(keys) == 6


def test_a_key_of_a_missing_video_names_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"missing\.mp4 cannot be read"):
        pose_key(tmp_path / "missing.mp4", (), {})


def test_a_setting_that_is_not_plain_is_rejected() -> None:
    with pytest.raises(InvalidInput, match=r"settings contain .*plain values"):
        pose_key(Path(__file__), (), {"person": object()})


def test_reading_an_unknown_key_warns_of_nothing(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert PoseCache(tmp_path / "nowhere").get(KEY) is None


def test_the_digest_of_frames_tells_their_content_order_and_shape() -> None:
    a, b = np.zeros((2, 3, 3), np.uint8), np.ones((2, 3, 3), np.uint8)
    lists = [[a], [b], [a, b], [b, a], [a.reshape(3, 2, 3)], [a, a], []]
    assert len({digest_frames(frames) for frames in lists}) == len(lists)
    assert digest_frames([a[:, ::-1]]) == digest_frames([a])


def key(number: int) -> str:
    return f"{number:064x}"


def test_a_flipped_byte_anywhere_makes_an_entry_unknown(tmp_path: Path) -> None:
    points = np.zeros((1, POINTS, 3), np.float32)
    cache, path = PoseCache(tmp_path), tmp_path / f"{KEY}.npz"
    cache.put(KEY, PoseSequence.from_points(points, 64, 96, 24.0))
    whole = path.read_bytes()
    for place in range(len(whole)):
        flipped = bytes([whole[place] ^ (1 << place % 8)])
        path.write_bytes(whole[:place] + flipped + whole[place + 1 :])
        assert cache.get(KEY) is None
    path.write_bytes(whole)
    assert cache.get(KEY) is not None


def of_huge_shape() -> bytes:
    file = io.BytesIO()
    np.savez(file, points=np.zeros((3, POINTS, 3), np.float32), size=[64, 96], fps=24.0)
    return file.getvalue().replace(b"'shape': (3, 130, 3), }", b"'shape': (9**9,130,3),}")


@pytest.mark.parametrize("content", [of_other_shape(), of_huge_shape(), pickled(), b"no archive"])
def test_content_that_is_no_poses_is_unknown_although_its_digest_fits(tmp_path: Path, content: bytes) -> None:
    (tmp_path / f"{KEY}.npz").write_bytes(content + sha256(KEY.encode() + b"\0" + content).digest())
    assert PoseCache(tmp_path).get(KEY) is None


def test_an_entry_under_the_name_of_another_or_without_a_digest_is_unknown(tmp_path: Path) -> None:
    cache = PoseCache(tmp_path)
    cache.put(KEY, poses())
    entry = (tmp_path / f"{KEY}.npz").read_bytes()
    (tmp_path / f"{key(1)}.npz").write_bytes(entry)
    (tmp_path / f"{key(2)}.npz").write_bytes(entry[:-32])
    assert [cache.get(key(number)) is not None for number in range(3)] == [True, False, False]


def test_a_folder_that_is_read_only_full_or_gone_stops_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "poses"
    folder.mkdir()
    with mounted(folder, "size=4k"):
        cache = PoseCache(folder)
        with pytest.warns(AnimateXWarning, match="The poses could not be cached.*free some space"):
            assert len(cache.cached(KEY, poses)) == 3
        assert list(folder.iterdir()) == []
        remount(folder, "size=1m")
        cache.put(KEY, poses())
        remount(folder, "ro")
        assert PoseCache(folder).get(KEY) is not None
        with pytest.warns(AnimateXWarning, match="The poses could not be cached"):
            PoseCache(folder).put(key(1), poses())
    folder.rmdir()
    assert cache.get(KEY) is None
    cache.put(KEY, poses())
    assert cache.get(KEY) is not None


def test_the_entries_used_last_stay_when_it_grows_too_large(tmp_path: Path) -> None:
    PoseCache(tmp_path).put(key(0), poses())
    size = (tmp_path / f"{key(0)}.npz").stat().st_size
    cache = PoseCache(tmp_path, max_bytes=4 * size)
    (tmp_path / "notes.npz").write_bytes(bytes(8 * size))  # not an entry
    for number in range(1, 4):
        cache.put(key(number), poses())
    for number, path in enumerate(sorted(tmp_path.glob("0*.npz"))):
        os.utime(path, (1e9 + number, 1e9 + number))
    cache = PoseCache(tmp_path, max_bytes=4 * size, max_age=1e10)
    assert cache.get(key(0)) is not None
    cache.put(key(4), poses())
    assert [cache.get(key(number)) is not None for number in range(5)] == [True, False, True, True, True]
    assert (tmp_path / "notes.npz").exists()


def test_entries_unused_for_long_are_removed(tmp_path: Path) -> None:
    cache = PoseCache(tmp_path, max_age=60)
    cache.put(key(0), poses())
    os.utime(tmp_path / f"{key(0)}.npz", (1e9, 1e9))
    cache.put(key(1), poses())
    assert [cache.get(key(number)) is not None for number in range(2)] == [False, True]


def put_many(folder: Path, seed: int) -> None:
    cache = PoseCache(folder, max_bytes=20_000)
    for round_ in range(5):
        for number in range(4):
            cache.put(key(number), poses(seed=number))
            found = cache.get(key((number + round_ + seed) % 4))
            expected = poses(seed=(number + round_ + seed) % 4)
            assert found is None or np.array_equal(found.points, expected.points)


def test_many_writers_share_it(tmp_path: Path) -> None:
    writers = [multiprocessing.Process(target=put_many, args=(tmp_path, seed)) for seed in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 4
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".npz"] == []


def test_a_file_in_place_of_the_folder_warns_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = PoseCache(tmp_path / "file")
    with pytest.warns(AnimateXWarning, match="The poses could not be cached"):
        cache.put(KEY, poses())
    assert cache.get(KEY) is None
