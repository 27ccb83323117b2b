"""The nodes of Animate-X++, from a file to a sampled clip: argv is the folder of ComfyUI. Prints JSON."""

import json
import warnings
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from animatex_core.pose.json_io import openpose_from_poses
from tests.dance_samples import small_dance
from tests.host.pack import complaint, pack
from tests.host.plus_setting import (
    CPU,
    FOLDER,
    FORMAT,
    GIVEN,
    MODEL,
    Told,
    apart,
    applied,
    ask,
    clip_features,
    golden,
    nearest,
    numbers,
    released_run,
    sample,
    schedule,
    wan,
)
from tests.host.reports import report
from tests.reference_weights import weight

import comfy.ldm.wan.vae  # isort: skip
import comfy.model_management  # isort: skip
import folder_paths  # isort: skip
from comfy_extras.nodes_wan import WanImageToVideo  # isort: skip

checkpoint = pack("animatex_core.plus.checkpoint")
config = pack("animatex_core.plus.config")
core_lora = pack("animatex_core.plus.lora")
errors = pack("animatex_core.errors")
files = pack("nodes.host.encoder_loading")
hosted = pack("nodes.host.plus_model")
json_io = pack("animatex_core.pose.json_io")
loading = pack("nodes.host.loading")
networks = pack("animatex_core.plus.networks")
nodes = pack("nodes.plus")
preprocess = pack("animatex_core.plus.preprocess")
prepared = pack("animatex_core.encoders.preprocess")
generated = pack("animatex_core.model.generated")
SHIPPED = pack("animatex_core.small_bundle").SHIPPED

PLAIN = wan()
WIDTH, HEIGHT, FRAMES = 48, 64, 9
MODELS = TemporaryDirectory()
POSES = openpose_from_poses(small_dance().select(range(FRAMES)))
OWN = openpose_from_poses(small_dance().select([11]))
DRIVING = torch.rand(FRAMES, 142, 96, 3, generator=torch.Generator().manual_seed(2))
CLIP_VISION = files.small_clip_vision(SHIPPED)
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
    modules = networks.PlusNetworks(sizes)
    generated.generate_weights(modules)
    checkpoint.write_plus(path, checkpoint.PlusFile(sizes, modules.state_dict(), LORA))
    return path


FOLDERS = {key: Path(MODELS.name) / key for key in ("animate_x", "diffusion_models")}
for key, folder in FOLDERS.items():
    folder.mkdir()
    folder_paths.folder_names_and_paths[key] = ([str(folder)], pack("nodes.host.folders").SUFFIXES)
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
    return hosted.load_hosted_plus(path)


def applied_by_node(path: Path = FULL, model: Any = PLAIN, **changes: Any) -> Any:
    given = {"poses": POSES, **changes}
    if path == FULL:
        given = {"frames": DRIVING, "clip_vision": CLIP_VISION, **given}
    positive, negative, _ = given.pop("conditioning", None) or from_wan()
    return run(nodes.AnimateXApplyPlus, model, positive, negative, loaded(path), **settings(**given))


def expected_told(path: Path, reference: Any = POSES, quality: int | None = 95, scale: float = 1.0) -> Told:
    """Return what Wan must be told, made by the library alone from the same poses, frames and picture."""
    read, own = (json_io.poses_from_openpose(data) for data in (POSES, reference))
    drawn = preprocess.pose_pictures(read, WIDTH, HEIGHT, quality)
    (first,) = preprocess.pose_pictures(own.select([0]), WIDTH, HEIGHT, quality)
    shown = prepared.clip_pictures(list((DRIVING * 255).round().to(torch.uint8).numpy()))
    pixels = CLIP_VISION.model(pixel_values=shown)[2]
    inputs = networks.PlusInputs(
        preprocess.stacked(list(drawn)),
        preprocess.stacked([first])[:, :, 0],
        torch.from_numpy(read.keypoints())[None],
        pixels[None],
    )
    conditions = checkpoint.load_plus(path).networks.encode(inputs).scaled(scale)
    latents = VAE.encode(torch.cat([PICTURE, torch.full((FRAMES - 1, HEIGHT, WIDTH, 3), 0.5)]))
    y = preprocess.masked_latents(FORMAT.process_in(latents)) + conditions.reference_map.unsqueeze(2)
    return Told(GIVEN["latents"], y, conditions)


def wan_with_lora(path: Path, scale: float = 1.0) -> Any:
    """Return a Wan into whose weights the library merged the LoRA of a file."""
    model = wan()
    network = model.model.diffusion_model
    pairs = checkpoint.read_plus(path).lora
    network.load_state_dict(core_lora.merged(network.state_dict(), pairs, scale))
    return model


