"""The shipped workflows on a real server, smaller than they are, but for that at their own settings."""

import json
import urllib.error
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from animatex_core.video.info import probe
from animatex_core.video.reader import read_frames
from tests.comfyui.enlarging_models import FACTOR, write_interpolator, write_upscaler
from tests.comfyui.server import Server, cached_nodes
from tests.comfyui.workflow_samples import (
    NAMES,
    Prompt,
    changed,
    followers,
    lack_of_nodes,
    node_of,
    put_inputs,
    read_graph,
    read_prompt,
)
from workflow_tools.graphs import workflows
from workflow_tools.needed_files import CORES_OWN
from workflow_tools.schema import read_schemas
from workflow_tools.ui_form import ui_form

pytestmark = pytest.mark.plain_mode

av = pytest.importorskip("av", reason="ComfyUI's packages are missing")
SMALL = (128, 192)
CLIPS = {  # what each of them makes: frames, size, frames a second
    "animate-a-character": (16, SMALL, 12),
    "long-clip": (32, SMALL, 12),
    "retarget-with-mask": (16, SMALL, 12),
    "ksampler": (16, SMALL, 12),
    "few-steps": (16, SMALL, 12),
    "extract-poses": (64, (256, 384), 24),
    "upscale": (16, (256, 384), 12),
}
MOST_GROWTH = 32 << 20  # bytes


@pytest.fixture(scope="module")
def equipped(server: Server) -> Server:
    """The server, with the files that the workflows name."""
    put_inputs(server.base / "input")
    return server


@pytest.mark.one_host
def test_files_are_what_their_descriptions_and_todays_nodes_give(equipped: Server) -> None:
    schemas = read_schemas(equipped.ask("/object_info"))
    stale = [made.name for made in workflows() if ui_form(made, schemas) != read_graph(made.name)]
    assert stale == [], "run `python -m workflow_tools`"


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("plus")])
def test_a_prompt_lacks_nothing_but_model_files(equipped: Server, name: str) -> None:
    try:
        answer = equipped.ask("/prompt", {"prompt": read_prompt(name)})
    except urllib.error.HTTPError as error:
        answer = json.loads(error.read())
    else:
        equipped.wait(answer["prompt_id"])  # of the nodes that need none of the files
    errors = [error for node in answer["node_errors"].values() for error in node["errors"]]
    assert {error["type"] for error in errors} == {"value_not_in_list"}, errors
    assert all(error["extra_info"]["received_value"].endswith((".safetensors", ".bin")) for error in errors)


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_with_sound_comes_out(equipped: Server, name: str) -> None:
    assert_sounding_clip(equipped, equipped.run(sized(read_prompt(name), SMALL)), *CLIPS[name])


def assert_sounding_clip(
    server: Server, history: dict, frames: int, size: tuple[int, int], fps: float
) -> None:
    """Require that a prompt made one video of these frames, with sound of the same length."""
    (path,) = (file for file in server.files(history) if file.suffix == ".mp4")
    with av.open(str(path)) as clip:
        picture, sound = clip.streams.video[0], clip.streams.audio[0]
        assert (picture.width, picture.height) == size
        assert picture.average_rate == Fraction(fps)
        assert len(list(clip.decode(picture))) == frames
        clip.seek(0)
        heard = np.concatenate([part.to_ndarray()[0] for part in clip.decode(sound)])
    assert abs(len(heard) / sound.rate - frames / fps) < 0.1
    assert np.abs(heard).max() > 0.1


def test_models_of_comfyui_enlarge_the_frames_and_add_some(equipped: Server) -> None:
    name = "upscale-and-interpolate"
    if reason := lack_of_nodes(name, equipped.ask("/object_info")):
        pytest.skip(reason)
    for kind, write in (
        ("UpscaleModelLoader", write_upscaler),
        ("FrameInterpolationModelLoader", write_interpolator),
    ):
        file, _, folder = CORES_OWN[kind]
        write(equipped.base / "models" / folder / file)
    width, height = 64, 64
    prompt = changed(sized(read_prompt(name), (width, height)), AnimateXDrivingFrames={"frames": 4})
    for kind in ("VAEDecode", "FrameInterpolate"):
        shown = {"images": [node_of(prompt, kind), 0]}
        prompt[kind] = {"class_type": "PreviewImage", "inputs": shown}
    history = equipped.run(prompt)
    assert_sounding_clip(equipped, history, 7, (width * FACTOR, height * FACTOR), 24)
    small, found = (previews(equipped, history, kind) for kind in ("VAEDecode", "FrameInterpolate"))
    repeated = small.repeat(FACTOR, axis=1).repeat(FACTOR, axis=2)
    assert np.abs(found[::2] - repeated).max() <= 1
    assert np.abs(found[1::2] - (repeated[:-1] + repeated[1:]) / 2).max() <= 1.5


def previews(server: Server, history: dict, node: str) -> np.ndarray:
    """Return the images (n, h, w, 3) that a node shows."""
    shown = server.files({"outputs": {node: history["outputs"][node]}})
    return np.stack([np.asarray(Image.open(file).convert("RGB")) for file in shown]).astype(float)


