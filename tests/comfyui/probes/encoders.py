"""The encoders in ComfyUI's hands: argv is the folder of ComfyUI. Prints JSON."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.comfyui.probes.model_setting import apart, generated, loading
from tests.comfyui.probes.pack import complaint, pack
from tests.comfyui.probes.reports import report
from tests.support.small_bundles import write_bundle_on_patches, write_small_bundle

files = pack("nodes.comfy.encoders")
hosted = pack("nodes.comfy.encoders")
preprocess = pack("animatex_core.encoders.preprocessing")
autoencoder = pack("animatex_core.encoders.autoencoder")
denoisers = pack("animatex_core.animate_x.checkpoint")
networks = pack("animatex_core.animate_x.components")
keys = pack("animatex_core.encoders.autoencoder_keys")
to_released = pack("animatex_core.animate_x.checkpoint_keys").to_official
AnimateXError = pack("animatex_core.errors").AnimateXError

TEMPORARY = TemporaryDirectory()
FOLDER = Path(TEMPORARY.name)
GENERATOR = torch.Generator().manual_seed(0)
PICTURES = list(torch.randint(0, 256, (3, 224, 224, 3), generator=GENERATOR, dtype=torch.uint8).numpy())
BUNDLE = write_small_bundle(FOLDER / "small")
ON_PATCHES = write_bundle_on_patches(FOLDER / "patches")


def image_encoder_sees_the_pictures_as_they_are() -> dict[str, Any]:
    clip_vision = files.load_small_clip_vision(BUNDLE)
    found = hosted.ComfyImageEncoder(clip_vision).encode(preprocess.clip_images(PICTURES))
    expected = clip_vision.encode_image(torch.from_numpy(np.stack(PICTURES)) / 255)["image_embeds"]
    return {"shape": list(found.shape), "difference": apart(found, expected)}


def small_bundle_is_that_of_the_core() -> dict[str, Any]:
    core = networks.load_small(BUNDLE, torch.float32, torch.device("cpu"))
    clip_vision, vae = files.load_small_clip_vision(BUNDLE), files.load_small_vae(BUNDLE)
    pictures, latents = preprocess.clip_images(PICTURES), torch.randn(2, 4, 16, 8, generator=GENERATOR)
    shown = preprocess.autoencoder_images(PICTURES[:1], 64, 128)
    encoded = core.autoencoder.encode(shown)
    frames = core.autoencoder.decode(latents).permute(0, 2, 3, 1) * 0.5 + 0.5
    model = loading.load_model(denoisers.read_denoiser(BUNDLE.denoiser), "the small denoiser").model
    weights = {name: tensor.float() for name, tensor in model.diffusion_model.state_dict().items()}
    return {
        "image": apart(
            hosted.ComfyImageEncoder(clip_vision).encode(pictures), core.image_encoder.encode(pictures)
        ),
        "latents": apart(hosted.ComfyLatentEncoder(vae).encode(shown), encoded),
        "size": encoded.abs().max().item(),
        "frames": apart(vae.decode(latents / autoencoder.LATENT_SCALE), frames.clamp(0, 1)),
        "spread": frames.clamp(0, 1).std().item(),
        "weights": _equal(weights, core.unet.state_dict()),
        "trained on": model.trained_on.to_dict(),
    }


def bundle_on_patches_is_that_of_the_core() -> dict[str, Any]:
    core = networks.load_small(ON_PATCHES, torch.float32, torch.device("cpu"))
    vae = files.load_small_vae(ON_PATCHES)
    model = loading.load_model(denoisers.read_denoiser(ON_PATCHES.denoiser), "the small denoiser").model
    shown = preprocess.autoencoder_images(PICTURES[:1], 64, 128)
    latents = torch.randn(2, 8, 16, 8, generator=GENERATOR)
    frames = (core.autoencoder.decode(latents).permute(0, 2, 3, 1) * 0.5 + 0.5).clamp(0, 1)
    return {
        "latents": apart(hosted.ComfyLatentEncoder(vae).encode(shown), core.autoencoder.encode(shown)),
        "frames": apart(vae.decode(latents / autoencoder.LATENT_SCALE), frames),
        "tiles": list(vae.decode_tiled(latents, tile_x=8, tile_y=8, overlap=2).shape),
        "spread": frames.std().item(),
        "channels": [vae.latent_channels, model.latent_format.latent_channels],
        "scaled": apart(model.process_latent_in(latents), latents * autoencoder.LATENT_SCALE),
    }


def encoders_are_the_same_every_time() -> list[bool]:
    one, two = (files.load_small_clip_vision(BUNDLE).get_sd() for _ in range(2))
    three, four = (files.load_small_vae(BUNDLE).first_stage_model.state_dict() for _ in range(2))
    return [_equal(one, two), _equal(three, four), all(x.isfinite().all().item() for x in one.values())]


def autoencoder_files() -> dict[str, bool]:
    with torch.device("meta"):
        network = files.AutoencoderKL(**files._vae_config(128, (1, 2, 4, 4), 2))
    tensors = {
        key: torch.randn(tensor.shape, generator=GENERATOR, dtype=torch.float16)
        for key, tensor in network.state_dict().items()
    }
    whole = {f"first_stage_model.{key}": tensor for key, tensor in tensors.items()}
    torch.save({"state_dict": {"model.other": torch.zeros(3), **whole}}, FOLDER / "whole.ckpt")
    save_file({**tensors, "loss.logvar": torch.zeros(())}, FOLDER / "alone.safetensors")
    diffusers = {key: tensor.contiguous() for key, tensor in keys.ldm_to_diffusers(tensors).items()}
    save_file(diffusers, FOLDER / "diffusers.safetensors")
    expected = {key: tensor.float() for key, tensor in tensors.items()}
    return {
        name: _equal(files.load_vae(FOLDER / name).first_stage_model.state_dict(), expected)
        for name in ("whole.ckpt", "alone.safetensors", "diffusers.safetensors")
    }


def released_denoiser() -> dict[str, bool]:
    # At the released size it would be 7 GB.
    pack("animatex_core.animate_x.config").DenoiserConfig.released = staticmethod(lambda: generated.CONFIG)
    tensors = generated.dummy_denoiser().tensors
    torch.save({"state_dict": to_released(tensors), "step": 3}, FOLDER / "animate-x_ckpt.pth")
    file = denoisers.read_denoiser(FOLDER / "animate-x_ckpt.pth")
    model = loading.load_model(file, "the checkpoint").model
    return {
        "weights": _equal(model.diffusion_model.state_dict(), tensors),
        "text": model.text_context is not None,
    }


class VideoVAE:
    def encode(self, pixels: Tensor) -> Tensor:
        return torch.zeros(1, 16, 1, *pixels.shape[1:3])


def complaints() -> dict[str, str]:
    of_videos = hosted.ComfyLatentEncoder(VideoVAE())
    save_file({"weight": torch.zeros(3)}, FOLDER / "other.safetensors")
    (FOLDER / "text.safetensors").write_text("no weights")
    return {
        "image encoder": _complaint(files.load_clip_vision, "other.safetensors"),
        "autoencoder": _complaint(files.load_vae, "other.safetensors"),
        "text": _complaint(files.load_vae, "text.safetensors"),
        "VAE of videos": _complaint(lambda _: of_videos.encode(torch.zeros(1, 3, 8, 8)), ""),
    }


def image_encoders_with_a_fault() -> dict[str, str]:
    """What is said of a weight that is missing, too many, or of another shape in an otherwise good file."""
    tensors, said = load_file(BUNDLE.image_encoder), {}
    key = next(key for key in tensors if key.endswith("mlp.c_fc.weight"))
    changes = {
        "missing": {name: tensor for name, tensor in tensors.items() if name != key},
        "too many": {**tensors, "visual.other.weight": torch.zeros(3)},
        "of another shape": {**tensors, key: tensors[key].T.contiguous()},
    }
    for name, changed in changes.items():
        folder = FOLDER / name
        shutil.copytree(BUNDLE.folder, folder)
        save_file(changed, replace(BUNDLE, folder=folder).image_encoder)
        said[name] = complaint(partial(files.load_small_clip_vision, replace(BUNDLE, folder=folder)))
    return said


def _equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def _complaint(load: Callable[[Path], Any], name: str) -> str:
    try:
        load(FOLDER / name)
    except AnimateXError as error:
        return str(error).replace(str(FOLDER), "")
    return ""


if __name__ == "__main__":
    report(
        small_bundle_is_that_of_the_core,
        bundle_on_patches_is_that_of_the_core,
        image_encoder_sees_the_pictures_as_they_are,
        encoders_are_the_same_every_time,
        autoencoder_files,
        released_denoiser,
        complaints,
        image_encoders_with_a_fault,
    )
