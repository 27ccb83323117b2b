import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animatex_core.cli.inputs import read_reference_mask
from animatex_core.cli.main import build_parser, main
from animatex_core.pose.formats.reader import read_poses, write_poses
from animatex_core.pose.keypoints import JOINT, PoseSequence, seen
from animatex_core.video.info import probe
from animatex_core.video.reader import read_frames
from tests.pose.onnx_files import draw_people, write_detector, write_landmarks
from tests.support.dance_samples import FPS, FRAMES, DanceFiles, small_dance, write_dance


@pytest.fixture
def dance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DanceFiles:
    monkeypatch.setenv("ANIMATEX_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    return write_dance(tmp_path)


@pytest.fixture
def nets(dance: DanceFiles) -> Path:
    """Small models in place of DWPose that detect anything coloured as a person."""
    (dance.folder / "models").mkdir()
    write_detector(dance.folder / "models" / "yolox_l.onnx")
    write_landmarks(dance.folder / "models" / "dw-ll_ucoco_384.onnx")
    return dance.folder / "models"


@pytest.fixture
def grey(dance: DanceFiles, nets: Path) -> None:
    """A character without colours, in which these models detect nobody."""
    Image.open(dance.character).convert("LA").save(dance.character)


def retarget(dance: DanceFiles, *flags: str, **options: object) -> int:
    return main(["retarget", *dance.options(out=dance.folder / "out.json", **options), *flags])


def extent(path: Path) -> np.ndarray:
    """Left, top, right and bottom of the median body, as fractions of the image."""
    body = read_poses(path).body
    places = np.median(body[:, :, :2], axis=0)[seen(body).all(axis=0)]
    return np.concatenate([places.min(axis=0), places.max(axis=0)])


def length(poses: PoseSequence, start: str, end: str) -> np.ndarray:
    """Pixels from one joint to another in every frame."""
    vectors = poses.body[:, JOINT[end], :2] - poses.body[:, JOINT[start], :2]
    return np.linalg.norm(vectors * (poses.width, poses.height), axis=1)


@pytest.mark.usefixtures("grey")
def test_an_alpha_channel_locates_the_character(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    assert retarget(dance) == 0
    poses = read_poses(dance.folder / "out.json")
    assert (len(poses), poses.width, poses.height) == (FRAMES, 384, 512)
    assert "box" in capsys.readouterr().out
    left, top, right, bottom = extent(dance.folder / "out.json")
    assert 0.1 < left < right < 0.9
    assert top > 0.09
    assert 0.8 < bottom < 1


@pytest.mark.usefixtures("grey")
def test_a_mask_a_box_and_alpha_agree(dance: DanceFiles) -> None:
    alpha = Image.open(dance.character).getchannel("A")
    alpha.save(dance.folder / "mask.png")
    left, top, right, bottom = (
        value / side for value, side in zip(alpha.getbbox() or (), (384, 512) * 2, strict=True)
    )
    assert retarget(dance) == 0
    expected = extent(dance.folder / "out.json")
    for options in ({"mask": dance.folder / "mask.png"}, {"box": f"{left},{top},{right},{bottom}"}):
        Image.open(dance.character).convert("RGB").save(dance.folder / "opaque.png")
        assert retarget(dance, reference=dance.folder / "opaque.png", **options) == 0
        np.testing.assert_allclose(extent(dance.folder / "out.json"), expected, atol=0.02)


def test_a_mask_of_another_shape_is_refused(dance: DanceFiles, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (100, 100), 255).save(dance.folder / "mask.png")
    assert retarget(dance, mask=dance.folder / "mask.png") == 2
    assert "mask of the same shape" in capsys.readouterr().err


def test_a_reference_pose_gives_its_bones(dance: DanceFiles) -> None:
    assert retarget(dance, reference_pose=dance.poses) == 0
    np.testing.assert_allclose(extent(dance.folder / "out.json"), extent(dance.poses), atol=0.01)


def test_without_a_body_the_poses_are_unchanged_with_a_warning(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (60, 80)).save(dance.character)
    assert retarget(dance) == 0
    assert "animatex: warning: The poses were passed on" in capsys.readouterr().err
    np.testing.assert_array_equal(read_poses(dance.folder / "out.json").body, read_poses(dance.poses).body)


def test_factors_and_dropped_parts(dance: DanceFiles) -> None:
    assert retarget(dance) == 0
    plain = read_poses(dance.folder / "out.json")
    assert retarget(dance, "--drop", "left_arm", "--legs", "0.5") == 0
    changed = read_poses(dance.folder / "out.json")
    thighs = [length(poses, "right_hip", "right_knee") for poses in (plain, changed)]
    torsos = [length(poses, "neck", "right_hip") for poses in (plain, changed)]
    np.testing.assert_allclose(thighs[1] / torsos[1], 0.5 * thighs[0] / torsos[0], rtol=1e-3)
    wrist = JOINT["left_wrist"]
    assert seen(plain.body)[:, wrist].any()
    assert not seen(changed.body)[:, wrist].any()


def test_the_preview_lies_over_the_character(dance: DanceFiles) -> None:
    assert retarget(dance, preview=dance.folder / "sheet.png") == 0
    sheet = np.asarray(Image.open(dance.folder / "sheet.png"))
    assert sheet.shape == (2 * 512, 4 * 384, 3)  # eight moments
    pear = sheet[:512, :384, 1].astype(int) - sheet[:512, :384, 2]
    assert (pear > 30).mean() > 0.1  # the dimmed green is still green
    assert retarget(dance, preview=dance.folder / "preview.mp4") == 0
    clip = probe(dance.folder / "preview.mp4")
    assert (clip.frames, clip.fps, clip.width, clip.height, clip.has_audio) == (FRAMES, FPS, 384, 512, True)


def test_a_reference_pose_without_a_canvas_uses_the_size_of_the_image(dance: DanceFiles) -> None:
    assert retarget(dance, reference_pose=dance.poses) == 0
    expected = extent(dance.folder / "out.json")
    (frame, *_) = json.loads(dance.poses.read_text())
    size = np.tile([384 / frame.pop("canvas_width"), 512 / frame.pop("canvas_height"), 1], 18)
    frame["people"] = [{"pose_keypoints_2d": list(frame["people"][0]["pose_keypoints_2d"] * size)}]
    (dance.folder / "bare.json").write_text(json.dumps(frame))
    assert retarget(dance, reference_pose=dance.folder / "bare.json") == 0
    np.testing.assert_allclose(extent(dance.folder / "out.json"), expected, atol=0.05)


@pytest.mark.usefixtures("nets")
def test_dwpose_detects_the_pose_of_the_reference(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(draw_people(200, 100, (20, 40, 80, 180, "r", 220))).save(dance.character)
    assert retarget(dance) == 0
    assert "retargeted by" in capsys.readouterr().out


@pytest.mark.usefixtures("nets")
def test_alpha_is_used_if_dwpose_detects_nobody(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    grey = np.full((200, 100, 4), 90, np.uint8)
    grey[..., 3] = 0
    grey[50:150, 30:70, 3] = 255
    Image.fromarray(grey).save(dance.character)
    assert retarget(dance) == 0
    assert "fitted to the character's box" in capsys.readouterr().out


def test_a_box_overrides_dwpose(dance: DanceFiles, nets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (nets / "yolox_l.onnx").write_bytes(b"damaged, and not needed")
    assert retarget(dance, box="0.2,0.1,0.8,0.9") == 0
    assert "fitted to the character's box" in capsys.readouterr().out


KINDS = {
    "inverted": lambda alpha: Image.fromarray(255 - np.asarray(alpha)),
    "0 and 1": lambda alpha: Image.fromarray((np.asarray(alpha) > 127).astype(np.uint8)),
    "green": lambda alpha: Image.merge("RGB", [alpha.point(lambda _: 0), alpha, alpha.point(lambda _: 0)]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_of_masks_give_the_same_box(
    dance: DanceFiles, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    alpha = Image.open(dance.character).getchannel("A")
    alpha.save(dance.folder / "plain.png")
    KINDS[kind](alpha).save(dance.folder / "mask.png")
    Image.open(dance.character).convert("RGB").save(dance.character)
    results = []
    for name in ("plain.png", "mask.png"):
        assert retarget(dance, mask=dance.folder / name) == 0
        results.append(extent(dance.folder / "out.json"))
    np.testing.assert_allclose(results[0], results[1], atol=0.01)
    assert capsys.readouterr().out.count("mask: The character is where the mask is ") == 2


def test_mask_shows_overrides_the_detection(dance: DanceFiles, capsys: pytest.CaptureFixture[str]) -> None:
    Image.open(dance.character).getchannel("A").save(dance.folder / "mask.png")
    assert retarget(dance, mask=dance.folder / "mask.png", mask_shows="background") == 0
    output = capsys.readouterr()
    assert "where the mask is black" in output.out
    assert "warning: The character's box is the whole image" in output.err


@pytest.mark.parametrize("box", ["0,0,1,1", "0.005,0,1,0.995"])
def test_a_box_of_the_whole_image_is_warned_about(
    dance: DanceFiles, box: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert retarget(dance, box=box) == 0
    assert "warning: The character's box is the whole image" in capsys.readouterr().err


@pytest.mark.parametrize(("value", "kind"), [(0, "empty"), (255, "full")])
def test_an_empty_mask_is_refused(
    dance: DanceFiles, value: int, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    size = Image.open(dance.character).size
    Image.new("L", size, value).save(dance.folder / "mask.png")
    assert retarget(dance, mask=dance.folder / "mask.png") == 2
    assert f"mask.png is {kind}: mark the character in it, or give a box instead" in capsys.readouterr().err


def numbered(dance: DanceFiles, numbers: range | list[int]) -> Path:
    folder = dance.folder / "frames"
    folder.mkdir()
    for number, frame in enumerate(json.loads(dance.poses.read_text())):
        if number in numbers:
            (folder / f"dance_{number:012d}_keypoints.json").write_text(json.dumps(frame))
    return folder


def test_gaps_in_a_folder_of_poses_stay_in_sync_with_the_video(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    there = [number for number in range(FRAMES) if number not in (0, 4, 5)]
    folder = numbered(dance, there)
    assert retarget(dance, poses=folder, retarget="none", box="0.2,0.1,0.8,0.9") == 0
    poses, true = read_poses(dance.folder / "out.json"), read_poses(dance.poses)
    assert np.flatnonzero(seen(poses.body).any(axis=1)).tolist() == there
    np.testing.assert_allclose(poses.body[there, :, :2], true.body[there, :, :2], atol=1e-5)
    assert "has no poses for frames 0, 4 to 5: nobody is shown there" in capsys.readouterr().err


@pytest.mark.parametrize("times", [1, 3])
def test_poses_of_another_video_are_refused(
    dance: DanceFiles, times: int, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = json.loads(dance.poses.read_text())
    if times == 3:
        for frame in frames:
            del frame["canvas_width"], frame["canvas_height"]
            (person,) = frame["people"]
            body = np.reshape(person["pose_keypoints_2d"], (-1, 3)) * (3, 3, 1)
            frame["people"] = [{"pose_keypoints_2d": body.reshape(-1).tolist()}]
    else:
        frames = [frame | {"canvas_width": 1920, "canvas_height": 1080} for frame in frames]
    dance.poses.write_text(json.dumps(frames))
    assert retarget(dance, box="0.2,0.1,0.8,0.9") == 2
    error = capsys.readouterr().err
    expected = "joints in .* are outside the" if times == 3 else "in the same orientation"
    assert re.search(expected, error)
    assert "Traceback" not in error


def test_another_number_of_frames_is_reported_with_its_ratio(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    dance.poses.write_text(json.dumps(json.loads(dance.poses.read_text())[::2]))
    assert retarget(dance, box="0.2,0.1,0.8,0.9") == 0
    assert "poses of 6 frames, but the video has 12, as if the video had 2 times the frame rate" in (
        capsys.readouterr().err
    )


def body_pose(folder: Path) -> Path:
    """Write the first pose of the dance as the pose of the character."""
    path = folder / "own.json"
    write_poses(path, small_dance().select([0]))
    return path


def test_the_puppet_video_is_as_long_as_the_dance(dance: DanceFiles) -> None:
    video = dance.folder / "puppet.mp4"
    assert retarget(dance, puppet=video, reference_pose=body_pose(dance.folder)) == 0
    clip = probe(video)
    picture = Image.open(dance.character)
    assert (clip.frames, clip.fps, clip.has_audio) == (FRAMES, FPS, True)
    assert (clip.width, clip.height) == picture.size
    first, last = (frame for index, frame in enumerate(read_frames(clip)) if index in (0, FRAMES - 1))
    assert np.abs(first.astype(int) - last).max() > 60


@pytest.mark.usefixtures("grey")
def test_a_puppet_without_a_pose_is_refused_before_the_work(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    assert retarget(dance, puppet=dance.folder / "puppet.mp4", box="0.2,0.1,0.8,0.9") == 2
    assert "give it with --reference-pose, or leave out --puppet" in capsys.readouterr().err
    assert not (dance.folder / "out.json").exists()


def test_a_puppet_of_another_format_or_over_an_input_is_refused(
    dance: DanceFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    own = body_pose(dance.folder)
    assert retarget(dance, puppet=dance.folder / "puppet.txt", reference_pose=own) == 2
    assert "puppet.txt" in capsys.readouterr().err
    assert retarget(dance, puppet=dance.clip, reference_pose=own) == 2
    assert "--puppet and --driving are both" in capsys.readouterr().err


def test_transparency_is_the_puppets_mask(dance: DanceFiles) -> None:
    arguments = build_parser().parse_args(["retarget", *dance.options()])
    nobody = PoseSequence.empty(1, 96, 142)
    alpha = np.asarray(Image.open(dance.character).convert("RGBA"))[..., 3]
    np.testing.assert_array_equal(read_reference_mask(arguments, nobody), alpha > 127)
    Image.open(dance.character).convert("RGB").save(dance.character)
    assert read_reference_mask(arguments, nobody) is None
