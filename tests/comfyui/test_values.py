"""Values of every type in every input, from the graph and from other nodes, on a log that prints cp1252."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.comfyui.graphs import BUILT_IN, Prompt, node, put_inputs
from tests.comfyui.hosts import Host
from tests.comfyui.server import PACK, Refused, Server, cached_nodes, failure, serving
from tests.comfyui.valid_graph import NEED_WAN, asked_for, put_clip, spoiled, valid_graph

pytestmark = pytest.mark.plain_mode

KOREAN = "모델"
NAMES = [
    "\ud800",
    f"{KOREAN}\udcff.safetensors",
    f"{KOREAN}.json",
    "a\0b",
    "a\nb",
    "x" * 100_000,
    "a/" * 50_000,
    "",
    "../../outside",
    "/etc/passwd",
]
VALUES: list[object] = [None, True, -1, 10**40, float("nan"), "text", ["a"], {}]
ORDINARY = {"frames": node("EmptyImage", width=16, height=16, batch_size=1, color=0)}
INPUTS = [
    (node_id, name)
    for node_id, each in sorted(valid_graph().items())
    for name in sorted(each["inputs"])
    if each["class_type"].startswith("AnimateX")
]
TEXTS = [
    (node_id, name) for node_id, name in INPUTS if isinstance(valid_graph()[node_id]["inputs"][name], str)
]


@pytest.fixture(scope="module")
def any_server(comfyui: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A ComfyUI whose log prints cp1252, with a node that gives any value."""
    if comfyui.dynamic_vram:
        pytest.skip("values do not depend on how memory is managed")
    base = tmp_path_factory.mktemp("values")
    (base / "custom_nodes" / "any").mkdir(parents=True)
    shutil.copyfile(
        Path(__file__).with_name("probes") / "any_node.py", base / "custom_nodes" / "any" / "__init__.py"
    )
    options = "--whitelist-custom-nodes", PACK, "any"
    with serving(comfyui, base, *options, environment={"PYTHONIOENCODING": "cp1252"}) as running:
        put_inputs(running.base / "input")
        put_clip(running.base / "input")
        yield running


def outcome(server: Server, prompt: Prompt) -> str:
    """Run a prompt; return what the pack said, empty where it ran or ComfyUI refused it."""
    try:
        history = server.wait(server.post(prompt))
    except Refused as refused:
        return "" if refused.answer["node_errors"] else str(refused)
    events = dict(history["status"]["messages"])
    if "execution_error" in events:
        kind = events["execution_error"]["exception_type"]
        assert ".animatex_core.errors." in kind, f"{kind}: {failure(history)}"
    said = failure(history)
    assert "\n" not in said
    assert len(said) < 2000
    return said


def lives(server: Server) -> bool:
    """Whether the server still runs prompts."""
    return bool(server.run(asked_for(ORDINARY, "frames"))["outputs"]["shown"])


def everything_in(base: Path) -> set[Path]:
    return {path for path in base.rglob("*") if path.is_file() and "temp" not in path.parts}


@pytest.mark.parametrize("node_id", sorted(set(valid_graph()) - set(NEED_WAN)))
def test_the_graph_itself_runs(any_server: Server, node_id: str) -> None:
    any_server.run(asked_for(valid_graph(), node_id))


def test_the_graph_has_every_node(any_server: Server) -> None:
    known = {name for name in any_server.ask("/object_info") if name.startswith("AnimateX")}
    assert known == {each["class_type"] for each in valid_graph().values()} & known


@pytest.mark.parametrize("linked", [False, True], ids=["in the graph", "linked"])
@pytest.mark.parametrize(("node_id", "name"), TEXTS)
def test_no_name_stops_the_server(any_server: Server, node_id: str, name: str, linked: bool) -> None:
    for value in [*NAMES, *([] if linked else [*VALUES, {"__value__": ["a", "b", "c"]}])]:
        outcome(any_server, spoiled(node_id, name, value, linked=linked))
    assert lives(any_server)


@pytest.mark.one_host  # what a node does with values from other nodes is the pack's own doing
@pytest.mark.parametrize(("node_id", "name"), INPUTS)
def test_any_value_of_another_node_is_taken_or_one_sentence(
    any_server: Server, node_id: str, name: str
) -> None:
    outside = everything_in(any_server.base) - everything_in(any_server.base / "output")
    for value in VALUES:
        outcome(any_server, spoiled(node_id, name, value, linked=True))
    now = everything_in(any_server.base) - everything_in(any_server.base / "output")
    assert {path for path in now - outside if "user" not in path.parts} == set()
    assert lives(any_server)


