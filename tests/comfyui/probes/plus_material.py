"""Files of small modules, poses and a picture, and what is made of them by nodes and by the library alone.

Import it in a process whose first argument is the folder of ComfyUI.
"""

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from animatex_core.pose.formats.reader import openpose_from_poses
from tests.comfyui.probes.pack import pack
from tests.comfyui.probes.plus_setting import (
    FOLDER,
    FORMAT,
    GIVEN,
    MODEL,
    VideoConditions,
    clip_features,
    wan,
)
from tests.support.dance_samples import small_dance
from tests.support.reference_weights import weight

import comfy.ldm.wan.vae  # isort: skip
import comfy.model_management  # isort: skip
import folder_paths  # isort: skip
from comfy_extras.nodes_wan import WanImageToVideo  # isort: skip

checkpoint = pack("animatex_core.animate_x_plus.checkpoint")
config = pack("animatex_core.animate_x_plus.config")
core_lora = pack("animatex_core.animate_x_plus.lora")
errors = pack("animatex_core.errors")
files = pack("nodes.comfy.encoders")
hosted = pack("nodes.comfy.plus")
json_io = pack("animatex_core.pose.formats.reader")
loading = pack("nodes.comfy.loading")
networks = pack("animatex_core.animate_x_plus.modules")
loaders, nodes = pack("nodes.loaders"), pack("nodes.wan")
preprocess = pack("animatex_core.animate_x_plus.preprocessing")
prepared = pack("animatex_core.encoders.preprocessing")
generated = pack("animatex_core.animate_x.components")
SHIPPED = pack("animatex_core.hub.bundled").BUNDLED_MODELS

PLAIN = wan()
WIDTH, HEIGHT, FRAMES = 48, 64, 9
MODELS = TemporaryDirectory()
POSES = openpose_from_poses(small_dance().select(range(FRAMES)))
OWN = openpose_from_poses(small_dance().select([11]))
DRIVING = torch.rand(FRAMES, 142, 96, 3, generator=torch.Generator().manual_seed(2))
CLIP_VISION = files.load_small_clip_vision(SHIPPED)
CLIP_DIM = CLIP_VISION.model.visual_projection.out_features


def lora(dim: int = MODEL["dim"]) -> Any:
    """Return the LoRA of the reference, for a Wan of some width."""
    case = json.loads((FOLDER / "lora_small.json").read_text(encoding="utf-8"))
    sizes = {"ffn.0": (MODEL["ffn_dim"], dim), "ffn.2": (dim, MODEL["ffn_dim"])}
    tensors = {}
    for block in range(MODEL["num_layers"]):
        for module in case["modules"]:
            outputs, inputs = sizes.get(module, (dim, dim))
            for half, shape in (("A", (case["rank"], inputs)), ("B", (outputs, case["rank"]))):
                key = f"pipe.dit.blocks.{block}.{module}.lora_{half}.default.weight"
                tensors[key] = torch.from_numpy(weight(key, shape))
    return core_lora.read_lora(tensors)


LORA = lora()


def file_of(variant: str) -> Path:
    """Write a converted file of small modules, whose LoRA is that of the reference."""
    path = Path(MODELS.name) / f"{variant}.safetensors"
    sizes = config.PlusConfig.tiny(variant)
    if sizes.ipi is not None:
        sizes = replace(sizes, ipi=replace(sizes.ipi, clip_dim=CLIP_DIM))
    modules = networks.PlusModules(sizes)
    generated.init_random_weights(modules)
    checkpoint.write_plus(path, checkpoint.PlusFile(sizes, modules.state_dict(), LORA))
    return path


FOLDERS = {key: Path(MODELS.name) / key for key in ("animate_x", "diffusion_models")}
for key, folder in FOLDERS.items():
    folder.mkdir()
    folder_paths.folder_names_and_paths[key] = ([str(folder)], pack("nodes.comfy.model_files").SUFFIXES)
