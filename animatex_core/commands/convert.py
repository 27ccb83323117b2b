"""`animatex convert`: the released checkpoint into one small safetensors bundle."""

import argparse
from pathlib import Path

import torch

from animatex_core.checkpoints.denoiser_file import convert_denoiser
from animatex_core.encoders.open_clip_encoder import OpenClipTextContext
from animatex_core.errors import InvalidInput

PRECISIONS = {"fp16": torch.float16, "bf16": torch.bfloat16}


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `convert`."""
    parser = subparsers.add_parser(
        "convert",
        help="make one safetensors bundle of the released denoiser",
        description="Write the denoiser, the text context and the configuration into one safetensors file of "
        "about 3.6 GB. Neither the checkpoint nor the text encoder is needed again.",
    )
    parser.add_argument("checkpoint", type=Path, help="the released animate-x_ckpt.pth")
    parser.add_argument(
        "--text-encoder", type=Path, required=True, metavar="FILE", help="open_clip_pytorch_model.bin"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the bundle, *.safetensors")
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="fp16", help="type of the weights; default: %(default)s"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Convert, and say what was written."""
    if arguments.out.suffix != ".safetensors":
        raise InvalidInput(f"--out is {arguments.out}, but the bundle is a safetensors file: end it so.")
    context = OpenClipTextContext.from_file(arguments.text_encoder).empty_text()
    convert_denoiser(arguments.checkpoint, arguments.out, context, PRECISIONS[arguments.precision])
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e9:.2f} GB in {arguments.precision}")
