"""The model files that a loader takes, in the form in which ComfyUI offers to download them."""

from typing import Any

from animatex_core.bundles import load_catalogue

FILES = {
    "AnimateXLoadModel": ("animate-x-denoiser",),
    "AnimateXLoadEncoders": ("open-clip-vit-h-14", "sd21-autoencoder"),
    "AnimateXLoadDWPose": ("dwpose-detector", "dwpose-estimator"),
}


def needed_files(node_type: str) -> list[dict[str, Any]]:
    """Return name, url and directory of the files of a loader, and their digests where they are known."""
    catalogue = load_catalogue()
    files = [catalogue.find(name) for name in FILES.get(node_type, ())]
    return [
        {
            "name": file.name,
            "url": f"{catalogue.hub}/{file.repository}/resolve/main/{file.path}",
            "directory": file.folder,
            **({"hash": file.sha256, "hash_type": "SHA256"} if file.sha256 else {}),
        }
        for file in files
    ]
