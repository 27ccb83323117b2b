"""A real dance in the formats of other programs, written from lists of keypoint names."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from animatex_core.pose.keypoints import BODY_JOINTS, FACE, HANDS, JOINT, PoseSequence
from tests.retarget.motion import dance

Point = list[float]
COCO = [
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
]
OPENPOSE = list(BODY_JOINTS[:18])
BODY_25 = [*OPENPOSE[:8], "mid_hip", *OPENPOSE[8:]]
FEET = ["left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel"]
HALPE_FEET = ["left_big_toe", "right_big_toe", "left_small_toe", "right_small_toe", "left_heel", "right_heel"]
FACE_68 = [f"face_{index}" for index in range(68)]
LEFT, RIGHT = ([f"{side}_hand_{index}" for index in range(21)] for side in ("left", "right"))
HUMAN36M = [
    "mid_hip",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "spine",
    "neck",
    "nose",
    "head",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
]
MEDIAPIPE = [
    "nose",
    "other",
    "left_eye",
    "other",
    "other",
    "right_eye",
    "other",
    "left_ear",
    "right_ear",
    "other",
    "other",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "other",
    "other",
    "other",
    "other",
    "other",
    "other",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
    "left_heel",
    "right_heel",
    "left_toe",
    "right_toe",
]
HALPE_26 = [*COCO, "head", "neck", "mid_hip", *HALPE_FEET]
BODY_25B = [*COCO, "upper_neck", "head", *FEET]
LAYOUTS: dict[str, list[str]] = {
    "COCO-17": COCO,
    "Human3.6M": HUMAN36M,
    "OpenPose-18": OPENPOSE,
    "COCO and feet": [*COCO, *FEET],
    "BODY_25": [*BODY_25, *FEET],
    "BODY_25B": BODY_25B,
    "Halpe-26": HALPE_26,
    "MediaPipe": MEDIAPIPE,
    "COCO-WholeBody": [*COCO, *FEET, *FACE_68, *LEFT, *RIGHT],
    "DWPose": [*OPENPOSE, *FEET, *FACE_68, *LEFT, *RIGHT],
    "BODY_135": [*BODY_25B, *LEFT[1:], *RIGHT[1:], *FACE_68, "pupil", "pupil"],
    "Halpe-136": [*HALPE_26, *FACE_68, *LEFT, *RIGHT],
}


def true_dance(frames: int = 12) -> PoseSequence:
    """Return a dance with all body points, both hands with the wrists as roots, feet and a face."""
    poses = dance().select(range(frames))
    points = poses.points.copy()
    size = np.array([poses.width, poses.height])
    for side, hand in zip(("left", "right"), HANDS, strict=True):
        wrist = points[:, JOINT[f"{side}_wrist"], None, :2] * size
        offsets = np.array([[3 * (index % 4), 4 * (index // 4)] for index in range(21)])
        points[:, hand, :2] = (wrist + offsets) / size
    around = np.array([[20 * np.cos(index), 20 * np.sin(index)] for index in range(68)])
    points[:, FACE, :2] = (points[:, JOINT["nose"], None, :2] * size + around) / size
    points[..., 2] = 0.9
    points[:, JOINT["neck"], :2] = points[:, [JOINT["left_shoulder"], JOINT["right_shoulder"]], :2].mean(
        axis=1
    )
    return poses.with_points(points)


def named(poses: PoseSequence) -> list[dict[str, Point]]:
    """Return the points of each frame by name: x and y in pixels, and the score."""
    frames = []
    for points in poses.points * (poses.width, poses.height, 1):
        places = {name: points[index] for name, index in JOINT.items()}
        for side in ("left", "right"):
            toe, shift = places[f"{side}_toe"], np.array([4, 2, 0])
            places |= {f"{side}_big_toe": toe + shift, f"{side}_small_toe": toe - shift}
            places[f"{side}_heel"] = places[f"{side}_ankle"] + (0, 9, 0)
        for names, part in ((LEFT, HANDS[0]), (RIGHT, HANDS[1]), (FACE_68, FACE)):
            places |= dict(zip(names, points[part], strict=True))
        hips = (places["left_hip"] + places["right_hip"]) / 2
        places |= {"mid_hip": hips, "spine": (hips + places["neck"]) / 2, "pupil": places["nose"]}
        places |= dict.fromkeys(("head", "upper_neck", "other"), places["nose"] + (2, -20, 0))
        frames.append({name: place.tolist() for name, place in places.items()})
    return frames


def rows(frame: dict[str, Point], names: Sequence[str]) -> list[Point]:
    """Return the points of these names."""
    return [frame[name] for name in names]


def flat(points: Sequence[Point]) -> list[float]:
    return [number for point in points for number in point]


def openpose(poses: PoseSequence, names: Sequence[str] = OPENPOSE) -> list[dict[str, Any]]:
    """Return frames of OpenPose."""
    size = {"canvas_width": poses.width, "canvas_height": poses.height}
    return [{"people": [{"pose_keypoints_2d": flat(rows(frame, names))}], **size} for frame in named(poses)]


def changed(
    poses: PoseSequence, change: Callable[[np.ndarray], np.ndarray], **size: Any
) -> list[dict[str, Any]]:
    """Return frames of OpenPose whose rows of x, y and score were changed."""
    frames = openpose(poses)
    for frame in frames:
        (person,) = frame["people"]
        values = np.reshape(person["pose_keypoints_2d"], (-1, 3))
        person["pose_keypoints_2d"] = change(values).reshape(-1).tolist()
        frame |= size
    return frames


def alphapose(poses: PoseSequence, names: Sequence[str] = COCO) -> list[dict[str, Any]]:
    """Return AlphaPose's list of people."""
    return [
        {"image_id": f"{index}.jpg", "category_id": 1, "keypoints": flat(rows(frame, names)), "score": 2.9}
        for index, frame in enumerate(named(poses))
    ]


