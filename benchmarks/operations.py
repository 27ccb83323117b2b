"""Count the floating point operations of the released Animate-X, on the meta device: nothing is computed.

A multiplication and an addition are two operations. Normalisations and activations are not counted.

python -m benchmarks.operations [--width 512] [--height 768] [--frames 32]
"""

import argparse
from collections.abc import Callable

import torch

from animatex_core.animate_x.config import DenoiserConfig
from animatex_core.animate_x.layers import UNINITIALISED
from animatex_core.animate_x.shapes import ClipShape
from animatex_core.animate_x.unet import AnimateXUNet
from animatex_core.encoders.autoencoder import STABLE_DIFFUSION_2_1, network_on_meta
from animatex_core.encoders.open_clip import VIT_H_14
from animatex_core.training.loop.cost import OpCounter
from benchmarks.measure import generated_inputs


def count_operations(work: Callable[[], object]) -> int:
    """Return the operations of a function of meta tensors."""
    with torch.no_grad(), OpCounter() as counter:
        work()
    return counter.operations


def count_denoiser(shape: ClipShape) -> tuple[int, int]:
    """Return the operations of one pass of the denoiser, and of encoding the conditions of a video."""
    config = DenoiserConfig.released()
    unet = AnimateXUNet(config, UNINITIALISED, device="meta").eval()
    inputs = generated_inputs(config, shape).to("meta", torch.float32)
    x, t = torch.empty(shape.latents(), device="meta"), torch.zeros(1, device="meta")
    with torch.no_grad():
        conditions = unet.encode(inputs)
    encoding = count_operations(lambda: unet.encode(inputs))
    return count_operations(lambda: unet(x, t, conditions)), encoding


def count_autoencoder(shape: ClipShape) -> tuple[int, int]:
    """Return the operations of decoding one frame, and of encoding one image."""
    network = network_on_meta(STABLE_DIFFUSION_2_1).eval()
    latents = torch.empty(1, 4, *shape.latent_size, device="meta")
    image = torch.empty(1, 3, shape.height, shape.width, device="meta")
    return count_operations(lambda: network.decode(latents)), count_operations(lambda: network.encode(image))


def count_clip() -> int:
    """Return the operations of embedding one image with OpenCLIP's ViT-H-14."""
    import open_clip

    with torch.device("meta"):
        tower = open_clip.create_model(VIT_H_14, pretrained=None, device="meta").visual.eval()
    return count_operations(lambda: tower(torch.empty(1, 3, 224, 224, device="meta")))


def main() -> None:
    """Count and print every part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--height", type=int, default=768)
    parser.add_argument("--frames", type=int, default=32)
    options = parser.parse_args()
    shape = ClipShape(options.width, options.height, options.frames)
    step, conditions = count_denoiser(shape)
    decoding, encoding = count_autoencoder(shape)
    for what, operations in (
        (f"one pass of {shape.frames} frames", step),
        (f"conditions of {shape.frames} frames", conditions),
        ("decoding one frame of latents", decoding),
        ("encoding one image to latents", encoding),
        ("CLIP features of one image", count_clip()),
    ):
        print(f"{what:32s} {operations / 1e12:9.3f} TFLOP")


if __name__ == "__main__":
    main()
