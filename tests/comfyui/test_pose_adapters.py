from typing import Any

import pytest

from tests.comfyui.hosts import Host
from tests.comfyui.probes.runner import run_probe

pytestmark = pytest.mark.plain_mode


@pytest.fixture(scope="module")
def report(comfyui: Host, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("poses")
    return run_probe("poses", comfyui, folder)


@pytest.mark.parametrize("source", ["file", "tensors"])
def test_frames_of_a_video_are_read_from_the_first_one_on(report: dict[str, Any], source: str) -> None:
    numbers = list(range(6))
    assert report["read"][source] == [numbers, numbers, 6]


def test_files_in_the_folder_configured_for_controlnet_aux_are_found(report: dict[str, Any]) -> None:
    detector, estimator, warning = report["controlnet_aux"]
    assert (detector, estimator) == ("True", "False")
    assert warning.startswith("dw-ll_ucoco_384.onnx was not found in ComfyUI's folders")


def test_pictures_of_poses_are_smaller_where_memory_is_short(report: dict[str, Any]) -> None:
    assert report["sizes"]["1000000000000"] == [[12, 500, 300, 3]]
    assert report["sizes"]["1000000"] == [
        [12, 76, 46, 3],
        "Animate-X: Images of 12 poses in full size do not fit into memory: they are drawn in 46x76.",
    ]


def test_pictures_that_do_not_fit_into_memory_are_refused(report: dict[str, Any]) -> None:
    assert report["too many"] == (
        "100 images of 2000x1000 pixels need 2.4 GB of memory, but only 1.0 GB are free: use fewer frames or "
        "smaller images."
    )