def whole_graph() -> dict[str, float]:
    sigmas, found = schedule(PLAIN), {}
    for name, path in (("full", FULL), ("simple", SIMPLE)):
        model, *pair = applied_by_node(path, reference_pose=OWN)
        told = expected_told(path, OWN)
        expected = released_run(wan_with_lora(path), told, sigmas)
        found[name] = apart(sample(model, told, pair=pair), expected)
    half = expected_told(SIMPLE, quality=None, scale=0.5)
    model, *pair = applied_by_node(SIMPLE, strength=0.5, jpeg_noise=False)
    expected = released_run(wan_with_lora(SIMPLE, 0.5), half, sigmas)
    found["half as strong, without noise"] = apart(sample(model, half, pair=pair), expected)
    found["effect"] = apart(released_run(PLAIN, told, sigmas), expected)
    return found


def no_strength() -> dict[str, float]:
    plain = from_wan()[:2]
    model, *pair = applied_by_node(strength=0.0)
    told = golden()
    return {"difference": apart(sample(model, told, pair=pair), sample(PLAIN, told, pair=plain))}


def nothing_leaks() -> dict[str, Any]:
    pair = from_wan()[:2]
    before, texts = sample(PLAIN, golden(), pair=pair), [list(values) for each in pair for _, values in each]
    model, *told = applied_by_node(conditioning=(*pair, None))
    sample(model, golden(), pair=told)
    return {
        "difference": apart(sample(PLAIN, golden(), pair=pair), before),
        "patches": len(PLAIN.patches),
        "conditioning": texts == [list(values) for each in pair for _, values in each],
    }


def merged_lora() -> dict[str, Any]:
    given, original = numbers("lora_small"), wan()
    plus = hosted.HostedPlus(loaded().modules, LORA, "the LoRA")
    model = hosted.with_lora(original, plus, 1.0)
    heard = ask(applied(model, golden()), golden())
    silent = replace(golden().conditions, reference_map=torch.zeros_like(golden().conditions.reference_map))
    plain = ask(model, replace(golden(), conditions=silent))
    weights = dict(model.model.diffusion_model.named_parameters())
    names = [name for name in given if name.startswith("merged.")]
    merged = max(apart(weights[name.removeprefix("merged.")], given[name]) for name in names)
    comfy.model_management.unload_all_models()
    restored = zip(original.model.state_dict().values(), PLAIN.model.state_dict().values(), strict=True)
    return {
        "layers": len(model.patches),
        "weights": merged,
        "cond_full": nearest(heard.passes, given["cond_full"]),
        "plain": nearest(plain.passes, given["plain_pos"]),
        "left behind": max(apart(one, other) for one, other in restored),
    }


