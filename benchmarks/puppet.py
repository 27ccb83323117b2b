"""Score the puppet on held-out characters against the repeated reference and the blurred puppet.

python -m benchmarks.puppet [--pairs 64] [--frames 8] [--width 128] [--height 192] [--true-mask]

The characters and motion are those of the held-out set in the model card of the small models. The puppet at
the best blur is the baseline for models that start from the puppet, since PSNR rewards blur. Mask IoU
compares the estimated outline with the true one; --true-mask gives the puppet the true mask.
"""

import argparse
import time
from collections import defaultdict

import numpy as np
import torch
from PIL import Image, ImageFilter

from animatex_core.encoders.autoencoder import SMALL_AUTOENCODER, StableDiffusionAutoencoder
from animatex_core.evaluation.metrics.pixels import psnr
from animatex_core.hub.bundled import BUNDLED_MODELS
from animatex_core.puppet.puppet import puppet_frames
from animatex_core.training.small_models import scores
from animatex_core.training.synthetic.backdrop import SCALE
from animatex_core.training.synthetic.render import render
from animatex_core.training.synthetic.triples import Triple, draw_triple

SIGMAS = (0.5, 1.0, 1.5)  # pixels
Scores = dict[str, float]
Encoder = torch.nn.Module


def true_mask(triple: Triple) -> np.ndarray:
    """Return the true mask of the character in the reference, (h, w) bool, from two backgrounds."""
    scene = triple.reference
    size = SCALE * scene.poses.width, SCALE * scene.poses.height
    black, white = (
        next(render(scene.look, scene.poses, scene.stature, Image.new("RGB", size, color)))
        for color in ("black", "white")
    )
    return np.abs(white.astype(int) - black).max(axis=2) < 128


def blurred(frames: np.ndarray, sigma: float) -> np.ndarray:
    """Blur each frame (f, h, w, 3) uint8."""
    blur = ImageFilter.GaussianBlur(sigma)
    return np.stack([np.asarray(Image.fromarray(frame).filter(blur)) for frame in frames])


def scored(frames: np.ndarray, true: np.ndarray, encoder: Encoder) -> Scores:
    """Score a clip as in the model card."""
    return {
        "PSNR": float(psnr(frames, true).mean()),
        "moving PSNR": scores.moving_psnr(frames, true),
        "perceptual": scores.perceptual_distance(encoder, frames, true),
    }


def pair_scores(triple: Triple, encoder: Encoder, with_mask: bool) -> dict[str, Scores]:
    """Score all clips of a pair: name -> scores."""
    mask, true = true_mask(triple), triple.target.frames
    reference, pose = triple.reference.frames[0], triple.reference.poses
    given = mask.astype(np.float32) if with_mask else None
    start = time.process_time()
    frames, _ = puppet_frames(reference, pose, triple.target.poses, given)
    seconds = time.process_time() - start
    _, alpha = puppet_frames(reference, pose, pose, given)
    found = alpha[0] > 127
    extra = {
        "CPU ms a frame": 1000 * seconds / len(frames),
        "mask IoU": float((found & mask).sum() / (found | mask).sum()),
    }
    clips = {"reference repeated": scored(scores.repeat_reference(triple), true, encoder)}
    clips["puppet"] = scored(frames, true, encoder) | extra
    return clips | {
        f"puppet, sigma {sigma}": scored(blurred(frames, sigma), true, encoder) for sigma in SIGMAS
    }


def main() -> None:
    """Score all pairs and print the means."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=64)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--height", type=int, default=192)
    parser.add_argument("--true-mask", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    size = options.frames, options.width, options.height
    autoencoder = StableDiffusionAutoencoder.from_file(BUNDLED_MODELS.autoencoder, SMALL_AUTOENCODER)
    results: dict[str, list[Scores]] = defaultdict(list)
    for number in range(options.pairs):
        triple = draw_triple(0, number, *size, held_out=True)
        for name, values in pair_scores(triple, autoencoder.network.encoder, options.true_mask).items():
            results[name].append(values)
    for name, each in results.items():
        means = {score: np.mean([values[score] for values in each]) for score in each[0]}
        print(f"{name:20s}", *(f"{score} {mean:.3f}" for score, mean in means.items()), sep="  ", flush=True)


if __name__ == "__main__":
    main()
