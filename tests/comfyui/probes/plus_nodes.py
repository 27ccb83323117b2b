"""The nodes of Animate-X++, from a file to a sampled clip: argv is the folder of ComfyUI. Prints JSON."""

import warnings
from dataclasses import replace
from typing import Any

import torch

from animatex_core.pose.formats.reader import openpose_from_poses
from tests.comfyui.probes.pack import complaint, movable, pack
from tests.comfyui.probes.plus_material import (
    CLIP_DIM,
    CLIP_VISION,
    DRIVING,
    FOLDERS,
    FRAMES,
    FULL,
    HEIGHT,
    LORA,
    OWN,
    PICTURE,
    PLAIN,
    POSES,
    SHIPPED,
    SIMPLE,
    VAE,
    WIDTH,
    applied_by_node,
    expected_conditions,
    from_wan,
    hosted,
    loaded,
    loaders,
    loading,
    lora,
    networks,
    nodes,
    run,
    wan_with_lora,
)
from tests.comfyui.probes.plus_setting import (
    CPU,
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
from tests.comfyui.probes.reports import report
from tests.support.dance_samples import small_dance

import comfy.model_management  # isort: skip


def whole_graph() -> dict[str, float]:
    sigmas, found = schedule(PLAIN), {}
    for name, path in (("full", FULL), ("simple", SIMPLE)):
        model, *pair = applied_by_node(path, reference_pose=OWN)
        conds = expected_conditions(path, OWN)
        expected = released_run(wan_with_lora(path), conds, sigmas)
        found[name] = apart(sample(model, conds, pair=pair), expected)
    half = expected_conditions(SIMPLE, quality=None, scale=0.5)
    model, *pair = applied_by_node(SIMPLE, strength=0.5, jpeg_noise=False)
    expected = released_run(wan_with_lora(SIMPLE, 0.5), half, sigmas)
    found["half as strong, without noise"] = apart(sample(model, half, pair=pair), expected)
    found["effect"] = apart(released_run(PLAIN, conds, sigmas), expected)
    return found


def weights_of_other_types() -> dict[str, Any]:
    conds = expected_conditions(SIMPLE)
    expected = released_run(wan_with_lora(SIMPLE), conds, schedule(PLAIN))
    found = {}
    for dtype in (torch.bfloat16, torch.float16, torch.float8_e4m3fn):
        model, *pair = applied_by_node(SIMPLE, model=wan(dtype))
        error = (sample(model, conds, pair=pair) - expected).norm() / expected.norm()
        found[str(dtype)] = [str(conditions_of(model).pose_tokens.dtype), error.item()]
    return found


def no_strength() -> dict[str, float]:
    plain = from_wan()[:2]
    model, *pair = applied_by_node(strength=0.0)
    conds = golden()
    return {"difference": apart(sample(model, conds, pair=pair), sample(PLAIN, conds, pair=plain))}


def nothing_leaks() -> dict[str, Any]:
    pair = from_wan()[:2]
    before, texts = sample(PLAIN, golden(), pair=pair), [list(values) for each in pair for _, values in each]
    model, *conds = applied_by_node(conditioning=(*pair, None))
    sample(model, golden(), pair=conds)
    return {
        "difference": apart(sample(PLAIN, golden(), pair=pair), before),
        "patches": len(PLAIN.patches),
        "conditioning": texts == [list(values) for each in pair for _, values in each],
    }


def merged_lora() -> dict[str, Any]:
    given, original = numbers("lora_small"), wan()
    plus = hosted.PlusModel(loaded().modules, LORA, "the LoRA")
    model = hosted.apply_lora(original, plus, 1.0)
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
    listed = movable(plus.modules)
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
    tokens = [conditions_of(model).pose_tokens for model in (as_found, retargeted)]
    return {"differ": not torch.equal(*tokens)}


def conditions_of(model: Any) -> Any:
    ((wrapper,),) = model.wrappers["apply_model"].values()
    return wrapper.conditions


def warned() -> list[str]:
    pair = from_wan()[:2]
    bare = [
        [[text, {k: v for k, v in values.items() if k != "clip_vision_output"}]] for ((text, values),) in pair
    ]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nodes.check_image_embeds(bare[0])
    return [str(each.message) for each in caught]


def complaints() -> dict[str, str]:
    animate_x = loading.load_model(
        pack("animatex_core.animate_x.checkpoint").read_denoiser(SHIPPED.denoiser), ""
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
        "LoRA of another": lambda: hosted.apply_lora(
            PLAIN, hosted.PlusModel(loaded().modules, lora(128), "other.ckpt"), 1.0
        ),
        "no file": lambda: run(loaders.AnimateXLoadPlus, "automatic"),
        "gone": lambda: run(loaders.AnimateXLoadPlus, "gone.ckpt"),
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
    offered = pack("nodes.comfy.model_files")
    (folder / "mine.safetensors").write_bytes(SIMPLE.read_bytes())
    found = {"plus": list(offered.plus_choices()), "recommended": offered.require_plus().name}
    (folder / "animate-x++.ckpt").unlink()
    found["by what it says"] = offered.require_plus().name
    (folder / "animate-x-plus.safetensors").write_bytes(FULL.read_bytes())
    found["converted"] = offered.require_plus().name
    found["variant"] = run(loaders.AnimateXLoadPlus, "automatic")[0].config.variant
    (folder / "animate-x-plus-simple.safetensors").write_bytes(SIMPLE.read_bytes())
    found["simple first"] = offered.require_plus().name
    found["Animate-X"] = sorted(offered.denoiser_choices())
    return found


if __name__ == "__main__":
    report(
        whole_graph,
        weights_of_other_types,
        no_strength,
        nothing_leaks,
        merged_lora,
        modules_in_the_hosts_hands,
        reference,
        a_shorter_picture_is_the_beginning_of_a_longer_one,
        poses_of_another_picture,
        warned,
        complaints,
        files_that_are_offered,
    )
