import os
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from animatex_core.hub.bundled import BUNDLED_MODELS, NOTICE
from tests.comfyui.graphs import Prompt, conditioned, put_inputs, sampled
from tests.comfyui.hosts import Host
from tests.comfyui.probes.runner import run_probe
from tests.comfyui.server import NOT_IN_LIST, Server, cached_nodes, serving

AUTOMATIC = "automatic"


@pytest.fixture(scope="module")
def own_server(comfyui: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A ComfyUI whose folders of models change."""
    with serving(comfyui, tmp_path_factory.mktemp("models")) as running:
        put_inputs(running.base / "input")
        yield running


@pytest.fixture
def models(own_server: Server) -> Iterator[Path]:
    """Its folder of models, emptied of files afterwards."""
    folder = own_server.base / "models"
    for key in ("animate_x", "diffusion_models", "clip_vision", "vae", "checkpoints"):
        (folder / key).mkdir(parents=True, exist_ok=True)
    yield folder
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        path.unlink()


@pytest.fixture(scope="module")
def encoders(comfyui: Host) -> dict[str, Any]:
    return run_probe("encoders", comfyui)


def write_bundle(path: Path) -> None:
    """Write the bundle of a small denoiser that understands the built-in encoders."""
    shutil.copyfile(BUNDLED_MODELS.denoiser, path)


def offered(server: Server, node: str = "AnimateXLoadModel", name: str = "model_name") -> list[str]:
    """Return the files that a loader offers now."""
    return server.ask(f"/object_info/{node}")[node]["input"]["required"][name][1]["options"][2:]


def loading(model: str) -> Prompt:
    """Load a model and see it run."""
    return sampled(conditioned(model))


class TestModel:
    def test_automatic_is_the_built_in_one_where_no_file_is(self, own_server: Server, models: Path) -> None:
        assert offered(own_server) == []
        assert own_server.run(loading(AUTOMATIC))["outputs"]["latents"]
        assert "No Animate-X model is in models/animate_x or models/diffusion_models." in own_server.log
        assert NOTICE in own_server.log

    def test_a_bundle_appears_without_a_restart_and_runs(self, own_server: Server, models: Path) -> None:
        (models / "animate_x" / "mine").mkdir(exist_ok=True)
        write_bundle(models / "animate_x" / "mine" / "any name.safetensors")
        (name,) = offered(own_server)
        assert name == os.path.join("mine", "any name.safetensors")
        assert own_server.run(loading(name))["outputs"]["latents"]

    def test_automatic_finds_a_bundle_by_what_it_says(self, own_server: Server, models: Path) -> None:
        write_bundle(models / "animate_x" / "mine.safetensors")
        (models / "animate_x" / "another.safetensors").write_text("no weights")
        history = own_server.run(loading(AUTOMATIC))
        assert "model" not in cached_nodes(history)
        assert "model" in cached_nodes(own_server.run(loading(AUTOMATIC)))

    def test_a_file_that_was_replaced_is_loaded_anew(self, own_server: Server, models: Path) -> None:
        path = models / "animate_x" / "replaced.safetensors"
        write_bundle(path)
        own_server.run(loading(path.name))
        os.utime(path, ns=(0, 0))
        assert "model" not in cached_nodes(own_server.run(loading(path.name)))

    def test_two_folders_may_hold_one_name(self, own_server: Server, models: Path) -> None:
        for folder in ("animate_x", "diffusion_models"):
            (models / folder / "Animate-X.pth").touch()
        assert offered(own_server) == ["Animate-X.pth", "Animate-X.pth (diffusion_models)"]

    def test_only_what_may_be_a_denoiser_is_offered(self, own_server: Server, models: Path) -> None:
        for name in ("yolox_l.onnx", "animate-x++.ckpt", "notes.txt", "mine.bin"):
            (models / "animate_x" / name).touch()
        for name in ("wan2.1.safetensors", "animate-x++_simple.ckpt", "animatex_fp16.safetensors"):
            (models / "diffusion_models" / name).touch()
        assert offered(own_server) == ["mine.bin", "animatex_fp16.safetensors (diffusion_models)"]

    def test_a_file_of_another_model_is_one_sentence(self, own_server: Server, models: Path) -> None:
        save_file({"weight": torch.zeros(3)}, models / "animate_x" / "other.safetensors")
        found = own_server.complaint(loading("other.safetensors"))
        assert "other.safetensors does not fit the Animate-X denoiser: " in found
        assert "\n" not in found

    def test_a_pickle_that_asks_for_code_is_not_run(self, own_server: Server, models: Path) -> None:
        class Evil:
            def __reduce__(self) -> tuple[Any, ...]:
                return os.mkdir, (str(models / "was run"),)

        (models / "animate_x" / "evil.pth").write_bytes(pickle.dumps({"weight": Evil()}))
        assert "nothing in it was executed" in own_server.complaint(loading("evil.pth"))
        assert not (models / "was run").exists()

    @pytest.mark.parametrize("name", ["../../secret.safetensors", "/etc/passwd", "gone.safetensors"])
    def test_names_that_are_not_offered_are_refused(self, own_server: Server, name: str) -> None:
        found = own_server.complaint(loading(name))
        ours = f"{name} is no longer in ComfyUI's models folders: choose another file."
        assert found == ours or found.startswith(f"{NOT_IN_LIST}: model_name: '{name}'")

    def test_types_of_weights_that_are_not_offered_are_refused(self, own_server: Server) -> None:
        prompt = loading(AUTOMATIC)
        prompt["model"]["inputs"]["weight_dtype"] = "int3"
        ours = "weight_dtype is 'int3': choose one of default, bf16,"
        assert own_server.complaint(prompt).startswith((ours, f"{NOT_IN_LIST}: weight_dtype: 'int3'"))


class TestEncoders:
    def prompt(self, **names: str) -> Prompt:
        prompt = conditioned()
        prompt["encoders"]["inputs"].update(names)
        return sampled(prompt)

    def test_where_a_denoiser_is_missing_files_are_named(self, own_server: Server, models: Path) -> None:
        write_bundle(models / "animate_x" / "mine.safetensors")
        found = own_server.complaint(self.prompt(clip_vision_name=AUTOMATIC))
        assert "open_clip_pytorch_model.bin is not in ComfyUI's folder models/clip_vision: get it" in found
        assert "sd21_vae.safetensors is not in" in own_server.complaint(self.prompt(vae_name=AUTOMATIC))

    def test_automatic_is_built_in_where_no_denoiser_is(self, own_server: Server, models: Path) -> None:
        (models / "clip_vision" / "open_clip_pytorch_model.bin").touch()
        names = {"clip_vision_name": AUTOMATIC, "vae_name": AUTOMATIC}
        assert own_server.run(self.prompt(**names))["outputs"]["latents"]

    def test_checkpoints_are_offered_where_they_hold_the_autoencoder(
        self, own_server: Server, models: Path
    ) -> None:
        for name in ("v2-1_512-ema-pruned.safetensors", "sd_xl_base_1.0.safetensors"):
            (models / "checkpoints" / name).touch()
        (models / "vae" / "any.safetensors").touch()
        found = offered(own_server, "AnimateXLoadEncoders", "vae_name")
        assert [name for name in found if name != "pixel_space"] == [
            "any.safetensors",
            "v2-1_512-ema-pruned.safetensors (checkpoints)",
        ]

    def test_an_unsuitable_file_is_one_sentence(self, own_server: Server, models: Path) -> None:
        save_file({"weight": torch.zeros(3)}, models / "clip_vision" / "other.safetensors")
        found = own_server.complaint(self.prompt(clip_vision_name="other.safetensors"))
        assert "other.safetensors contains no CLIP image encoder: choose open_clip_pytorch" in found

    def test_they_see_what_those_of_the_core_see(self, encoders: dict) -> None:
        assert encoders["image_encoder_sees_the_pictures_as_they_are"] == {"shape": [3, 128], "difference": 0}
        found = encoders["small_bundle_is_that_of_the_core"]
        assert max(found[name] for name in ("image", "latents", "frames")) < 1e-5, found
        assert found["size"] > 0.1
        assert found["spread"] > 0.01
        assert found["weights"] is True
        trained_on = {"width": 128, "height": 192, "frames": 32, "reference_form": "both"}
        assert found["trained on"] == trained_on

    def test_an_autoencoder_on_patches_is_that_of_the_core(self, encoders: dict) -> None:
        found = encoders["bundle_on_patches_is_that_of_the_core"]
        assert max(found[name] for name in ("latents", "frames", "scaled")) < 1e-5, found
        assert found["spread"] > 0.01
        assert found["channels"] == [8, 8]
        assert found["tiles"] == [2, 128, 64, 3]

    def test_the_built_in_ones_are_the_same_every_time(self, encoders: dict) -> None:
        assert encoders["encoders_are_the_same_every_time"] == [True, True, True]

    @pytest.mark.parametrize("name", ["whole.ckpt", "alone.safetensors", "diffusers.safetensors"])
    def test_the_autoencoder_comes_in_every_form(self, encoders: dict, name: str) -> None:
        assert encoders["autoencoder_files"][name] is True

    @pytest.mark.parametrize(
        ("file", "said"),
        [
            ("image encoder", "contains no CLIP image encoder"),
            ("VAE of videos", "The VAE gives latents (1, 16, 1, 8, 8), as a video VAE does: connect"),
            ("autoencoder", "does not fit the autoencoder of Stable Diffusion 2.1: 248 missing"),
            ("text", "is a text file and not weights"),
        ],
    )
    def test_other_files_are_named_as_such(self, encoders: dict, file: str, said: str) -> None:
        assert said in encoders["complaints"][file]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("missing", "1 missing (vision_model.encoder.layers.0.mlp.fc1.weight)"),
        ("too many", "1 unexpected (visual.other.weight)"),
        ("of another shape", "1 of another shape (vision_model.encoder.layers.0.mlp.fc1.weight is"),
    ],
)
def test_every_weight_of_an_image_encoder_is_checked(encoders: dict, fault: str, said: str) -> None:
    assert said in encoders["image_encoders_with_a_fault"][fault]


def test_a_released_checkpoint_is_read_as_it_is(encoders: dict) -> None:
    assert encoders["released_denoiser"] == {"weights": True, "text": False}
