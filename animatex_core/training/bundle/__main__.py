"""How each part of the small bundle was made: `python -m animatex_core.training.bundle PART FOLDER`.

The denoiser is trained on the triples by `animatex train`.
"""

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from ...checkpoints.safe_read import open_tensors
from ...checkpoints.safetensors_file import layout_of, write_safetensors
from ...encoders.autoencoder import SMALL_AUTOENCODER, StableDiffusionAutoencoder
from ...encoders.open_clip_encoder import OpenClipImageEncoder
from ...small_bundle import FOLDER, SmallBundle
from ..data.encode import Encoders
from .autoencoder import train_autoencoder
from .image_encoder import image_encoder_config, train_image_encoder
from .pack import pack, read_parts
from .triples_set import TriplesSettings, write_triples

say = partial(print, flush=True)
TOKENS = 4  # of the text context, which is the same for every clip and so may be anything


def autoencoder(arguments: argparse.Namespace) -> None:
    """Train the autoencoder."""
    _write(SmallBundle(arguments.folder).autoencoder, train_autoencoder(say), "")


def image_encoder(arguments: argparse.Namespace) -> None:
    """Train the image encoder."""
    _write(SmallBundle(arguments.folder).image_encoder, train_image_encoder(say), "visual.")


def triples(arguments: argparse.Namespace) -> None:
    """Draw and encode the triples, for training or, held out, for validation."""
    encoders = read_encoders(SmallBundle(arguments.folder))
    settings = TriplesSettings(arguments.count, arguments.seed, held_out=arguments.held_out)
    write_triples(arguments.out, settings, encoders, say, arguments.workers)


def files(arguments: argparse.Namespace) -> None:
    """Pack all weights into the files that the package ships."""
    told = arguments.measured
    measured = {} if told is None else json.loads(told.read_text(encoding="utf-8"))
    pack(read_parts(arguments.folder), arguments.out, measured)


def read_encoders(bundle: SmallBundle) -> Encoders:
    """Open the trained encoders that lie in a folder."""
    config = image_encoder_config()
    width = config["embed_dim"]
    context = torch.randn(1, TOKENS, width, generator=torch.Generator().manual_seed(0))
    return Encoders(
        OpenClipImageEncoder.from_tensors(open_tensors(bundle.image_encoder), config),
        StableDiffusionAutoencoder.from_file(bundle.autoencoder, SMALL_AUTOENCODER, batch_size=9),
        context,
    )


def _write(path: Path, network: nn.Module, prefix: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {
        prefix + name: value.contiguous() for name, value in network.state_dict().items()
    }
    write_safetensors(path, layout_of(tensors), tensors.items(), {})


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "autoencoder": autoencoder,
    "image-encoder": image_encoder,
    "triples": triples,
    "pack": files,
}


def parser() -> argparse.ArgumentParser:
    """Return the parser with every part."""
    whole = argparse.ArgumentParser(description=__doc__)
    parts = whole.add_subparsers(dest="part", required=True)
    for name, run in PARTS.items():
        part = parts.add_parser(name, help=run.__doc__)
        part.add_argument("folder", type=Path, help="folder of all weights, named as those of the bundle")
        part.set_defaults(run=run)
    drawn = parts.choices["triples"]
    drawn.add_argument("--out", type=Path, required=True, help="folder of the data set")
    drawn.add_argument("--count", type=int, default=20_000, help="default: %(default)s")
    drawn.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    drawn.add_argument("--held-out", action="store_true", help="characters and motion of the tests")
    drawn.add_argument("--workers", type=int, default=1, help="processes that draw; default: %(default)s")
    packed = parts.choices["pack"]
    packed.add_argument("--measured", type=Path, help="JSON of names and values, for the model card")
    packed.add_argument("--out", type=Path, default=FOLDER, help="default: the folder of the package")
    return whole


if __name__ == "__main__":
    chosen = parser().parse_args()
    chosen.run(chosen)