FULL, SIMPLE = file_of("full"), file_of("simple")


class SmallVae:
    """ComfyUI's own Wan autoencoder, so narrow that it is quick; ComfyUI builds it in one width alone."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        sizes: dict[str, Any] = {"dim": 8, "z_dim": 16, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 1}
        self.network = comfy.ldm.wan.vae.WanVAE(**sizes, temperal_downsample=[False, True, True])
        with torch.no_grad():
            for parameter in self.network.parameters():
                nn.init.normal_(parameter, std=0.2)

    def encode(self, pictures: Tensor) -> Tensor:
        return self.network.encode(pictures.movedim(-1, 0)[None] * 2 - 1)


VAE = SmallVae()
PICTURE = torch.rand(1, HEIGHT, WIDTH, 3, generator=torch.Generator().manual_seed(1))


def run(node: Any, *given: Any, **more: Any) -> Any:
    """Execute a node as ComfyUI does."""
    return node.PREPARE_CLASS_CLONE({}).execute(*given, **more).args


def from_wan(frames: int = FRAMES, picture: Tensor | None = PICTURE, width: int = WIDTH) -> Any:
    """Return what the node in front gives: positive, negative, latents."""
    texts = [[[GIVEN[name], {}]] for name in ("context_pos", "context_neg")]
    return WanImageToVideo.execute(
        *texts, VAE, width, HEIGHT, frames, 1, start_image=picture, clip_vision_output=clip_features()
    ).args


def settings(**changes: Any) -> dict[str, Any]:
    """Return the widgets of Apply Animate-X++."""
    return {"strength": 1.0, "start_percent": 0.0, "end_percent": 1.0, "jpeg_noise": True, **changes}


def loaded(path: Path = FULL) -> Any:
    return hosted.load_plus(path)


def applied_by_node(path: Path = FULL, model: Any = PLAIN, **changes: Any) -> Any:
    given = {"poses": POSES, **changes}
    if path == FULL:
        given = {"frames": DRIVING, "clip_vision": CLIP_VISION, **given}
    positive, negative, _ = given.pop("conditioning", None) or from_wan()
    return run(nodes.AnimateXApplyPlus, model, positive, negative, loaded(path), **settings(**given))


def expected_conditions(
    path: Path, reference: Any = POSES, quality: int | None = 95, scale: float = 1.0
) -> VideoConditions:
    """Return the conditions that Wan must get, made by the core alone from the same poses and images."""
    read, own = (json_io.poses_from_openpose(data) for data in (POSES, reference))
    drawn = preprocess.draw_pose_images(read, WIDTH, HEIGHT, quality)
    (first,) = preprocess.draw_pose_images(own.select([0]), WIDTH, HEIGHT, quality)
    shown = prepared.clip_images(list((DRIVING * 255).round().to(torch.uint8).numpy()))
    pixels = CLIP_VISION.model(pixel_values=shown)[2]
    inputs = networks.PlusInputs(
        preprocess.stack_frames(list(drawn)),
        preprocess.stack_frames([first])[:, :, 0],
        torch.from_numpy(read.keypoints())[None],
        pixels[None],
    )
    conditions = checkpoint.load_plus(path).networks.encode(inputs).scaled(scale)
    latents = VAE.encode(torch.cat([PICTURE, torch.full((FRAMES - 1, HEIGHT, WIDTH, 3), 0.5)]))
    y = preprocess.with_mask_channels(FORMAT.process_in(latents)) + conditions.reference_map.unsqueeze(2)
    return VideoConditions(GIVEN["latents"], y, conditions)


def wan_with_lora(path: Path, scale: float = 1.0) -> Any:
    """Return a Wan into whose weights the library merged the LoRA of a file."""
    model = wan()
    network = model.model.diffusion_model
    pairs = checkpoint.read_plus(path).lora
    network.load_state_dict(core_lora.merge_lora(network.state_dict(), pairs, scale))
    return model