def modules_in_the_hosts_hands() -> dict[str, Any]:
    plus = loaded()
    inputs = networks.PlusInputs(
        torch.rand(1, 3, FRAMES, HEIGHT, WIDTH),
        None,
        torch.rand(1, FRAMES, 2, 18),
        torch.rand(1, FRAMES, CLIP_DIM),
    )
    whole = plus.encode(inputs, torch.float32)
    listed = {name for _, name, _, _ in plus.modules._load_list()}
    owners = {name.rpartition(".")[0] for name, _ in plus.modules.model.named_parameters()}
    known = any(each.model is plus.modules for each in comfy.model_management.current_loaded_models)
    plus.modules.patch_model(CPU, lowvram_model_memory=plus.modules.model_size() // 3)
    waiting = [
        module for module in plus.modules.model.modules() if hasattr(module, "prev_comfy_cast_weights")
    ]
    partly = plus.modules.model.encode(inputs)
    narrow = plus.encode(inputs, torch.bfloat16)
    return {
        "known to the host": known,
        "never moved": sorted(owners - listed),
        "waiting": len(waiting),
        "difference": apart(partly.pose_tokens, whole.pose_tokens)
        + apart(partly.motion_tokens, whole.motion_tokens),
        "types": [str(x.dtype) for x in (whole.pose_tokens, narrow.pose_tokens, narrow.motion_tokens)],
    }


def reference() -> dict[str, float]:
    given, seen = numbers("image_prep"), []
    handle = CLIP_VISION.model.register_forward_pre_hook(
        lambda _, __, named: seen.append(named["pixel_values"]), with_kwargs=True
    )
    image = given["ref_image"][None] / 255
    start, output, *size = run(nodes.AnimateXPlusReference, CLIP_VISION, image, WIDTH, HEIGHT)
    handle.remove()
    shown = start.movedim(-1, 1)[0] * 2 - 1
    ordinary = CLIP_VISION.encode_image(start)
    return {
        "picture": apart(shown, given["vae_input_frame0"]),
        "looked at": apart(seen[0], given["clip_input"]),
        "size": size,
        "features": list(output["penultimate_hidden_states"].shape),
        "as ComfyUI has them": list(ordinary["penultimate_hidden_states"].shape),
        "unlike ComfyUI's own": apart(output["image_embeds"], ordinary["image_embeds"]),
    }


def a_shorter_picture_is_the_beginning_of_a_longer_one() -> float:
    """What a context window relies on: latents of the picture do not depend on how many frames follow."""
    grey = torch.full((16, HEIGHT, WIDTH, 3), 0.5)
    longer, shorter = (VAE.encode(torch.cat([PICTURE, grey[:n]])) for n in (16, 8))
    return apart(longer[:, :, : shorter.shape[2]], shorter)


def poses_of_another_picture() -> dict[str, bool]:
    """Retargeted poses may lie in a picture of any size, and are then drawn in that of the clip."""
    huge = openpose_from_poses(replace(small_dance().select(range(FRAMES)), width=1920, height=2840))
    as_found, retargeted = (
        applied_by_node(SIMPLE, poses=huge, **more)[0] for more in ({}, {"driving_poses": POSES})
    )
    tokens = [told_of(model).pose_tokens for model in (as_found, retargeted)]
    return {"differ": not torch.equal(*tokens)}


def told_of(model: Any) -> Any:
    ((wrapper,),) = model.wrappers["apply_model"].values()
    return wrapper.conditions


def warned() -> list[str]:
    pair = from_wan()[:2]
    bare = [
        [[text, {k: v for k, v in values.items() if k != "clip_vision_output"}]] for ((text, values),) in pair
    ]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nodes.check_clip_features(bare[0])
    return [str(each.message) for each in caught]


def complaints() -> dict[str, str]:
    animate_x = loading.load_model(
        pack("animatex_core.checkpoints.denoiser_file").read_denoiser(SHIPPED.denoiser), ""
    )
    wide, narrow = wan(dim=192, num_heads=6), from_wan(width=32)
    positive, negative, _ = from_wan()
    other_clip = [[text, {**values, "clip_vision_output": _other_features()}] for text, values in positive]
    cases = {
        "not Wan": lambda: applied_by_node(model=animate_x),
        "text to video": lambda: applied_by_node(model=wan(model_type="t2v", in_dim=16)),
        "another Wan": lambda: applied_by_node(model=wide),
        "no picture": lambda: applied_by_node(conditioning=from_wan(picture=None)),
        "two clips": lambda: applied_by_node(conditioning=(positive, narrow[1], None)),
        "other CLIP": lambda: applied_by_node(conditioning=(other_clip, negative, None)),
        "too few poses": lambda: applied_by_node(poses=POSES[:5]),
        "not 4n + 1": lambda: applied_by_node(poses=POSES[:8]),
        "no clip_vision": lambda: applied_by_node(clip_vision=None),
        "no frames": lambda: applied_by_node(frames=None),
        "too few frames": lambda: applied_by_node(frames=DRIVING[:5]),
        "twice": lambda: applied_by_node(SIMPLE, model=applied_by_node(SIMPLE)[0]),
        "ends before it starts": lambda: applied_by_node(start_percent=0.8, end_percent=0.2),
        "LoRA of another": lambda: hosted.with_lora(
            PLAIN, hosted.HostedPlus(loaded().modules, lora(128), "other.ckpt"), 1.0
        ),
        "no file": lambda: run(nodes.AnimateXLoadPlus, "automatic"),
        "gone": lambda: run(nodes.AnimateXLoadPlus, "gone.ckpt"),
    }
    return {name: complaint(case) for name, case in cases.items()}


def _other_features() -> Any:
    output = clip_features()
    output["penultimate_hidden_states"] = torch.zeros(1, 257, 1024)
    return output


def files_that_are_offered() -> dict[str, Any]:
    folder = FOLDERS["animate_x"]
    for name in ("yolox_l.onnx", "animate-x_ckpt.pth", "animate-x-fp16.safetensors", "animate-x++.ckpt"):
        (folder / name).touch()
    offered = pack("nodes.host.model_files")
    (folder / "mine.safetensors").write_bytes(SIMPLE.read_bytes())
    found = {"plus": list(offered.plus_choices()), "recommended": offered.require_plus().name}
    (folder / "animate-x++.ckpt").unlink()
    found["by what it says"] = offered.require_plus().name
    (folder / "animate-x-plus.safetensors").write_bytes(FULL.read_bytes())
    found["converted"] = offered.require_plus().name
    found["variant"] = run(nodes.AnimateXLoadPlus, "automatic")[0].config.variant
    (folder / "animate-x-plus-simple.safetensors").write_bytes(SIMPLE.read_bytes())
    found["simple first"] = offered.require_plus().name
    found["Animate-X"] = sorted(offered.denoiser_choices())
    return found


if __name__ == "__main__":
    report(
        whole_graph, no_strength, nothing_leaks, merged_lora, modules_in_the_hosts_hands, reference,
        a_shorter_picture_is_the_beginning_of_a_longer_one, poses_of_another_picture, warned, complaints,
        files_that_are_offered,
    )  # fmt: skip