class TestPlainMeaning:
    @pytest.mark.parametrize(
        ("node_id", "name", "value"),
        [
            ("sampler", "cfg", "1.5"),
            ("sampler", "cfg", 2),
            ("sampler", "steps", 2.0),
            ("sampler", "steps", " 2 "),
            ("encode", "fps", "12"),
            ("encode", "filename_prefix", 5),
            ("encode", "save_metadata", "false"),
            ("encode", "save_metadata", 1),
            ("encode", "audio", None),
            ("encode", "video", None),
            ("retarget", "reference_pose", None),
            ("retarget", "mask", None),
            ("retarget", "mask_shows", None),
            ("smooth", "person", 0),
            ("extract", "person", 0.0),
        ],
    )
    def test_is_taken(self, any_server: Server, node_id: str, name: str, value: object) -> None:
        any_server.run(spoiled(node_id, name, value, linked=True))

    @pytest.mark.parametrize("node_id", ["extract", "smooth", "poses"])
    @pytest.mark.parametrize("person", [0, 0.0, "0"])
    def test_a_person_may_be_a_number_in_the_graph(
        self, any_server: Server, node_id: str, person: object
    ) -> None:
        any_server.run(spoiled(node_id, "person", person, linked=False))

    def test_a_number_as_a_prefix_is_written_as_people_do(self, any_server: Server) -> None:
        (path,) = any_server.files(any_server.run(spoiled("encode", "filename_prefix", 5.0, linked=True)))
        assert path.name.startswith("5_0")


