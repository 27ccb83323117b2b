import json
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from animatex_core.pose.draw import draw_poses
from animatex_core.pose.dwpose import DWPose
from animatex_core.pose.filtering import fill_gaps, smooth
from animatex_core.pose.formats.reader import openpose_from_poses, people_from_openpose, poses_from_openpose
from animatex_core.pose.keypoints import PoseSequence, seen
from animatex_core.video.writer import write_clip
from tests.comfyui.graphs import BUILT_IN, Prompt, node
from tests.comfyui.hosts import Host
from tests.comfyui.server import NOT_IN_LIST, Server, cached_nodes, failure, serving
from tests.comfyui.ui_messages import interrupt_during, run_and_listen
from tests.pose.onnx_files import FRACTIONS, draw_people, write_detector, write_landmarks
from tests.support.dance_samples import small_dance

pytestmark = pytest.mark.plain_mode

WIDTH, HEIGHT, FRAMES = 128, 192, 5
NOSE = 0  # among the 133 points and in the body
DETECTOR, LANDMARKS = "tests/detector.onnx", "tests/landmarks.onnx"
EXTRACT = {"person": "best", "detect_every": 1, "whole_frame": True}
SMOOTH = {"fps": 12.0, "fill_gaps": 4, "min_cutoff": 1.5, "beta": 30.0, "person": "best"}


def walking(index: int) -> tuple[int, int, int, int, str, int]:
    return (10 + 3 * index, 40, 40 + 3 * index, 160, "r", 220)


STANDING = (100, 60, 124, 150, "g", 120)


def frames(count: int = FRAMES) -> list[np.ndarray]:
    return [draw_people(HEIGHT, WIDTH, walking(index), STANDING) for index in range(count)]


def loader(detector: str = DETECTOR, estimator: str = LANDMARKS, device: str = "cpu") -> dict[str, Any]:
    return node("AnimateXLoadDWPose", detector=detector, estimator=estimator, device=device)


def extracting(dwpose: dict[str, Any], file: str = "people.mp4", **inputs: Any) -> Prompt:
    """Find poses in a clip; show them and their pictures."""
    return {
        "nets": dwpose,
        "clip": node("LoadVideo", file=file),
        "parts": node("GetVideoComponents", video=["clip", 0]),
        "found": node(
            "AnimateXExtractPoses", dwpose=["nets", 0], **({"video": ["clip", 0]} | EXTRACT | inputs)
        ),
        "shown": node("PreviewAny", source=["found", 0]),
        "pictures": node("SaveImage", images=["found", 1], filename_prefix="tests/poses"),
    }


def poses_in(history: dict[str, Any], name: str = "shown") -> PoseSequence:
    return poses_from_openpose(json.loads(history["outputs"][name]["text"][0]))


def given(data: list[Any]) -> dict[str, Any]:
    """Hand over data as if another node had made it."""
    return {"__value__": data}


@pytest.fixture(scope="module")
def nets(server: Server) -> dict[str, Any]:
    """Small ONNX files under names that automatic does not know, and a clip with two people."""
    folder = server.base / "models" / "animate_x" / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    write_detector(folder / "detector.onnx")
    write_landmarks(folder / "landmarks.onnx")
    write_clip(server.base / "input" / "people.mp4", frames(), fps=12, quality=10)
    write_clip(server.base / "input" / "others.mp4", frames(3), fps=12, quality=10)
    return loader()


@pytest.mark.parametrize("source", [{}, {"video": None, "images": ["parts", 0]}], ids=["video", "images"])
def test_poses_are_found_in_a_clip_and_in_frames(server: Server, nets: dict, source: dict) -> None:
    inputs = {name: link for name, link in ({"video": ["clip", 0]} | source).items() if link}
    prompt = extracting(nets)
    prompt["found"] = node("AnimateXExtractPoses", dwpose=["nets", 0], **EXTRACT, **inputs)
    history, shown = run_and_listen(server, prompt)
    assert shown["found"].splitlines()[0] == "A person was found in 5 of 5 frames, detected by DWPose on CPU."
    poses = poses_in(history)
    expected = np.array([walking(i)[:2] for i in range(FRAMES)]) + FRACTIONS[NOSE] * (29, 119)
    np.testing.assert_allclose(poses.body[:, NOSE, :2] * (WIDTH, HEIGHT), expected, atol=2)


