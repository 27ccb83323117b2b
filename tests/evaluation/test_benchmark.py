"""The parts of the benchmark: cases in folders, tasks, tables and charts."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from animatex_core.cli.procedural_set import ProceduralSet
from animatex_core.errors import InvalidInput
from animatex_core.evaluation.benchmark.cases import make_task
from animatex_core.evaluation.benchmark.folder_set import FolderSet
from animatex_core.evaluation.benchmark.run import write_or_match_settings
from animatex_core.evaluation.benchmark.systems import RecordedSystem
from animatex_core.evaluation.benchmark.tables_and_charts import SCORES, chart, format_tables, format_value
from animatex_core.pose.keypoints import PoseSequence, seen

from .benchmark_samples import FRAMES, HEIGHT, WIDTH, write_set

MADE_UP = ProceduralSet(3, FRAMES, WIDTH, HEIGHT)


def heights(poses: PoseSequence) -> np.ndarray:
    """Return the vertical extent of the body in each frame, relative to the image height."""
    rows = np.where(seen(poses.body), poses.body[..., 1], np.nan)
    return np.nanmax(rows, axis=1) - np.nanmin(rows, axis=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_set(tmp_path / "set")


def test_self_driven_is_the_first_frame_and_the_poses_of_the_clip() -> None:
    case = MADE_UP.case(0)
    task = make_task(case, "self-driven", _nobody)
    np.testing.assert_array_equal(task.reference.picture, case.frames[0])
    np.testing.assert_array_equal(task.poses.points, case.poses.points)


def test_cross_moves_and_scales_all_frames_alike() -> None:
    case = MADE_UP.case(0)
    human = MADE_UP.human(np.random.default_rng(3))
    task = make_task(case, "cross", lambda: human)
    scales = heights(task.poses) / heights(case.poses)
    assert scales == pytest.approx(scales[0], rel=1e-4)
    assert scales[0] != pytest.approx(1, abs=0.01)
    assert np.median(heights(task.poses)) == pytest.approx(np.median(heights(human)), rel=0.35)
    np.testing.assert_array_equal(task.driving, case.frames)


def test_humans_are_chosen_by_the_seed_and_never_the_character_itself() -> None:
    first, again, other = (MADE_UP.human(np.random.default_rng(seed)).points for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_cases_of_a_folder(folder: Path) -> None:
    cases = FolderSet(folder, frames=2, stride=1)
    assert cases.names == ("a", "b")
    with_picture, without = cases.case(0), cases.case(1)
    assert with_picture.frames.shape == (2, HEIGHT, WIDTH, 3)
    assert len(with_picture.poses) == 2
    assert not np.array_equal(with_picture.picture, with_picture.frames[0])
    np.testing.assert_array_equal(without.picture, without.frames[0])
    assert FolderSet(folder, 2, 1, count=1).names == ("a",)


def test_a_set_is_known_by_its_contents(folder: Path, tmp_path: Path) -> None:
    before = FolderSet(folder, 2, 1).identity()
    moved = folder.rename(tmp_path / "elsewhere")
    assert FolderSet(moved, 2, 1).identity() == before
    (moved / "poses" / "b.json").write_bytes((moved / "poses" / "a.json").read_bytes())
    assert FolderSet(moved, 2, 1).identity() != before


def test_missing_files_are_reported(folder: Path) -> None:
    cases = FolderSet(folder, 2, 1)
    (folder / "poses" / "b.json").unlink()
    with pytest.raises(InvalidInput, match=r"b\.json is missing: create it with `animatex pose`"):
        cases.case(1)
    (folder / "humans" / "somebody.json").unlink()
    with pytest.raises(InvalidInput, match="needs human bodies"):
        cases.human(np.random.default_rng(0))
    with pytest.raises(InvalidInput, match="holds no clips"):
        _ = FolderSet(folder / "poses", 2, 1).names
    (folder / "clips" / "a.webm").touch()
    with pytest.raises(InvalidInput, match="have the same name 'a': keep only one"):
        _ = FolderSet(folder, 2, 1).names


def test_clips_of_other_systems_are_resized_and_must_be_long_enough(folder: Path) -> None:
    case = FolderSet(folder, FRAMES, 1).case(0)
    task = make_task(case, "self-driven", _nobody)
    theirs = RecordedSystem("theirs", folder / "clips", only="self-driven")
    assert theirs.clip("a", 0, "self-driven", task, (32, 48)).shape == (FRAMES, 48, 32, 3)
    longer = make_task(MADE_UP.case(0), "self-driven", _nobody)
    more = ProceduralSet(1, FRAMES + 1, WIDTH, HEIGHT).case(0)
    assert theirs.clip("b", 0, "self-driven", longer, (32, 48)).shape[0] == FRAMES
    with pytest.raises(InvalidInput, match="has 3 frames, but the true clip has 4"):
        theirs.clip("a", 0, "self-driven", make_task(more, "self-driven", _nobody), (32, 48))
    with pytest.raises(InvalidInput, match="There is no clip of the case a"):
        RecordedSystem("theirs", folder / "clips").clip("a", 0, "cross", task, (32, 48))


def test_settings_are_stored_and_compared(tmp_path: Path) -> None:
    path = tmp_path / "out" / "settings.json"
    write_or_match_settings(path, {"seed": 1, "size": (64, 96)})
    write_or_match_settings(path, {"size": (64, 96), "seed": 1})
    with pytest.raises(InvalidInput, match=r"seed was 1 and is now 2\).*choose another folder"):
        write_or_match_settings(path, {"seed": 2, "size": (64, 96)})
    path.write_text("[")
    with pytest.raises(InvalidInput, match="cannot be read"):
        write_or_match_settings(path, {"seed": 1})


def test_values_are_formatted_as_in_the_paper() -> None:
    shown = [format_value(metric, value) for metric, value in SCORES["cross"].items()]
    assert shown == ["13.60", "0.452", "1.02E-04", "0.430", "26.11", "32.23", "703.87"]


def test_names_do_not_break_tables_and_charts() -> None:
    results = {"cross": {"a|b <c>": {"SSIM": 0.5, "FID": 0.0}}}
    assert "| a\\|b <c> | 0.500 | 0.00 |" in format_tables(results, ["one"])  # type: ignore[arg-type]
    drawn = ElementTree.fromstring(chart(results))  # type: ignore[arg-type]
    texts = [each.text for each in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert "a|b <c>, cross" in texts
    assert "FID (lower is better)" in texts


def _nobody() -> PoseSequence:
    raise AssertionError("no human is asked for")