@pytest.mark.parametrize(
    ("node_id", "name", "value", "said"),
    [
        ("encode", "format", "/../../../escaped/x", "format is '/../../../escaped/x', one of: mp4"),
        ("encode", "format", "video/h264-mp4", "format is 'video/h264-mp4', one of: mp4, webm"),
        ("encode", "format", "MP4", "format is 'MP4', one of: mp4, webm, gif, png, mov, webp, apng."),
        ("encode", "fps", 0, "fps is 0, a number from 0.1 to 1000."),
        ("encode", "fps", float("nan"), "fps is nan, a number from 0.1 to 1000."),
        ("encode", "fps", float("inf"), "fps is inf, a number from 0.1 to 1000."),
        ("encode", "fps", None, "fps is None, a number from 0.1 to 1000."),
        ("encode", "filename_prefix", None, "filename_prefix is None, text."),
        ("encode", "save_metadata", "maybe", "save_metadata is 'maybe', true or false."),
        ("encode", "images", "text", "images is 'text', IMAGE (a tensor of images"),
        ("encode", "audio", {"waveform": 1}, "audio is of type dict, AUDIO (a dictionary with"),
        ("encode", "video", "clip.mp4", "video is 'clip.mp4', VIDEO (for example from"),
        ("sampler", "cfg", 1e9, "cfg is 1000000000.0, a number from 0 to 100."),
        ("sampler", "steps", -1, "steps is -1, a number from 1 to 1000."),
        ("sampler", "steps", 2.5, "steps is 2.5, a whole number from 1 to 1000."),
        ("sampler", "model", "any", "model is 'any', MODEL (from a model loader): connect one."),
        ("sampler", "latent_image", {}, "latent_image is of type dict, LATENT (a dictionary"),
        ("sampler", "positive", [["text", {}]], "positive is of type list, CONDITIONING (a list"),
        ("retarget", "drop", None, "drop is None, text."),
        ("retarget", "mask", 1, "mask is 1, MASK (a tensor of masks"),
        ("retarget", "mode", "stretch", "mode is 'stretch', one of: none, align, retarget."),
        ("draw", "poses", None, "poses is None, POSE_KEYPOINT"),
        ("features", "clip_vision", {}, "clip_vision is of type dict, CLIP_VISION"),
        ("condition", "features", [], "features is of type list, ANIMATEX_FEATURES (the output of"),
        ("condition", "vae", "vae", "vae is 'vae', VAE (from a VAE loader): connect one."),
        ("extract", "dwpose", 5, "dwpose is 5, ANIMATEX_DWPOSE (the output of Load DWPose"),
        ("model", "model_name", {"a": 1}, "model_name is of type dict, text."),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(
    any_server: Server, node_id: str, name: str, value: object, said: str
) -> None:
    before = everything_in(any_server.base / "output")
    found, expected = outcome(any_server, spoiled(node_id, name, value, linked=True)).split(
        ", but it must be "
    )
    assert f"{found}, {expected}".startswith(said)
    assert everything_in(any_server.base / "output") == before


@pytest.mark.one_host
@pytest.mark.parametrize(
    ("node_id", "name", "python", "said"),
    [
        ("condition", "reference", "torch.zeros(1, 0, 8, 3)", "reference is a tensor of shape (1, 0, 8, 3)"),
        ("condition", "reference", "torch.zeros(1, 8, 8, 3).to_sparse()", "reference is a tensor of shape"),
        ("condition", "reference", "torch.zeros(1, 8, 8, 3, device='meta')", "reference is a tensor"),
        ("retarget", "mask", "torch.zeros(1, 8, 8, dtype=torch.complex64)", "mask is a tensor of shape"),
        ("encode", "audio", "{'waveform': torch.zeros(1, 1, 9), 'sample_rate': 10**12}", "audio is of type"),
        ("encode", "audio", "{'waveform': torch.zeros(1, 1, 9), 'sample_rate': float('inf')}", "audio is of"),
        ("encode", "audio", "{'waveform': torch.zeros(1, 1, 9).bool(), 'sample_rate': 8000}", "audio is of"),
        ("smooth", "poses", "[{'people': torch.zeros(3, 18, 3)}]", "frame 0 of poses has people of type"),
        ("extract", "person_box", "{'x': torch.zeros(3), 'y': 1, 'width': 2, 'height': 2}", "person_box has"),
        ("sampler", "positive", "[[torch.zeros(1), {'animatex': 5}]]", "The conditioning was not made for"),
        ("sampler", "negative", "[[torch.zeros(1), {'animatex': None}]]", "The conditioning was not made"),
        ("plus", "plus_name", "'built-in (small)'", "plus_name is built-in (small), but Animate-X++ has"),
    ],
)
def test_objects_of_other_nodes_are_one_sentence(
    any_server: Server, node_id: str, name: str, python: str, said: str
) -> None:
    prompt = spoiled(node_id, name, None, linked=True)
    (giver,) = (each for each in prompt.values() if each["class_type"] == "TestAnyValue")
    giver["inputs"]["text"] = f"python:{python}"
    assert outcome(any_server, prompt).startswith(said)


class TestFiles:
    @pytest.mark.parametrize("name", [os.fsencode(f"{KOREAN}.safetensors"), b"\xff.safetensors"])
    @pytest.mark.parametrize("linked", [False, True])
    def test_a_damaged_one_of_any_name_is_one_sentence(
        self, any_server: Server, name: bytes, linked: bool
    ) -> None:
        folder = any_server.base / "models" / "animate_x"
        folder.mkdir(exist_ok=True)
        path = Path(os.fsdecode(os.path.join(os.fsencode(folder), name)))
        path.write_bytes(b"no weights")
        try:
            said = outcome(any_server, spoiled("model", "model_name", path.name, linked=linked))
        finally:
            path.unlink()
        assert "is a text file and not weights" in said
        assert lives(any_server)

    def test_a_node_with_any_id_shows_its_warning(self, any_server: Server) -> None:
        loader = node("AnimateXLoadModel", model_name="automatic", weight_dtype="default")
        shown = node("PreviewAny", source=["\ud800", 0])
        any_server.run({"\ud800": loader, "shown": shown})

    def test_a_loader_that_nobody_asks_for_may_hold_anything(self, any_server: Server) -> None:
        loaders = ["model", "encoders", "dwpose", "poses", "plus", "motion"]
        idle = {name: valid_graph()[name] | {"inputs": {}} for name in loaders}
        spoilt = {
            f"{name} {index}": node(
                valid_graph()[name]["class_type"], **dict.fromkeys(valid_graph()[name]["inputs"], value)
            )
            for name in loaders
            for index, value in enumerate([*NAMES, *VALUES])
        }
        any_server.run({**idle, **spoilt, **asked_for(ORDINARY, "frames")})
        assert lives(any_server)


LOADED = [
    ("model", "model_name", BUILT_IN),
    ("encoders", "clip_vision_name", BUILT_IN),
    ("encoders", "vae_name", BUILT_IN),
    ("dwpose", "detector", BUILT_IN),
    ("dwpose", "estimator", BUILT_IN),
    ("poses", "file", "dance.json"),
    ("poses", "person", "best"),
    ("motion", "file", "dance.bvh"),
    ("driving", "frames", 2),
]


class TestLoadedOnce:
    @pytest.mark.parametrize(("node_id", "name", "value"), LOADED)
    def test_a_loader_whose_input_another_node_gives_runs_once(
        self, any_server: Server, node_id: str, name: str, value: Any
    ) -> None:
        prompt = spoiled(node_id, name, value, linked=True)
        any_server.run(prompt)
        assert node_id in cached_nodes(any_server.run(prompt))

    def test_saved_poses_do_not_make_the_poses_load_again(self, any_server: Server) -> None:
        prompt = spoiled("poses", "file", "dance.json", linked=True)
        prompt["save"] = valid_graph()["save"]
        any_server.run(prompt)
        assert {"poses", "save"} <= cached_nodes(any_server.run(prompt))

    def test_a_file_that_was_replaced_is_read_again(self, any_server: Server) -> None:
        prompt = spoiled("poses", "file", "dance.json", linked=True)
        any_server.run(prompt)
        os.utime(any_server.base / "input" / "dance.json", ns=(0, 0))
        assert "poses" not in cached_nodes(any_server.run(prompt))
