"""`animatex convert`: a released checkpoint, of Animate-X or Animate-X++, into one safetensors file."""

import argparse
from pathlib import Path

from ..animate_x.conversion import check_conversion, convert_denoiser
from ..animate_x_plus.checkpoint import convert_plus, is_plus, read_plus
from ..encoders.open_clip import OpenClipTextContext
from ..errors import InvalidInput
from ..hub.models_dir import DENOISER, OPEN_CLIP, PLUS_CONVERTED, PLUS_MODULES
from ..utils.devices import PRECISIONS
from .options import add_folder_option, models_folder
from .output import byte_bar

PRECISION_NAMES = ("fp16", "bf16")
MODELS = {
    "animate-x": DENOISER,
    "animate-x-plus": PLUS_MODULES["simple"],
    "animate-x-plus-full": PLUS_MODULES["full"],
}


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `convert`."""
    parser = subparsers.add_parser(
        "convert",
        help=summary,
        description="Write the denoiser, the text context and the configuration of Animate-X into one "
        "safetensors file of about 3.6 GB, so that neither the checkpoint nor the text encoder is needed "
        "again for sampling; or the modules (fp32) and the LoRA (bf16) of Animate-X++ into one.",
    )
    found = "default: the one in the models folder"
    parser.add_argument("checkpoint", type=Path, nargs="?", help=f"the released file; {found}")
    parser.add_argument(
        "--model",
        choices=tuple(MODELS),
        default="animate-x",
        help="which one of the models folder, where no checkpoint is named; default: %(default)s",
    )
    parser.add_argument(
        "--text-encoder",
        type=Path,
        metavar="FILE",
        help=f"open_clip_pytorch_model.bin, for Animate-X alone; {found}",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="default: animate-x-PRECISION.safetensors, animate-x-plus.safetensors or "
        "animate-x-plus-simple.safetensors beside the checkpoint",
    )
    parser.add_argument(
        "--precision",
        choices=PRECISION_NAMES,
        help="type of the weights of Animate-X; default: fp16",
    )
    add_folder_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Convert, and say what was written."""
    checkpoint = arguments.checkpoint or models_folder(arguments).require(MODELS[arguments.model])
    if arguments.out is not None and arguments.out.suffix != ".safetensors":
        raise InvalidInput(
            f"--out is {arguments.out}, but what is written is a safetensors file: end its name so."
        )
    convert = _convert_plus if is_plus(checkpoint) else _convert_denoiser
    convert(checkpoint, arguments)


def _convert_denoiser(checkpoint: Path, arguments: argparse.Namespace) -> None:
    name = arguments.precision or PRECISION_NAMES[0]
    text_encoder = arguments.text_encoder or models_folder(arguments).require(OPEN_CLIP)
    target = arguments.out or checkpoint.with_name(f"animate-x-{name}.safetensors")
    check_conversion(checkpoint, target)  # the text tower is slow: what cannot work fails before it
    context = OpenClipTextContext.from_file(text_encoder).empty_text()
    with byte_bar(target.name) as bar:
        convert_denoiser(checkpoint, target, context, PRECISIONS[name], on_progress=bar.report)
    _tell(target, f"in {name}")


def _convert_plus(checkpoint: Path, arguments: argparse.Namespace) -> None:
    if arguments.precision or arguments.text_encoder:
        raise InvalidInput(
            f"{checkpoint} is of Animate-X++, whose modules stay in fp32 and whose text encoder is Wan's: "
            "leave out --precision and --text-encoder."
        )
    variant = read_plus(checkpoint).config.variant
    target = arguments.out or checkpoint.with_name(PLUS_CONVERTED[variant])
    with byte_bar(target.name) as bar:
        convert_plus(checkpoint, target, on_progress=bar.report)
    _tell(target, f"of the {variant} variant, modules in fp32 and LoRA in bf16")


def _tell(target: Path, how: str) -> None:
    print(f"{target}: {target.stat().st_size / 1e9:.2f} GB {how}")
