"""Cut Out, Sprite Sheet and the transparency of Encode Video, in a real ComfyUI."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from animatex_core.cutout.cutout import prepare_cut_out
from animatex_core.video.info import probe
from animatex_core.video.reader import read_frames
from animatex_core.video.writer import write_clip
from tests.comfyui.graphs import Prompt, node
from tests.comfyui.server import Server
from tests.comfyui.ui_messages import run_and_listen
from tests.cutout.samples import sample
from tests.sprites.test_sheet import read_back

pytestmark = pytest.mark.plain_mode

DRAWN = sample(0, frames=4)
COUNT, HEIGHT, WIDTH, _ = DRAWN.frames.shape
LAYOUT = {
    "fps": 12.0, "filename_prefix": "sprites/test", "rate": 0.0, "trim": "each frame", "padding": 2,
    "extrude": 0, "power_of_two": False, "max_size": 8192, "form": "hash",
}  # fmt: skip
VIDEO = {"fps": 12.0, "filename_prefix": "alpha/test", "quality": 10.0, "save_metadata": True}


@pytest.fixture(scope="module", autouse=True)
def inputs(server: Server) -> None:
    """The dance as a lossless video, and the character with its mask as alpha."""
    folder = server.base / "input"
    Image.fromarray(np.dstack([DRAWN.reference, DRAWN.shown * np.uint8(255)])).save(folder / "sprite.png")
    for number, frame in enumerate(DRAWN.frames):
        Image.fromarray(frame).save(folder / f"sprite_{number}.png")
    write_clip(folder / "sprite.mp4", DRAWN.frames, fps=12, quality=10)


def frames() -> Prompt:
    """Load the frames, to the byte, as one batch."""
    loaded = {f"frame {each}": node("LoadImage", image=f"sprite_{each}.png") for each in range(COUNT)}
    joined, last = {}, ["frame 0", 0]
    for each in range(1, COUNT):
        joined[f"batch {each}"] = node("ImageBatch", image1=last, image2=[f"frame {each}", 0])
        last = [f"batch {each}", 0]
    return {**loaded, **joined}


BATCH = [f"batch {COUNT - 1}", 0]


def cut_out(**given: Any) -> Prompt:
    sockets = {"images": BATCH, "reference": ["character", 0], "mask": ["character", 1]}
    return {
        **frames(),
        "character": node("LoadImage", image="sprite.png"),
        "cut out": node("AnimateXCutOut", **({"background": "", "fill_holes": False} | sockets | given)),
    }


def expected() -> np.ndarray:
    cut = prepare_cut_out(DRAWN.frames, reference=DRAWN.reference, shown=DRAWN.shown)
    return np.stack([frame.rgba for frame in cut])


def saved(server: Server, history: dict[str, Any], node_id: str) -> list[Path]:
    shown = history["outputs"][node_id]["images"]
    return [server.base / each["type"] / each["subfolder"] / each["filename"] for each in shown]


def test_the_node_does_what_the_core_does(server: Server) -> None:
    rgba = node("SaveImage", images=["cut out", 2], filename_prefix="tests/cut_out")
    straight = node("SaveImage", images=["cut out", 0], filename_prefix="tests/straight")
    joined = node("JoinImageWithAlpha", image=["cut out", 0], alpha=["cut out", 1])
    again = node("SaveImage", images=["joined", 0], filename_prefix="tests/joined")
    prompt = {**cut_out(), "rgba": rgba, "straight": straight, "joined": joined, "again": again}
    history, shown = run_and_listen(server, prompt)
    assert "The background is found in 4 frames" in shown["cut out"]
    true = expected()
    for name, channels in (("rgba", 4), ("again", 4), ("straight", 3)):
        found = np.stack([np.asarray(Image.open(path)) for path in saved(server, history, name)])
        assert np.abs(found.astype(int) - true[..., :channels]).max() <= 1, name


@pytest.mark.parametrize("format", ["webm", "mov", "webp", "apng", "png"])
def test_encode_video_keeps_transparency(server: Server, format: str) -> None:
    sockets = {"images": ["cut out", 0], "mask": ["cut out", 1]}
    prompt = {**cut_out(), "saved": node("AnimateXEncodeVideo", format=format, **sockets, **VIDEO)}
    path, *_ = saved(server, server.run(prompt), "saved")
    path = path.parent if format == "png" else path
    fps = 12.0 if format == "png" else None
    found = np.stack(list(read_frames(probe(path, fps=fps), alpha=True)))
    true = expected()
    assert np.abs(found[..., 3].astype(int) - true[..., 3]).mean() < 0.5
    opaque = true[..., 3] == 255
    assert np.abs(found[..., :3].astype(int) - true[..., :3])[opaque].mean() < 3


def test_images_of_four_channels_keep_theirs_or_the_node_says_why_not(server: Server) -> None:
    prompt = {
        **cut_out(),
        "webp": node("AnimateXEncodeVideo", images=["cut out", 2], format="webp", **VIDEO),
        "mp4": node("AnimateXEncodeVideo", images=["cut out", 2], format="mp4", **VIDEO),
    }
    history, shown = run_and_listen(server, prompt)
    assert "An mp4 has no transparency" in shown["mp4"]
    (path,) = saved(server, history, "webp")
    with Image.open(path) as animation:
        found = np.stack([np.asarray(each.convert("RGBA")) for each in ImageSequence.Iterator(animation)])
    np.testing.assert_array_equal(found[..., 3], expected()[..., 3])


@pytest.mark.parametrize(("trim", "form"), [("each frame", "hash"), ("all frames", "array")])
def test_an_engine_shows_the_frames_of_a_sheet(server: Server, trim: str, form: str) -> None:
    layout = LAYOUT | {"trim": trim, "form": form}
    sheet = node("AnimateXSpriteSheet", images=["cut out", 2], **layout)
    prompt = {**cut_out(), "sheet": sheet, "json": node("PreviewAny", source=["sheet", 1])}
    history = server.run(prompt)
    (preview,) = saved(server, history, "sheet")
    shown, true = np.stack(read_back(preview.with_suffix(".png"))), expected()
    visible = true[..., 3] > 0
    np.testing.assert_array_equal(shown[visible], true[visible])
    assert not shown[~visible, 3].any()
    described = json.loads(preview.with_suffix(".json").read_text(encoding="utf-8"))
    assert json.loads(history["outputs"]["json"]["text"][0]) == described
    with Image.open(preview) as animation:
        assert getattr(animation, "n_frames", 1) == COUNT


MASKED_MP4 = node("AnimateXEncodeVideo", images=BATCH, mask=["character", 1], format="mp4", **VIDEO)
SMALL_SHEET = node("AnimateXSpriteSheet", images=BATCH, **LAYOUT | {"max_size": 100})


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (cut_out(reference=None, mask=None), "no single color along its border"),
        (cut_out(reference=None, background="blurple", mask=None), "is not a color"),
        (cut_out(reference=None, background="#ff00ff", mask=None), "but hardly any pixel along the border"),
        (cut_out(reference=None, mask=["small", 0]), "masks are 16x16, but the frames"),
        ({**frames(), "cut out": MASKED_MP4}, "cannot store transparency"),
        ({**frames(), "cut out": SMALL_SHEET}, "need a sheet of about"),
    ],
)
def test_bad_input_is_one_sentence(server: Server, prompt: Prompt, words: str) -> None:
    given = {name: value for name, value in prompt["cut out"]["inputs"].items() if value is not None}
    small = node("SolidMask", value=1.0, width=16, height=16)
    half = node("SolidMask", value=0.0, width=8, height=8)
    mixed = node("MaskComposite", destination=["full", 0], source=["half", 0], x=4, y=4, operation="multiply")
    target = {"class_type": prompt["cut out"]["class_type"], "inputs": given}
    shown = node("PreviewAny", source=["cut out", 0])
    others = {"full": small, "half": half, "small": mixed, "character": node("LoadImage", image="sprite.png")}
    complaint = server.complaint({**prompt, **others, "cut out": target, "shown": shown})
    assert words in complaint
    assert "\n" not in complaint