def test_the_pictures_are_those_that_the_model_sees(server: Server, nets: dict) -> None:
    history = server.run(extracting(nets))
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in server.files(history)]
    assert len(pictures) == FRAMES
    for picture, drawn in zip(pictures, draw_poses(poses_in(history)), strict=True):
        np.testing.assert_array_equal(picture, drawn)


def test_all_people_are_followed(server: Server, nets: dict) -> None:
    history, shown = run_and_listen(server, extracting(nets, person="all"))
    sentence = "2 people were found in 5 frames, detected by DWPose on CPU: person 0 in 5, person 1 in 5."
    assert shown["found"] == sentence
    left, right = people_from_openpose(json.loads(history["outputs"]["shown"]["text"][0]))
    assert (left.body[:, NOSE, 0] < right.body[:, NOSE, 0]).all()


def test_another_person_is_followed(server: Server, nets: dict) -> None:
    standing = poses_in(server.run(extracting(nets, person="1")))
    np.testing.assert_allclose(standing.body[:, NOSE, 0], (100 + FRACTIONS[NOSE, 0] * 23) / WIDTH, atol=0.02)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"person": "7"}, "person is 7, but no frame of the video shows more than 2 people"),
        ({"images": ["parts", 0]}, "both images and video are connected: connect exactly one"),
        ({"detect_every": 0}, "Value 0 smaller than min of 1"),
        ({"person": "nobody"}, "person is 'nobody', but it must be best, largest, leftmost or a number"),
    ],
)
def test_bad_inputs_are_refused_in_a_sentence(server: Server, nets: dict, inputs: dict, words: str) -> None:
    assert words in server.complaint(extracting(nets, **inputs))


def test_neither_images_nor_video_is_refused(server: Server, nets: dict) -> None:
    prompt = extracting(nets)
    prompt["found"] = node("AnimateXExtractPoses", dwpose=["nets", 0], **EXTRACT)
    assert "neither images nor video is connected" in server.complaint(prompt)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"detector": LANDMARKS}, "landmarks.onnx maps input (1, 3, 384, 288)"),
        ({"estimator": "tests/broken.onnx"}, "broken.onnx cannot be read as ONNX"),
        ({"detector": "../../secret.onnx"}, "'../../secret.onnx' is not among the pose models"),
        ({"device": 5}, "device is '5', but it must be one of: auto, cuda"),
        ({"device": "tpu"}, "device is 'tpu', but it must be one of: auto, cuda"),
    ],
)
def test_bad_nets_are_refused_in_a_sentence(server: Server, nets: dict, choice: dict, words: str) -> None:
    (server.base / "models" / "animate_x" / "tests" / "broken.onnx").write_bytes(b"not a net")
    inputs = {**nets["inputs"], **choice}
    complaint = server.complaint(extracting(node("AnimateXLoadDWPose", **inputs), "others.mp4"))
    assert words in complaint or complaint.startswith(NOT_IN_LIST)
    assert "\n" not in complaint


def test_a_replaced_net_is_noticed(server: Server, nets: dict) -> None:
    server.run(extracting(nets))
    assert "nets" in cached_nodes(server.run(extracting(nets)))
    write_landmarks(server.base / "models" / "animate_x" / "tests" / "landmarks.onnx", batch="batch")
    _, shown = run_and_listen(server, extracting(nets))
    assert "detected by DWPose" in shown["found"]