def alphapose_open(poses: PoseSequence) -> dict[str, Any]:
    """Return AlphaPose's `--format open`, whose order of names is not that of the frames."""
    frames = openpose(poses)
    return {
        f"{index}.jpg": {"version": "AlphaPose v0.3", "people": frames[index]["people"]}
        for index in sorted(range(len(frames)), key=str)
    }


def mmpose(poses: PoseSequence, names: Sequence[str] = COCO) -> list[dict[str, Any]]:
    """Return MMPose's list of frames with instances."""
    return [
        {"frame_id": index, "instances": [instance(frame, names)]} for index, frame in enumerate(named(poses))
    ]


def instance(frame: dict[str, Point], names: Sequence[str] = COCO) -> dict[str, Any]:
    """Return one of MMPose's instances."""
    points = rows(frame, names)
    return {
        "keypoints": [point[:2] for point in points],
        "keypoint_scores": [point[2] for point in points],
        "bbox": [[0, 0, 1, 1]],
        "bbox_score": 0.9,
    }


def coco(poses: PoseSequence) -> dict[str, Any]:
    """Return COCO's annotations of whole bodies, their images in another order."""
    annotations = [
        {
            "id": 100 + index,
            "image_id": 7 * index,
            "category_id": 1,
            "num_keypoints": 17,
            "keypoints": flat([[x, y, 2] for x, y, _ in rows(frame, COCO)]),
            "foot_kpts": flat(rows(frame, FEET)),
            "face_kpts": flat(rows(frame, FACE_68)),
            "lefthand_kpts": flat(rows(frame, LEFT)),
            "righthand_kpts": flat(rows(frame, RIGHT)),
        }
        for index, frame in enumerate(named(poses))
    ]
    images = [
        {"id": 7 * index, "file_name": f"frame_{index:05d}.jpg", "width": poses.width, "height": poses.height}
        for index in range(len(poses))
    ]
    return {"images": images[::-1], "annotations": annotations, "categories": [{"id": 1, "keypoints": COCO}]}


def dwpose(poses: PoseSequence) -> list[dict[str, Any]]:
    """Return DWPose's arrays, as fractions of the image."""
    size = (poses.width, poses.height)
    parts = [
        {name: [x / size[0], y / size[1]] for name, (x, y, _) in frame.items()} for frame in named(poses)
    ]
    return [
        {
            "bodies": {"candidate": [part[name] for name in OPENPOSE], "subset": [list(range(18))]},
            "hands": [[part[name] for name in side] for side in (LEFT, RIGHT)],
            "faces": [[part[name] for name in FACE_68]],
        }
        for part in parts
    ]


def mediapipe(poses: PoseSequence) -> list[dict[str, Any]]:
    """Return MediaPipe's landmarks, as fractions of the image."""

    def landmarks(frame: dict[str, Point], names: Sequence[str]) -> list[dict[str, float]]:
        return [
            {"x": x / poses.width, "y": y / poses.height, "z": -0.4, "visibility": score}
            for x, y, score in rows(frame, names)
        ]

    return [
        {
            "poseLandmarks": landmarks(frame, MEDIAPIPE),
            "leftHandLandmarks": landmarks(frame, LEFT),
            "rightHandLandmarks": landmarks(frame, RIGHT),
        }
        for frame in named(poses)
    ]


def json_lines(frames: Sequence[Any]) -> str:
    return "".join(json.dumps(frame) + "\r\n" for frame in frames)
