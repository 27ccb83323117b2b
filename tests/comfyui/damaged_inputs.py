"""Prompts that must fail with a sentence: damaged files, files with wrong names, bad values."""

import json
from pathlib import Path
from typing import Any

from tests.comfyui.graphs import BUILT_IN, Prompt, node
from tests.comfyui.workflow_samples import FOLDER

DASH = """<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"
mediaPresentationDuration="PT2S" minBufferTime="PT1S" profiles="urn:mpeg:dash:profile:isoff-main:2011">
<Period><AdaptationSet mimeType="video/mp4" contentType="video">
<Representation id="1" bandwidth="1000" width="64"
height="64"><BaseURL>file://{path}</BaseURL><SegmentList duration="2"><SegmentURL media="file://{path}"/>
</SegmentList></Representation></AdaptationSet></Period></MPD>"""
LIVE = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\n{path}\n"


def damaged_prompts(base: Path) -> dict[str, Prompt]:
    """Write damaged files into the folders of a server, and return twenty prompts by what they try."""
    dance = (FOLDER / "inputs" / "animate-x-dance.mp4").read_bytes()
    (base / "private").mkdir(exist_ok=True)
    private = base / "private" / "secret.mp4"
    private.write_bytes(dance)
    videos = {
        "empty.mp4": b"",
        "text.mp4": b"no video at all",
        "manifest.mp4": DASH.format(path=private).encode(),
        "playlist.mp4": LIVE.format(path=private).encode(),
        "head.mp4": dance[:2000],
        "picture.mp4": (FOLDER / "inputs" / "animate-x-character.png").read_bytes()[:500],
    }
    poses = {
        "text.json": b"no poses",
        "latin1.json": b'{"people": ["\xe9"]}',
        "number.json": b"3",
        "nothing.json": b"[]",
        "deep.json": b"[" * 100_000 + b"]" * 100_000,
        "crowd.json": json.dumps({"people": [{}] * 200_000}).encode(),
    }
    weights = {
        "damaged.safetensors": b"\xff" * 9,
        "huge.safetensors": (1 << 60).to_bytes(8, "little") + b"{}",
    }
    for name, content in {**videos, **poses}.items():
        (base / "input" / name).write_bytes(content)
    (base / "models" / "animate_x").mkdir(exist_ok=True)
    for name, content in weights.items():
        (base / "models" / "animate_x" / name).write_bytes(content)
    return {
        **{name: _driving(name) for name in videos},
        **{name: _poses(name) for name in poses},
        **{name: _model(name) for name in weights},
        "surrogate": _model("\ud800"),
        "no name": _model(7),
        "missing poses": _poses("missing.json"),
        "outside": _written("../../escaped"),
        "format from a link": _written("clip", format=["anything", 0]),
        "rate from a link": _written("clip", fps=["anything", 0]),
    }


def _driving(file: str) -> Prompt:
    return {
        "video": node("LoadVideo", file=file),
        "frames": node("AnimateXDrivingFrames", video=["video", 0], frames=2, stride=1, start=0.0, end=0.0),
        "shown": node("PreviewImage", images=["frames", 0]),
    }


def _poses(file: str) -> Prompt:
    return {
        "poses": node("AnimateXLoadPoses", file=file, person="best"),
        "shown": node("PreviewAny", source=["poses", 0]),
    }


def _model(name: object) -> Prompt:
    return {
        "model": node("AnimateXLoadModel", model_name=name, weight_dtype="default"),
        "encoders": node("AnimateXLoadEncoders", clip_vision_name=BUILT_IN, vae_name=BUILT_IN),
        "shown": node("PreviewAny", source=["model", 0]),
    }


def _written(prefix: str, **values: Any) -> Prompt:
    ordinary = {"fps": 12.0, "format": "mp4", "quality": 7.0, "save_metadata": False}
    return {
        "anything": node("PrimitiveString", value="/../../../escaped/x"),
        "pictures": node("EmptyImage", width=16, height=16, batch_size=2, color=0),
        "written": node(
            "AnimateXEncodeVideo",
            **{"images": ["pictures", 0], "filename_prefix": prefix, **ordinary, **values},
        ),
    }