def test_without_files_the_built_in_nets_run_and_say_so(server: Server, nets: dict) -> None:
    history, shown = run_and_listen(server, extracting(loader("automatic", BUILT_IN)))
    assert failure(history) == ""
    assert "yolox_l.onnx was not found in ComfyUI's folders" in shown["nets"]
    assert "into models/animate_x." in shown["nets"]
    assert shown["found"].endswith(f"detected by {DWPose().name} on CPU.")


def test_nobody_in_any_frame_is_reported(server: Server, nets: dict) -> None:
    images = node("EmptyImage", width=64, height=64, batch_size=5, color=0)
    prompt = extracting(loader(BUILT_IN, BUILT_IN)) | {"images": images}
    looks = {**EXTRACT, "whole_frame": False, "images": ["images", 0]}
    prompt["found"] = node("AnimateXExtractPoses", dwpose=["nets", 0], **looks)
    history, shown = run_and_listen(server, prompt)
    assert shown["found"].startswith("No person was found in any of 5 frames")
    assert not seen(poses_in(history).points).any()


def test_a_search_can_be_interrupted_and_begun_anew(server: Server) -> None:
    def searching(count: int) -> Prompt:
        images = node("EmptyImage", width=64, height=64, batch_size=count, color=0)
        found = node("AnimateXExtractPoses", dwpose=["nets", 0], images=["images", 0], **EXTRACT)
        shown = node("PreviewAny", source=["found", 0])
        return {"nets": loader(BUILT_IN, BUILT_IN), "images": images, "found": found, "shown": shown}

    history = interrupt_during(server, searching(3000), "found")  # which would take a minute
    assert "execution_interrupted" in dict(history["status"]["messages"])
    assert len(poses_in(server.run(searching(3)))) == 3


@pytest.fixture(scope="module")
def restarted(
    comfyui: Host, server: Server, nets: dict, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A second ComfyUI without onnxruntime, with the first one's memory of poses and its nets elsewhere."""
    server.run(extracting(nets))
    base, blocked = tmp_path_factory.mktemp("restarted"), tmp_path_factory.mktemp("blocked")
    (blocked / "onnxruntime.py").write_text("raise ImportError('it is blocked')")
    shutil.copytree(server.base / "user" / "animate_x", base / "user" / "animate_x")
    shutil.copytree(server.base / "input", base / "input", symlinks=True)
    source, pack = server.base / "models" / "animate_x" / "tests", "comfyui_controlnet_aux"
    for name, target in (
        ("detector.onnx", base / "models" / "detection" / "yolox_l.onnx"),
        ("landmarks.onnx", base / "custom_nodes" / pack / "ckpts/yzd-v/DWPose/dw-ll_ucoco_384.onnx"),
    ):
        target.parent.mkdir(parents=True)
        shutil.copy(source / name, target)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(blocked))
        with serving(comfyui, base) as running:
            yield running


def test_known_poses_need_no_net(server: Server, nets: dict, restarted: Server) -> None:
    before = poses_in(server.run(extracting(nets)))
    history, shown = run_and_listen(restarted, extracting(loader("automatic", "automatic")))
    assert shown == {"found": "A person was found in 5 of 5 frames, loaded from the cache."}
    np.testing.assert_array_equal(poses_in(history).points, before.points)


def test_files_are_offered_wherever_they_lie(restarted: Server) -> None:
    choices = restarted.ask("/object_info/AnimateXLoadDWPose")["AnimateXLoadDWPose"]["input"]["required"]
    offered = choices["detector"][1]["options"]
    assert offered == ["automatic", BUILT_IN, "yolox_l.onnx", "dw-ll_ucoco_384.onnx"]


def test_without_onnxruntime_the_command_is_named(restarted: Server) -> None:
    complaint = restarted.complaint(extracting(loader("automatic", "automatic"), "others.mp4"))
    assert "Pose detection needs onnxruntime, but it cannot be imported (it is blocked): run `" in complaint
    assert "-m pip install onnxruntime" in complaint


