"""Runs the pack's adapters of poses in ComfyUI's modules: argv is its folder and one to work in.

Prints JSON. Shown here is what would take a whole machine's memory, or settings of its own, on a server.
"""

import json
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from animatex_core.pose.keypoints import PoseSequence
from tests.comfyui.probes.pack import pack, start
from tests.support.dance_samples import small_dance
from tests.video.samples import make_clip, numbers_of


def main(comfyui: str, folder: str) -> dict[str, Any]:
    start(comfyui, "--base-directory", folder)
    from comfy_api.input_impl import VideoFromFile

    poses, pictures = pack("nodes.comfy.poses"), pack("nodes.comfy.images")
    clip = VideoFromFile(str(make_clip(Path(folder) / "numbered.mp4", 6, options=("-qp", "0"))))
    tensors = pack("nodes.comfy.video").to_video(clip.get_components().images, None, 24.0)
    read = {}
    for name, sources in {"file": (None, clip), "tensors": (None, tensors)}.items():
        with poses.frame_source(*sources) as shots:
            read[name] = [numbers_of(shots.read()), numbers_of(shots.read()), shots.total]
    return {
        "read": read,
        "controlnet_aux": _of_controlnet_aux(Path(folder) / "aux"),
        "sizes": {left: _drawn(poses, left) for left in (10**12, 10**6)},
        "too many": _refusal(pictures),
    }


def _of_controlnet_aux(folder: Path) -> list[str]:
    path = folder / "yzd-v" / "DWPose" / "yolox_l.onnx"
    path.parent.mkdir(parents=True)
    path.touch()
    os.environ["AUX_ANNOTATOR_CKPTS_PATH"] = str(folder)
    pack("nodes.comfy.model_files").register_folder()
    onnx = pack("nodes.comfy.model_files")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        chosen = [onnx.resolve_onnx("automatic", f"dwpose-{net}") for net in ("detector", "estimator")]
    return [str(file == path) for file in chosen] + [str(warning.message) for warning in caught]


def _drawn(poses: Any, left: int) -> list[Any]:
    """Draw with so many bytes of memory left."""
    many = small_dance().select([0] * 12)
    large = PoseSequence.from_points(many.points, 300, 500)
    poses.available_memory = lambda: left
    pictures = poses.lazy_pose_images(large, None)
    shape, lines = list(pictures.shape), Lines()
    logging.disable(logging.NOTSET)
    logging.getLogger().addHandler(lines)
    assert bool(pictures.any())
    logging.getLogger().removeHandler(lines)
    return [shape, *lines.texts]


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


def _refusal(pictures: Any) -> str:
    pictures.available_memory = lambda: 10**9
    try:
        pictures.stack_images(iter([np.zeros((1000, 2000, 3), np.uint8)]), 100)
    except MemoryError as error:
        return str(error)
    return "taken"


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.stdout.write(json.dumps(main(*sys.argv[1:])))
