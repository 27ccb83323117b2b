"""Every Animate-X++ workflow on a real server, with generated networks in files of the real form."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from animatex_core.plus.config import Variant
from tests.host.hosts import Host
from tests.host.server import Server, serving
from tests.host.small_wan_host import small_host, write_plus_modules, write_small_models
from tests.host.workflow_samples import changed, put_inputs, read_prompt

av = pytest.importorskip("av", reason="ComfyUI's packages are missing")
SIZE, STEPS, FPS = (64, 96), 2, 24
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
        yield running


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_clip_with_sound_comes_out(wan_server: Server, small_models: Path, name: str) -> None:
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