def smoothing(data: dict[str, Any], **inputs: Any) -> Prompt:
    cleaned = node("AnimateXSmoothPoses", poses=data, **(SMOOTH | inputs))
    return {"cleaned": cleaned, "shown": node("PreviewAny", source=["cleaned", 0])}


def gappy() -> PoseSequence:
    points = small_dance().points.copy()
    points[3:5, 4] = 0
    return small_dance().with_points(points)


def test_poses_are_smoothed_as_by_the_core(server: Server) -> None:
    found = poses_in(server.run(smoothing(given(openpose_from_poses(gappy())))))
    expected = smooth(fill_gaps(gappy(), 4), fps=12)
    np.testing.assert_allclose(
        found.points[..., :2], expected.points[..., :2] * seen(expected.points)[..., None], atol=1e-5
    )
    assert seen(found.points)[3:5, 4].all()


def test_nothing_is_smoothed_where_nothing_is_asked_for(server: Server) -> None:
    prompt = smoothing(given(openpose_from_poses(gappy())), fill_gaps=0, min_cutoff=0.0)
    assert json.loads(server.run(prompt)["outputs"]["shown"]["text"][0]) == openpose_from_poses(gappy())


def drawing(data: Any, **size: int) -> Prompt:
    drawn = node("AnimateXDrawPoses", poses=data, **({"width": 0, "height": 0} | size))
    return {"drawn": drawn, "pictures": node("SaveImage", images=["drawn", 0], filename_prefix="tests/drawn")}


def as_controlnet_aux() -> list[dict[str, Any]]:
    """Poses in that pack's way: parts that are None, points that are None, more people than one."""
    (frame,) = openpose_from_poses(small_dance().select([0]))
    person = frame["people"][0]
    person |= {"face_keypoints_2d": None, "hand_left_keypoints_2d": None, "hand_right_keypoints_2d": None}
    del person["foot_keypoints_2d"]
    small = {**person, "pose_keypoints_2d": [0.5 * value for value in person["pose_keypoints_2d"]]}
    return [{**frame, "people": [small, person]}, {**frame, "people": []}]


@pytest.mark.parametrize(
    ("data", "count", "empty"),
    [
        (as_controlnet_aux(), 2, [False, True]),
        ([[frame] for frame in as_controlnet_aux()], 2, [False, True]),
        (as_controlnet_aux()[0], 1, [False]),
        (openpose_from_poses(PoseSequence.empty(1, 96, 142)), 1, [True]),
    ],
    ids=["controlnet_aux", "nested lists", "one frame", "nobody"],
)
def test_poses_of_other_packs_are_drawn(server: Server, data: Any, count: int, empty: list[bool]) -> None:
    pictures = [np.asarray(Image.open(path)) for path in server.files(server.run(drawing(given(data))))]
    assert [picture.shape for picture in pictures] == [(142, 96, 3)] * count
    assert [not picture.any() for picture in pictures] == empty


def test_poses_are_drawn_at_any_size(server: Server) -> None:
    data = given(openpose_from_poses(small_dance().select([0, 1])))
    pictures = server.files(server.run(drawing(data, width=50, height=31)))
    assert [Image.open(path).size for path in pictures] == [(50, 31)] * 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "no frames in poses"),
        ([{"persons": []}], "frame 0 of poses is not an OpenPose frame"),
        (
            [{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}],
            "frame 0 of poses has in pose_keypoints_2d 3 numbers",
        ),
        ([{"people": [5]}], "a person that is of type int"),
        ("text", "frame 0 of poses is not an OpenPose frame"),
    ],
)
def test_what_is_no_pose_is_refused_in_a_sentence(server: Server, data: Any, words: str) -> None:
    assert words in server.complaint(drawing(given(data)))
    assert words in server.complaint(smoothing(given(data)))
