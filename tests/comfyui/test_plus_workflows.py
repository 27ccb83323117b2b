"""Every Animate-X++ workflow on a real server, with generated networks in files of the real form."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from animatex_core.hub.models_dir import Variant
from tests.comfyui.graphs import node
from tests.comfyui.graphs import put_inputs as put_poses
from tests.comfyui.hosts import Host, installations
from tests.comfyui.server import Server, serving
from tests.comfyui.small_comfyui import small_host, write_plus_modules, write_small_models
from tests.comfyui.workflow_samples import changed, put_inputs, read_prompt

pytestmark = pytest.mark.plain_mode

av = pytest.importorskip("av", reason="ComfyUI's packages are missing")
SIZE, STEPS, FPS = (64, 96), 2, 24
POSED = 5  # frames
WORKFLOWS: dict[str, tuple[Variant, int]] = {  # which modules, and how many frames
    "plus-as-released": ("simple", 9),
    "plus-few-steps": ("simple", 9),
    "plus-long-clip": ("simple", 61),
    "plus-text-driven-background": ("full", 9),
}


@pytest.fixture(scope="session")
def small_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wan") / "models"
    write_small_models(folder)
    return folder


@pytest.fixture(scope="module")
def wan_server(
    comfyui: Host, small_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    base = tmp_path_factory.mktemp("wan_server")
    (base / "models").symlink_to(small_models, target_is_directory=True)
    with serving(small_host(comfyui, tmp_path_factory.mktemp("host")), base) as running:
        put_inputs(base / "input")
        put_poses(base / "input", POSED)
        yield running


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_clip_with_sound_comes_out(
    comfyui: Host, wan_server: Server, small_models: Path, name: str
) -> None:
    if name == "plus-long-clip" and comfyui != installations()[-1]:
        pytest.skip("it takes two minutes, and long videos are sampled in the same windows in every version")
    variant, frames = WORKFLOWS[name]
    write_plus_modules(small_models, variant)
    prompt = changed(
        read_prompt(name),
        PrimitiveInt={"value": frames},
        AnimateXPlusReference={"width": SIZE[0], "height": SIZE[1]},
        KSampler={"steps": STEPS},
    )
    files = wan_server.files(wan_server.run(prompt))
    (path,) = (file for file in files if file.suffix == ".mp4")
    with av.open(str(path)) as clip:
        video, sound = clip.streams.video[0], clip.streams.audio[0]
        assert (video.width, video.height) == SIZE
        assert video.average_rate == Fraction(FPS)
        pictures = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video)]
        clip.seek(0)
        heard = np.concatenate([part.to_ndarray()[0] for part in clip.decode(sound)])
    assert len(pictures) == frames
    assert np.std(pictures[0]) > 1, "a flat picture came out"
    assert np.abs(heard).max() > 0.1


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("WanAnimateToVideo", {"continue_motion_max_frames": 5, "video_frame_offset": 0}),
        (
            "WanSCAILToVideo",
            {
                "pose_strength": 1.0,
                "pose_start": 0.0,
                "pose_end": 1.0,
                "video_frame_offset": 0,
                "previous_frame_count": 5,
            },
        ),
    ],
)
def test_other_video_models_take_the_pictures_of_poses(
    wan_server: Server, kind: str, inputs: dict[str, Any]
) -> None:
    if kind not in wan_server.ask("/object_info"):
        pytest.skip(f"this version of ComfyUI has no {kind}")
    size = {"width": SIZE[0], "height": SIZE[1], "length": POSED, "batch_size": 1}
    texts = {"positive": ["text", 0], "negative": ["text", 0]}
    prompt = {
        "clip": node("CLIPLoader", clip_name="umt5_xxl_fp8_e4m3fn_scaled.safetensors", type="wan"),
        "text": node("CLIPTextEncode", clip=["clip", 0], text="a rabbit"),
        "vae": node("VAELoader", vae_name="wan_2.1_vae.safetensors"),
        "poses": node("AnimateXLoadPoses", file="dance.json", person="best"),
        "drawn": node("AnimateXDrawPoses", poses=["poses", 0], width=SIZE[0], height=SIZE[1]),
        "video": node(kind, vae=["vae", 0], pose_video=["drawn", 0], **texts, **size, **inputs),
        "latents": node("SaveLatent", samples=["video", 2], filename_prefix="latents/other"),
    }
    assert wan_server.run(prompt)["outputs"]["latents"]
