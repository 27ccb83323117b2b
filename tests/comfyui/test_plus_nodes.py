"""The nodes of Animate-X++, from files, poses and a picture to a sampled clip."""

from typing import Any

import pytest

from tests.comfyui.graphs import node
from tests.comfyui.hosts import Host
from tests.comfyui.probes.runner import run_probe
from tests.comfyui.server import Server

TOLERANCE, ROUNDING = 5e-5, 3e-7


@pytest.fixture(scope="module")
def found(comfyui: Host) -> dict[str, Any]:
    return run_probe("plus_nodes", comfyui)


class TestApply:
    @pytest.mark.parametrize("case", ["full", "simple", "half as strong, without noise"])
    def test_from_a_file_to_the_clip_it_is_the_released_computation(self, found: dict, case: str) -> None:
        assert found["whole_graph"][case] < TOLERANCE
        assert found["whole_graph"]["effect"] > 0.1

    @pytest.mark.parametrize(
        ("stored", "computed", "error"),
        [("bfloat16", "bfloat16", 0.05), ("float16", "float16", 0.01), ("float8_e4m3fn", "float32", 0.2)],
    )
    def test_weights_may_be_of_any_type(self, found: dict, stored: str, computed: str, error: float) -> None:
        dtype, apart = found["weights_of_other_types"][f"torch.{stored}"]
        assert dtype == f"torch.{computed}"
        assert apart < error

    def test_without_strength_it_is_the_plain_model_to_the_bit(self, found: dict) -> None:
        assert found["no_strength"]["difference"] == 0

    def test_nothing_of_it_is_left_on_what_came_in(self, found: dict) -> None:
        assert found["nothing_leaks"] == {"difference": 0, "patches": 0, "conditioning": True}

    def test_poses_in_a_picture_of_another_size_are_drawn_in_that_of_the_clip(self, found: dict) -> None:
        assert found["poses_of_another_picture"]["differ"]

    def test_missing_features_of_the_picture_are_reported(self, found: dict) -> None:
        (sentence,) = found["warned"]
        assert sentence.startswith(
            "Wan does not get the CLIP features of the start image: connect clip_vision_output"
        )


class TestLora:
    def test_merged_weights_are_those_of_the_reference(self, found: dict) -> None:
        assert found["merged_lora"]["layers"] == 60
        assert found["merged_lora"]["weights"] < ROUNDING
        assert found["merged_lora"]["left behind"] == 0

    @pytest.mark.parametrize("case", ["cond_full", "plain"])
    def test_the_merged_model_answers_as_released(self, found: dict, case: str) -> None:
        assert found["merged_lora"][case] < TOLERANCE


class TestModules:
    def test_comfyui_can_move_every_weight(self, found: dict) -> None:
        modules = found["modules_in_the_hosts_hands"]
        assert modules["known to the host"]
        assert modules["never moved"] == []

    def test_partly_loaded_they_compute_the_same(self, found: dict) -> None:
        modules = found["modules_in_the_hosts_hands"]
        assert modules["waiting"] > 10
        assert modules["difference"] == 0

    def test_what_they_say_comes_in_the_type_of_wan(self, found: dict) -> None:
        assert found["modules_in_the_hosts_hands"]["types"] == [
            "torch.float32",
            "torch.bfloat16",
            "torch.bfloat16",
        ]


class TestReference:
    def test_picture_and_what_clip_looks_at_are_the_released_ones(self, found: dict) -> None:
        assert found["reference"]["picture"] < ROUNDING
        assert found["reference"]["looked at"] < 1e-6
        assert found["reference"]["size"] == [48, 64]

    def test_features_have_the_form_of_comfyuis_own_but_not_their_values(self, found: dict) -> None:
        assert found["reference"]["features"] == found["reference"]["as ComfyUI has them"]
        assert found["reference"]["unlike ComfyUI's own"] > 0.01

    def test_latents_of_a_shorter_clip_begin_those_of_a_longer(self, found: dict) -> None:
        assert found["a_shorter_picture_is_the_beginning_of_a_longer_one"] == 0


class TestFiles:
    def test_files_of_other_models_are_not_offered(self, found: dict) -> None:
        assert found["files_that_are_offered"]["plus"] == ["animate-x++.ckpt", "mine.safetensors"]
        assert not any("plus" in name or "+" in name for name in found["files_that_are_offered"]["Animate-X"])

    def test_automatic_prefers_what_authors_recommend(self, found: dict) -> None:
        files = found["files_that_are_offered"]
        assert files["recommended"] == "animate-x++.ckpt"
        assert files["by what it says"] == "mine.safetensors"
        assert files["converted"] == "animate-x-plus.safetensors"
        assert files["variant"] == "full"
        assert files["simple first"] == "animate-x-plus-simple.safetensors"


def test_on_a_server_the_loader_says_what_to_get(server: Server) -> None:
    loader = node("AnimateXLoadPlus", plus_name="automatic")
    said = server.complaint({"plus": loader, "shown": node("PreviewAny", source=["plus", 0])})
    assert said.startswith("animate-x++_simple.ckpt is not in ComfyUI's folder models/animate_x: get it with")


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("not Wan", "The MODEL is not Wan 2.1 image-to-video: load wan2.1_i2v_720p_14B or"),
        ("text to video", "The MODEL is not Wan 2.1 image-to-video: load"),
        ("another Wan", "The MODEL has tokens of width 192, but Animate-X++ needs 96: load"),
        ("no picture", "positive and negative are not of one video with a start image: connect both outputs"),
        ("two clips", "positive and negative are not of one video with a start image: connect"),
        ("other CLIP", "clip_vision_output of WanImageToVideo is 1024 wide, but Wan 2.1 needs 1280: load"),
        ("too few poses", "There are 5 poses, but WanImageToVideo makes 9 frames: set its length"),
        ("not 4n + 1", "the number of poses is 8, but Wan makes videos of 4n + 1 frames: use 9."),
        ("no clip_vision", "The full variant of Animate-X++ encodes the driving frames, but"),
        ("no frames", "The full variant of Animate-X++ encodes the driving frames, but"),
        ("too few frames", "There are 5 driving frames, but poses of 9: use frames and poses of the same"),
        ("twice", "Apply Animate-X++ was already applied to the MODEL"),
        ("ends before it starts", "start_percent is 0.8, but end_percent is 0.2: set end_percent to 0.8"),
        ("LoRA of another", "other.ckpt has 60 LoRA layers of another size than the transformer's"),
        (
            "no file",
            "animate-x++_simple.ckpt is not in ComfyUI's folder models/animate_x: get it with "
            "`python -m animatex_core models download animate-x-plus-simple-modules --folder",
        ),
        ("gone", "gone.ckpt is no longer in ComfyUI's models folders: choose another file."),
    ],
)
def test_what_does_not_fit_is_one_sentence(found: dict, case: str, said: str) -> None:
    assert found["complaints"][case].startswith(said)
    assert found["complaints"][case].endswith(".")
    assert found["complaints"][case].count(". ") == 0
