import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from animatex_core.errors import Cancelled, InvalidInput, WrongCheckpoint
from animatex_core.pose.detector import SIGNATURE as DETECTOR_FORM
from animatex_core.pose.estimator import SIGNATURE as LANDMARKS_FORM
from animatex_core.pose.extractor import PoseExtractor
from animatex_core.pose.keypoints import PoseSequence, seen
from animatex_core.pose.onnx_model import open_model
from animatex_core.pose.person import PersonRule
from tests.pose.onnx_files import FRACTIONS, POINT_SCORE, draw_people, write_detector, write_landmarks

WIDTH, HEIGHT = 240, 320
TOLERANCE = 2.0  # pixels: the models see the scaled frame, with a resolution of half a pixel
Person = tuple[int, int, int, int, str, int]


@pytest.fixture(
    scope="module", params=[(1, 1), ("batch", 4), (1, 4)], ids=["one by one", "batches", "only one at once"]
)
def extractor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> PoseExtractor:
    axis, batch = request.param
    folder = tmp_path_factory.mktemp("nets")
    detector = open_model(write_detector(folder / "detector.onnx", axis), DETECTOR_FORM, "cpu")
    return PoseExtractor(
        detector, open_model(write_landmarks(folder / "landmarks.onnx", axis), LANDMARKS_FORM, "cpu"), batch
    )


def walking(index: int) -> Person:
    """Dim, at the left, walking to the right."""
    return (10 + 4 * index, 80, 50 + 4 * index, 240, "r", 180)


def standing(index: int) -> Person:
    """Bright, large, at the right."""
    return (170, 60, 230, 290, "b", 240)


def clip(count: int, *people: Callable[[int], Person]) -> Iterator[np.ndarray]:
    return (draw_people(HEIGHT, WIDTH, *(person(index) for person in people)) for index in range(count))


def assert_is(poses: PoseSequence, frame: int, person: Person) -> None:
    """Check the face, whose points are in the order of the model's, against the rectangle."""
    left, top, right, bottom = person[:4]
    places = np.array([left - 0.5, top - 0.5]) + FRACTIONS[23:91] * (right - left, bottom - top)
    found = poses.face[frame, :, :2] * (WIDTH, HEIGHT)
    assert np.abs(found - places).max() < TOLERANCE
    np.testing.assert_allclose(poses.face[frame, :, 2], POINT_SCORE, atol=1e-3)


def test_a_person_who_walks_is_found_in_every_frame(extractor: PoseExtractor) -> None:
    poses = extractor.extract(clip(6, walking), fps=24.0)
    assert (len(poses), poses.width, poses.height, poses.fps) == (6, WIDTH, HEIGHT, 24.0)
    for frame in range(6):
        assert_is(poses, frame, walking(frame))
    assert seen(poses.points).all()


@pytest.mark.parametrize(
    ("rule", "person"),
    [("best", standing), ("largest", standing), ("leftmost", walking), (0, walking), (1, standing)],
)
@pytest.mark.parametrize("detect_every", [1, 3])
def test_the_chosen_person_is_found(
    extractor: PoseExtractor, rule: PersonRule, person: Callable[[int], Person], detect_every: int
) -> None:
    poses = extractor.extract(clip(4, walking, standing), person=rule, detect_every=detect_every)
    for frame in range(4):
        assert_is(poses, frame, person(frame))


def test_frames_without_anybody_have_no_points_and_the_others_do(extractor: PoseExtractor) -> None:
    frames = [*clip(2), *clip(1, walking), *clip(1)]
    poses = extractor.extract(frames)
    assert seen(poses.body).any(axis=1).tolist() == [False, False, True, False]
    assert not poses.points[0].any()
    assert (poses.keypoints()[3] == -1).all()


def test_one_who_leaves_is_missing_and_nobody_takes_their_place(extractor: PoseExtractor) -> None:
    frames = [*clip(2, walking, standing), *clip(2, standing), *clip(1, walking, standing)]
    poses = extractor.extract(frames, person="leftmost")
    assert seen(poses.body).any(axis=1).tolist() == [True, True, False, False, True]
    assert_is(poses, 4, walking(0))


def test_one_image_is_a_video_of_one_frame(extractor: PoseExtractor) -> None:
    assert_is(extractor.extract(clip(1, standing)), 0, standing(0))


def test_progress_is_reported(extractor: PoseExtractor) -> None:
    told: list[tuple[int, int]] = []
    extractor.extract(clip(6, walking), total=6, progress=lambda *counts: told.append(counts))
    extractor.extract(clip(1, walking), progress=lambda *counts: told.append(counts))
    each = [(4, 6), (6, 6)] if extractor._landmarks.takes_batches else [(done, 6) for done in range(1, 7)]
    assert told == [*each, (1, 0)]


def test_the_files_are_opened_on_what_there_is(tmp_path: Path) -> None:
    files = write_detector(tmp_path / "yolox_l.onnx"), write_landmarks(tmp_path / "dw-ll_ucoco_384.onnx")
    extractor = PoseExtractor.from_files(*files)
    assert extractor.provider == "CPU"
    assert_is(extractor.extract(clip(1, walking)), 0, walking(0))