def test_a_character_comes_out_without_its_background(equipped: Server) -> None:
    history = equipped.run(sized(read_prompt("cut-out-and-sprite-sheet"), SMALL))
    files = {file.suffix: file for file in equipped.files(history) if file.parent.name != "temp"}
    clip = probe(files[".webm"])
    assert (clip.width, clip.height, clip.frames, clip.has_audio) == (*SMALL, 16, True)
    alpha = np.stack([frame[..., 3] for frame in read_frames(clip, alpha=True)])
    assert 0.05 < (alpha > 127).mean() < 0.6
    assert alpha[:, 0].max() < 32
    described = json.loads(files[".webp"].with_suffix(".json").read_text(encoding="utf-8"))
    assert len(described["frames"]) == 16


def test_motion_capture_makes_a_clip_without_sound(equipped: Server) -> None:
    files = equipped.files(equipped.run(sized(read_prompt("dance-from-motion-capture"), SMALL)))
    (path,) = (file for file in files if file.suffix == ".mp4")
    with av.open(str(path)) as clip:
        assert [stream.type for stream in clip.streams] == ["video"]
        frames = [frame.to_ndarray(format="gray") for frame in clip.decode(video=0)]
    assert [frame.shape for frame in frames] == [SMALL[::-1]] * 16
    assert np.abs(frames[0].astype(int) - frames[8]).max() > 50


def test_two_characters_dance_on_one_stage(equipped: Server) -> None:
    prompt = read_prompt("two-characters")
    prompt[node_of(prompt, "AnimateXDrivingFrames")]["inputs"]["frames"] = 8
    files = equipped.files(equipped.run(prompt))
    (clip,) = (probe(file) for file in files if file.suffix == ".mp4")
    assert (clip.width, clip.height, clip.frames, clip.has_audio) == (256, 192, 8, True)
    frames = np.stack(list(read_frames(clip))).astype(int)
    with Image.open(equipped.base / "input" / "animate-x-stage.png") as picture:
        stage = np.asarray(picture.convert("RGB").resize((256, 192), Image.Resampling.BOX)).astype(int)
    shown = np.abs(frames - stage).max(axis=-1) > 40
    for half in (shown[:, :, :128], shown[:, :, 128:]):
        assert 0.05 < half.mean() < 0.6
    assert shown[:, :, 124:132].mean() < 0.05  # the stage between them
    left, right = (
        np.abs(np.diff(frames[:, :, part], axis=0)).mean() for part in (slice(128), slice(128, 256))
    )
    assert left > 1
    assert right > 1


def test_a_picture_takes_a_pose(equipped: Server) -> None:
    history = equipped.run(sized(read_prompt("repose-a-picture"), SMALL))
    (path,) = (file for file in equipped.files(history) if file.parent.name == "output")
    with av.open(str(path)) as picture:
        (frame,) = picture.decode(video=0)
    assert (frame.width, frame.height) == SMALL


def test_poses_come_out_as_a_file(equipped: Server) -> None:
    prompt = read_prompt("extract-poses")
    output = equipped.run(prompt)["outputs"][node_of(prompt, "AnimateXSavePoses")]
    poses = json.loads((equipped.base / "output" / output["text"][0]).read_text(encoding="utf-8"))
    assert len(poses) == 64
    assert {len(frame["people"]) for frame in poses} == {1}


@pytest.mark.parametrize(("name", "sampler"), [("few-steps", "AnimateXSampler"), ("ksampler", "KSampler")])
def test_another_seed_runs_only_the_sampler_and_what_follows(
    equipped: Server, name: str, sampler: str
) -> None:
    prompt = small(read_prompt(name), sampler)
    equipped.run(prompt)
    again = changed(prompt, **{sampler: {"seed": 8}})
    ran = set(again) - cached_nodes(equipped.run(again))
    assert ran == followers(again, node_of(again, sampler))


def test_thirty_prompts_leave_the_memory_flat(equipped: Server) -> None:
    prompt = small(read_prompt("animate-a-character"), "AnimateXSampler")
    seeds = range(100, 130)
    queued = [equipped.post(changed(prompt, AnimateXSampler={"seed": seed})) for seed in seeds]
    memory = []
    for prompt_id in queued:
        assert equipped.wait(prompt_id)["status"]["status_str"] == "success"
        memory.append(equipped.memory())
    assert memory[-1] - memory[9] < MOST_GROWTH, memory


def sized(prompt: Prompt, size: tuple[int, int]) -> Prompt:
    """Return a prompt that makes a clip of that size, where it makes any."""
    if "AnimateXConditioning" not in {each["class_type"] for each in prompt.values()}:
        return prompt
    return changed(prompt, AnimateXConditioning={"width": size[0], "height": size[1]})


def small(prompt: dict, sampler: str) -> dict:
    """Return a prompt that takes a second."""
    part = {"AnimateXDrivingFrames": {"frames": 2}, "AnimateXConditioning": {"width": 64, "height": 64}}
    return changed(prompt, **part, **{sampler: {"seed": 7}})
