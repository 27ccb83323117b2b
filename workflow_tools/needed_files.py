"""The model files of a loader, in the form in which ComfyUI offers to download them."""

from typing import Any

from animatex_core.hub.catalogue import ModelFile, load_catalogue

from .graph import Node

FILES = {
    "AnimateXLoadModel": ("animate-x-denoiser",),
    "AnimateXLoadEncoders": ("open-clip-vit-h-14", "sd21-autoencoder"),
    "AnimateXLoadDWPose": ("dwpose-detector", "dwpose-estimator"),
    "AnimateXLoadPlus": ("animate-x-plus-simple-modules", "animate-x-plus-modules"),
}
NAMED = {  # ComfyUI's loaders and their file widgets
    "UNETLoader": "unet_name",
    "LoraLoaderModelOnly": "lora_name",
    "CLIPLoader": "clip_name",
    "CLIPVisionLoader": "clip_name",
    "VAELoader": "vae_name",
}

CORES_OWN = {  # not in the catalogue: name of the file, URL of its folder, folder of ComfyUI
    "UpscaleModelLoader": (
        "RealESRGAN_x4plus.safetensors",
        "https://huggingface.co/Comfy-Org/Real-ESRGAN_repackaged/resolve/main",
        "upscale_models",
    ),
    "FrameInterpolationModelLoader": (
        "rife_v4.26.safetensors",
        "https://huggingface.co/Comfy-Org/frame_interpolation/resolve/main/frame_interpolation",
        "frame_interpolation",
    ),
}


def files_of(node: Node) -> list[ModelFile]:
    """Return the files of a loader."""
    catalogue = load_catalogue()
    if node.type in NAMED:
        return [file for file in catalogue.files if file.name == node.values[NAMED[node.type]]]
    return [catalogue.find(name) for name in FILES.get(node.type, ())]


def needed_files(node: Node) -> list[dict[str, Any]]:
    """Return name, url and directory of the files of a loader, and their digests if known."""
    if node.type in CORES_OWN:
        name, folder_url, directory = CORES_OWN[node.type]
        return [{"name": name, "url": f"{folder_url}/{name}", "directory": directory}]
    hub = load_catalogue().hub
    return [
        {
            "name": file.name,
            "url": f"{hub}/{file.repository}/resolve/main/{file.path}",
            "directory": file.folder,
            **({"hash": file.sha256, "hash_type": "SHA256"} if file.sha256 else {}),
        }
        for file in files_of(node)
    ]
