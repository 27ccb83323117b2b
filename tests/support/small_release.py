"""A models directory with small files in the official formats, and a library that expects their sizes."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import open_clip
import pytest
import torch
from safetensors.torch import save_file

from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.encoders.autoencoder import AutoencoderConfig, StableDiffusionAutoencoder
from animatex_core.encoders.open_clip import OpenClipImageEncoder, OpenClipTextContext
from tests.animate_x.test_checkpoint import released_tensors
from tests.encoders import reference_autoencoder
from tests.encoders.small_clip import SETTINGS

CLIP = "small-animatex-release"
AUTOENCODER = AutoencoderConfig(channels=(32, 32, 32, 32), blocks=1)


def place_small_release(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write denoiser, OpenCLIP and autoencoder into a models folder, and expect their sizes from now on."""
    config = replace(DenoiserConfig.tiny(), text_tokens=77)
    monkeypatch.setattr(DenoiserConfig, "released", lambda: config)
    for encoder in (OpenClipImageEncoder, OpenClipTextContext):
        monkeypatch.setattr(encoder, "from_file", partial(encoder.from_file, config=CLIP))
    autoencoder = partial(StableDiffusionAutoencoder.from_file, config=AUTOENCODER)
    monkeypatch.setattr(StableDiffusionAutoencoder, "from_file", autoencoder)

    for name in ("animate_x", "clip_vision", "vae"):
        (folder / name).mkdir(parents=True)
    torch.save(released_tensors(), folder / "animate_x" / "animate-x_ckpt.pth")
    torch.save(_clip_tensors(folder), folder / "clip_vision" / "open_clip_pytorch_model.bin")
    save_file(reference_autoencoder.released_tensors(AUTOENCODER), folder / "vae" / "sd21_vae.safetensors")


def _clip_tensors(folder: Path) -> dict[str, torch.Tensor]:
    vision = {"image_size": 224, "layers": 2, "width": 64, "head_width": 32, "patch_size": 56}
    path = folder / f"{CLIP}.json"
    path.write_text(json.dumps({**SETTINGS, "vision_cfg": vision}))
    open_clip.add_model_config(path)
    torch.manual_seed(0)
    return open_clip.CLIP(**open_clip.get_model_config(CLIP)).state_dict()