def endless(taken: list[int], last: int = 1000, error: BaseException | None = None) -> Iterator[np.ndarray]:
    for index in range(1000):
        if index == last and error is not None:
            raise error
        taken.append(index)
        yield draw_people(HEIGHT, WIDTH, walking(0))


def test_what_progress_raises_stops_everything(extractor: PoseExtractor) -> None:
    error, taken, before = Cancelled("enough"), list[int](), threading.active_count()

    def stop(done: int, total: int) -> None:
        raise error

    with pytest.raises(Cancelled) as caught:
        extractor.extract(endless(taken), progress=stop)
    assert caught.value is error
    assert threading.active_count() == before
    assert len(taken) <= 14


def test_a_stopped_generator_of_frames_is_closed_at_once(extractor: PoseExtractor) -> None:
    closed = threading.Event()

    def frames() -> Iterator[np.ndarray]:
        try:
            yield from endless([])
        finally:
            closed.set()

    def stop(done: int, total: int) -> None:
        raise Cancelled("enough")

    given = frames()
    with pytest.raises(Cancelled):
        extractor.extract(given, progress=stop)
    assert closed.is_set()


def test_what_the_frames_raise_comes_out_unchanged(extractor: PoseExtractor) -> None:
    error, before = OSError("the decoder died"), threading.active_count()
    with pytest.raises(OSError, match="the decoder died") as caught:
        extractor.extract(endless([], 3, error))
    assert caught.value is error
    assert threading.active_count() == before


def test_only_a_few_frames_are_read_ahead(extractor: PoseExtractor) -> None:
    taken, leads = list[int](), list[int]()
    frames = (frame for _, frame in zip(range(16), endless(taken), strict=False))
    extractor.extract(frames, progress=lambda done, total: leads.append(len(taken) - done))
    assert len(taken) == 16
    assert max(leads) <= (10 if extractor._landmarks.takes_batches else 4)


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([], "There are no frames"),
        ([np.zeros((4, 4, 3), np.float32)], r"frame 0 is float32 of shape \(4, 4, 3\)"),
        ([np.zeros((4, 4, 4), np.uint8)], r"frame 0 is uint8 of shape \(4, 4, 4\)"),
        ([np.zeros((4, 4), np.uint8)], "frame 0 is uint8"),
        ([np.zeros((0, 4, 3), np.uint8)], "frame 0 is uint8"),
        ([np.zeros((4, 4, 3), np.uint8), np.zeros((6, 5, 3), np.uint8)], "frame 1 is 5 x 6 pixels.*4 x 4"),
    ],
)
def test_invalid_frames_are_rejected(extractor: PoseExtractor, frames: list[np.ndarray], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        extractor.extract(frames)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"detect_every": 0}, "detect_every is 0"), ({"person": "tallest"}, "person is 'tallest'")],
)
def test_invalid_settings_are_rejected_before_a_frame_is_read(
    extractor: PoseExtractor, settings: dict, words: str
) -> None:
    taken: list[int] = []
    with pytest.raises(InvalidInput, match=words):
        extractor.extract(endless(taken), **settings)
    assert taken == []


def test_a_person_in_no_frame_is_rejected(extractor: PoseExtractor) -> None:
    with pytest.raises(InvalidInput, match="person is 2, but no frame of the video shows more than 2 people"):
        extractor.extract(clip(2, walking, standing), person=2)


def test_exchanged_files_are_rejected(tmp_path: Path) -> None:
    detector, landmarks = write_detector(tmp_path / "a.onnx"), write_landmarks(tmp_path / "b.onnx")
    with pytest.raises(WrongCheckpoint, match=r"b\.onnx maps input .*the person detector yolox_l.onnx"):
        PoseExtractor.from_files(landmarks, detector)


@pytest.mark.parametrize("detect_every", [1, 3])
def test_all_people_are_found_in_the_order_from_the_left(extractor: PoseExtractor, detect_every: int) -> None:
    people = extractor.extract_people(clip(4, standing, walking), fps=24.0, detect_every=detect_every)
    assert len(people) == 2
    for frame in range(4):
        assert_is(people[0], frame, walking(frame))
        assert_is(people[1], frame, standing(frame))


def test_one_person_among_all_is_the_one_that_is_found_alone(extractor: PoseExtractor) -> None:
    (found,) = extractor.extract_people(clip(4, walking), fps=24.0)
    np.testing.assert_array_equal(found.points, extractor.extract(clip(4, walking)).points)


def test_the_whole_frame_counts_only_if_nobody_is_ever_detected(extractor: PoseExtractor) -> None:
    (found,) = extractor.extract_people([*clip(2), *clip(3, walking)])
    assert seen(found.points).any(axis=1).tolist() == [False, False, True, True, True]
    (guessed,) = extractor.extract_people(clip(2))
    np.testing.assert_array_equal(guessed.points, extractor.extract(clip(2)).points)
