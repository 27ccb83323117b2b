"""Batches and lists where a node takes one image, or all frames at once."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from animatex_core.pose.formats.reader import read_poses, write_poses
from tests.comfyui.graphs import FRAMES, Prompt, conditioned, node, poses, put_inputs
from tests.comfyui.server import Server
from tests.comfyui.ui_messages import run_and_listen
from tests.support.dance_samples import small_dance

pytestmark = pytest.mark.plain_mode

RETARGET = {"mode": "align", "bound": 3.0, "ground": False, "drop": "", "add": ""}
ENCODE = {"fps": 8.0, "format": "mp4", "quality": 7.0, "save_metadata": False}
FACTORS = dict.fromkeys(("body", "legs", "arms", "neck", "shoulders", "face"), 1.0)


@pytest.fixture(autouse=True)
def _inputs(server: Server) -> None:
    put_inputs(server.base / "input")
    for name, width in (("first", 40), ("second", 56)):
        Image.fromarray(np.full((64, width, 3), 90, np.uint8)).save(server.base / "input" / f"{name}.png")
    write_poses(server.base / "input" / "several.json", small_dance().select([5, 6]))


def two_characters(batch_size: int) -> Prompt:
    """Node "characters" gives two pictures: one batch of both, or a list of batches of one."""
    return {
        "first": node("LoadImage", image="first.png"),
        "second": node("LoadImage", image="picture.png"),
        "batch": node("ImageBatch", image1=["first", 0], image2=["second", 0]),
        "characters": node("RebatchImages", images=["batch", 0], batch_size=batch_size),
    }


def retargeted(characters: Prompt, **inputs: Any) -> Prompt:
    settings = {**RETARGET, **FACTORS, "reference_pose": ["own", 0], **inputs}
    return {
        **characters,
        "dance": poses("dance.json"),
        "own": poses("own.json"),
        "moved": node("AnimateXRetargetPoses", poses=["dance", 0], reference=["characters", 0], **settings),
        "saved": node("AnimateXSavePoses", poses=["moved", 0], filename_prefix="lists/moved"),
    }


def test_of_a_batch_of_characters_the_first_is_used_and_the_node_says_so(server: Server) -> None:
    _, shown = run_and_listen(server, retargeted(two_characters(2)))
    assert "reference has 2 images, of which only the first is used" in shown["moved"]
    assert "Rebatch Images (batch_size 1)" in shown["moved"]


def test_a_list_of_characters_is_done_one_after_the_other(server: Server) -> None:
    history, shown = run_and_listen(server, retargeted(two_characters(1)))
    assert len(history["outputs"]["saved"]["text"]) == 2
    assert "only the first" not in shown["moved"]
    for name in history["outputs"]["saved"]["text"]:
        assert len(read_poses(server.base / "output" / name)) == FRAMES


def test_a_list_of_characters_is_animated_one_after_the_other(server: Server) -> None:
    sampled = node(
        "AnimateXSampler",
        model=["model", 0],
        positive=["condition", 0],
        negative=["condition", 1],
        latent_image=["condition", 2],
        seed=1,
        steps=1,
        cfg=1.0,
        solver="ddim",
        denoise=1.0,
        guidance_start=0.0,
        guidance_end=1.0,
        long_clip="off",
        frames_at_once=2,
        overlap=1,
        offset_noise=0.1,
    )
    prompt = {
        **conditioned(reference=["characters", 0]),
        **two_characters(1),
        "sampler": sampled,
        "decoder": node("VAEDecode", samples=["sampler", 0], vae=["encoders", 1]),
        "saved": node("AnimateXEncodeVideo", images=["decoder", 0], filename_prefix="lists/danced", **ENCODE),
    }
    history, shown = run_and_listen(server, prompt)
    videos = server.files(history)
    assert len(set(videos)) == 2
    assert all(path.stat().st_size for path in videos)
    assert "saved" not in shown


def test_several_poses_and_masks_of_one_character_are_reported(server: Server) -> None:
    prompt = retargeted(two_characters(1), mask=["mask", 0])
    prompt["own"] = poses("several.json")
    prompt["mask"] = node("ImageToMask", image=["batch", 0], channel="red")
    _, shown = run_and_listen(server, prompt)
    assert "reference_pose has 2 poses, of which only the first is used" in shown["moved"]
    assert "mask has 2 masks, of which only the first is used" in shown["moved"]


def test_only_the_first_reference_pose_counts(server: Server) -> None:
    moved = []
    for file in ("own.json", "several.json"):
        prompt = retargeted({"characters": node("LoadImage", image="first.png")})
        prompt["own"] = poses(file)
        (name,) = server.run(prompt)["outputs"]["saved"]["text"]
        moved.append(read_poses(server.base / "output" / name).points)
    np.testing.assert_array_equal(moved[0], moved[1])


def frames(batch_size: int) -> Prompt:
    """Node "frames" gives FRAMES pictures: as a list of batches of this size."""
    return {
        "picture": node("LoadImage", image="picture.png"),
        "repeated": node("RepeatImageBatch", image=["picture", 0], amount=FRAMES),
        "frames": node("RebatchImages", images=["repeated", 0], batch_size=batch_size),
    }


@pytest.mark.parametrize("joined", [False, True], ids=["a list", "joined"])
def test_a_list_of_frames_is_joined_or_said_to_make_many_videos(server: Server, joined: bool) -> None:
    prompt = frames(1)
    if joined:
        prompt["joined"] = node("RebatchImages", images=["frames", 0], batch_size=4096)
    images = ["joined" if joined else "frames", 0]
    prompt["saved"] = node("AnimateXEncodeVideo", images=images, filename_prefix="lists/frames", **ENCODE)
    history, shown = run_and_listen(server, prompt)
    assert len(server.files(history)) == (1 if joined else FRAMES)
    sentence = "Each image of a list becomes a video of one frame"
    assert (sentence in shown.get("saved", "")) is not joined


def test_frames_one_at_a_time_do_not_fit_their_poses(server: Server) -> None:
    prompt = conditioned()
    prompt.update(frames(1))
    prompt["features"]["inputs"]["frames"] = ["frames", 0]
    prompt["shown"] = node("PreviewAny", source=["condition", 0])
    complaint = server.complaint(prompt)
    assert f"There are 1 driving frames but {FRAMES} poses" in complaint
    assert "join the list into one batch with Rebatch Images (batch_size 4096)" in complaint


def test_poses_one_at_a_time_are_not_smoothed_silently(server: Server) -> None:
    smooth = {"fps": 8.0, "fill_gaps": 4, "min_cutoff": 1.5, "beta": 30.0, "person": "best"}
    extract = {"person": "best", "detect_every": 1, "whole_frame": True}
    prompt = {
        **frames(1),
        "nets": node(
            "AnimateXLoadDWPose", detector="built-in (small)", estimator="built-in (small)", device="cpu"
        ),
        "found": node("AnimateXExtractPoses", dwpose=["nets", 0], images=["frames", 0], **extract),
        "smoothed": node("AnimateXSmoothPoses", poses=["found", 0], **smooth),
        "shown": node("PreviewAny", source=["smoothed", 0]),
    }
    _, shown = run_and_listen(server, prompt)
    assert "Each pose of a list becomes a video of one frame" in shown["smoothed"]
