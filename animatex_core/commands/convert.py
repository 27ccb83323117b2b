"""`animatex convert`: the released checkpoint into one small safetensors bundle."""

import argparse
from pathlib import Path

from ..checkpoints.denoiser_file import check_conversion, convert_denoiser
from ..device import PRECISIONS
from ..encoders.open_clip_encoder import OpenClipTextContext
from ..errors import InvalidInput
from ..models_folder import DENOISER, OPEN_CLIP
from .options import add_folder_option, models_folder
from .progress import byte_bar

PRECISION_NAMES = ("fp16", "bf16")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `convert`."""
    parser = subparsers.add_parser(
        "convert",
        help="make one safetensors bundle of the released denoiser",
        description="Write the denoiser, the text context and the configuration into one safetensors file of "
        "about 3.6 GB. Neither the checkpoint nor the text encoder is needed again for sampling.",
    )
    found = "default: the one in the models folder"
    parser.add_argument("checkpoint", type=Path, nargs="?", help=f"the released animate-x_ckpt.pth; {found}")
    parser.add_argument(
        "--text-encoder", type=Path, metavar="FILE", help=f"open_clip_pytorch_model.bin; {found}"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="default: animate-x-PRECISION.safetensors beside the checkpoint",
    )
    parser.add_argument(
        "--precision",
        choices=PRECISION_NAMES,
        default="fp16",
        help="type of the weights; default: %(default)s",
    )
    add_folder_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Convert, and say what was written."""
    folder = models_folder(arguments)
    checkpoint = arguments.checkpoint or folder.require(DENOISER)
    text_encoder = arguments.text_encoder or folder.require(OPEN_CLIP)
    target = arguments.out or checkpoint.with_name(f"animate-x-{arguments.precision}.safetensors")
    if target.suffix != ".safetensors":
        raise InvalidInput(f"--out is {target}, but the bundle is a safetensors file: end its name so.")
    check_conversion(checkpoint, target)  # the text tower is slow: what cannot work fails before it
    context = OpenClipTextContext.from_file(text_encoder).empty_text()
    with byte_bar(target.name) as bar:
        precision = PRECISIONS[arguments.precision]
        convert_denoiser(checkpoint, target, context, precision, on_progress=bar.report)
    print(f"{target}: {target.stat().st_size / 1e9:.2f} GB in {arguments.precision}")
