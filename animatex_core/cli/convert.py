"""`animatex convert`: convert an official checkpoint of either system to one safetensors file."""

import argparse
from pathlib import Path

from ..errors import InvalidInput
from ..hub.models_dir import OPEN_CLIP, PLUS_CONVERTED, Variant
from ..systems import ANIMATE_X, SYSTEMS, system_of_file
from .options import add_folder_option, models_folder
from .output import byte_bar

PRECISION_NAMES = ("fp16", "bf16")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `convert`."""
    parser = subparsers.add_parser(
        "convert",
        help=summary,
        description="Write the denoiser, the text context and the configuration of Animate-X to one "
        "safetensors file of about 3.6 GB, which replaces the checkpoint and the text encoder for sampling; "
        "or the modules (fp32) and the LoRA (bf16) of Animate-X++ to one file.",
    )
    default = "default: the one in the models folder"
    parser.add_argument("checkpoint", type=Path, nargs="?", help=f"official checkpoint; {default}")
    parser.add_argument(
        "--model",
        choices=tuple(SYSTEMS),
        default=ANIMATE_X.name,
        help="which checkpoint of the models folder to convert if none is given; default: %(default)s",
    )
    parser.add_argument(
        "--text-encoder",
        type=Path,
        metavar="FILE",
        help=f"open_clip_pytorch_model.bin, only for Animate-X; {default}",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="output; default: animate-x-PRECISION.safetensors, animate-x-plus.safetensors or "
        "animate-x-plus-simple.safetensors next to the checkpoint",
    )
    parser.add_argument(
        "--precision",
        choices=PRECISION_NAMES,
        help="data type of the weights, only for Animate-X; default: fp16",
    )
    add_folder_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Convert, and print what was written."""
    checkpoint = arguments.checkpoint or models_folder(arguments).require(SYSTEMS[arguments.model].model_id)
    if arguments.out is not None and arguments.out.suffix != ".safetensors":
        raise InvalidInput(
            f"--out is {arguments.out}, but it must be a safetensors file: end its name in .safetensors."
        )
    variant = system_of_file(checkpoint).variant
    if variant is None:
        _convert_denoiser(checkpoint, arguments)
    else:
        _convert_plus(checkpoint, variant, arguments)


def _convert_denoiser(checkpoint: Path, arguments: argparse.Namespace) -> None:
    from ..animate_x.conversion import check_conversion, convert_denoiser
    from ..encoders.open_clip import OpenClipTextContext
    from ..utils.devices import PRECISIONS

    precision = arguments.precision or PRECISION_NAMES[0]
    text_encoder = arguments.text_encoder or models_folder(arguments).require(OPEN_CLIP)
    target = arguments.out or checkpoint.with_name(f"animate-x-{precision}.safetensors")
    check_conversion(checkpoint, target)  # before the text encoder, which is slow
    context = OpenClipTextContext.from_file(text_encoder).empty_text()
    with byte_bar(target.name) as bar:
        convert_denoiser(checkpoint, target, context, PRECISIONS[precision], on_progress=bar.report)
    _print_result(target, f"in {precision}")


def _convert_plus(checkpoint: Path, variant: Variant, arguments: argparse.Namespace) -> None:
    from ..animate_x_plus.checkpoint import convert_plus

    if arguments.precision or arguments.text_encoder:
        raise InvalidInput(
            f"{checkpoint} is a checkpoint of Animate-X++, which keeps its modules in fp32 and has another "
            "text encoder: leave out --precision and --text-encoder."
        )
    target = arguments.out or checkpoint.with_name(PLUS_CONVERTED[variant])
    with byte_bar(target.name) as bar:
        convert_plus(checkpoint, target, on_progress=bar.report)
    _print_result(target, f"of the {variant} variant, modules in fp32 and LoRA in bf16")


def _print_result(target: Path, details: str) -> None:
    print(f"{target}: {target.stat().st_size / 1e9:.2f} GB {details}")
