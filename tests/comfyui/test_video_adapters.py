import json
from typing import Any

import pytest

from tests.comfyui.hosts import Host
from tests.comfyui.probes.runner import run_probe

pytestmark = pytest.mark.plain_mode


@pytest.fixture(scope="module")
def report(comfyui: Host, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("video")
    return run_probe("video", comfyui, folder)


def test_a_video_in_memory_is_read_from_a_file_that_goes_with_what_was_left(report: dict[str, Any]) -> None:
    assert report["in memory"] == [0, 2, 4, 6]
    assert report["again"] == [12, 13]
    assert report["left"] == []


def test_a_trimmed_video_is_the_part_that_is_left(report: dict[str, Any]) -> None:
    assert report["trimmed"] == report["part"]


def test_colours_and_shapes_are_those_of_the_core_wherever_the_video_lies(report: dict[str, Any]) -> None:
    for name, width in (("hdr", 128), ("squeezed", 256)):
        shapes, error = report["looks"][name]
        assert [shape[1:] for shape in shapes] == [[64, width, 3]] * len(shapes)
        assert [shape[0] for shape in shapes] == [25, 25, 5][: len(shapes)]
        assert error <= 3


def test_a_stop_is_heard_before_the_first_frame(report: dict[str, Any]) -> None:
    assert report["interrupted"] == "InterruptProcessingException"


def test_a_list_of_other_files_is_refused_before_comfyui_opens_it(report: dict[str, Any]) -> None:
    assert ["concat script" in sentence for sentence in report["lists"]] == [True, True]


@pytest.mark.parametrize("source", ["of a file", "in memory", "of tensors"])
def test_sound_is_taken_from_any_video(report: dict[str, Any], source: str) -> None:
    assert report[f"sound {source}"]


def test_a_video_of_tensors_is_no_copy(report: dict[str, Any]) -> None:
    assert report["shares memory"]


@pytest.mark.parametrize("kind", ["float", "half", "int16", "int32", "uint8", "batch"])
def test_sound_of_any_kind_becomes_float(report: dict[str, Any], kind: str) -> None:
    assert report["sounds"][kind] == [0.5, -0.5]


def test_sound_without_samples_is_none(report: dict[str, Any]) -> None:
    assert report["sounds"]["empty"] is None


def test_sound_that_cannot_be_is_refused(report: dict[str, Any]) -> None:
    shape, rate = report["odd sounds"]
    assert "The AUDIO has shape (2, 4), but it must be (batch, channels, samples)" in shape
    assert "sample rate of the audio is 0" in rate


def test_no_workflow_is_stored_if_comfyui_disables_metadata(report: dict[str, Any]) -> None:
    assert report["graph"] == ["prompt", "workflow"]
    assert report["graph not wanted"] == {}


def test_the_graph_is_written_as_the_interface_can_read_it(report: dict[str, Any]) -> None:
    assert json.loads(report["json"]) == {"a": None, "b": "}{", "c": ['"}', {"d": 1}]}
    assert report["json"].count("{") == report["json"].count("}") == 2
