"""Train and evaluate the small models: `python -m animatex_core.training.small_models PART FOLDER`.

The denoiser is trained on the triples with `animatex train`.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from ...animate_x.checkpoint import load_denoiser
from ...animate_x.components import load_small
from ...checkpoints.safe_load import open_tensors
from ...checkpoints.safetensors_writer import tensor_layout, write_safetensors
from ...encoders.autoencoder import StableDiffusionAutoencoder, bundled_config
from ...encoders.open_clip import OpenClipImageEncoder
from ...errors import InvalidInput
from ...hub.bundled import SmallBundle
from ...pose.dwpose import load_small_models
from ...pose.extractor import PoseExtractor
from ...pose.torch_models import TorchModel
from ...utils.documents import FileFault, read_text
from ..console import ConsoleReporter
from ..data.preparation import Encoders
from .ablations import Ablations, AblationSettings, summary
from .autoencoder import train_autoencoder
from .held_out import CHARACTER_RETARGETING, HeldOut, HeldOutSettings
from .held_out_report import report, table
from .image_encoder import image_encoder_config, train_image_encoder
from .options import add_options
from .pack import pack, read_parts, scale_change
from .pose_accuracy import joint_shares
from .pose_nets import improve_pose_nets, train_pose_nets
from .recipe import CONTINUED_STAGES, Recipe
from .triples_set import TriplesSettings, write_triples

say = partial(print, flush=True)
TOKENS = 4  # length of the text context, which is random since it is the same for every clip


def autoencoder(arguments: argparse.Namespace) -> None:
    """Train the autoencoder."""
    _write(SmallBundle(arguments.folder).autoencoder, train_autoencoder(say), "")


def recipe(arguments: argparse.Namespace) -> None:
    """Train the autoencoder and the denoiser from start to end; resumes an interrupted training."""
    whole = Recipe(arguments.folder, read_encoders, say, every=arguments.every)
    if arguments.start is not None:
        whole = replace(whole, stages=CONTINUED_STAGES, start=SmallBundle(arguments.start))
    whole.run()


def image_encoder(arguments: argparse.Namespace) -> None:
    """Train the image encoder."""
    _write(SmallBundle(arguments.folder).image_encoder, train_image_encoder(say), "visual.")


def pose_nets(arguments: argparse.Namespace) -> None:
    """Train the detector and the pose estimator; resumes an interrupted training."""
    start = arguments.start and load_small_models(SmallBundle(arguments.start).pose_nets)
    make = train_pose_nets if start is None else partial(improve_pose_nets, start)
    _write(SmallBundle(arguments.folder).pose_nets, make(say, arguments.folder), "")


def triples(arguments: argparse.Namespace) -> None:
    """Generate and encode triples for training, or held-out ones for validation."""
    encoders = read_encoders(SmallBundle(arguments.folder))
    width, height = arguments.size
    settings = TriplesSettings(
        arguments.count, arguments.seed, width=width, height=height, held_out=arguments.held_out
    )
    write_triples(arguments.out, settings, encoders, say, arguments.workers)


def files(arguments: argparse.Namespace) -> None:
    """Pack all weights into the files that the package ships."""
    notes = "" if arguments.told is None else _read_notes(arguments.told)
    parts = read_parts(arguments.folder)
    pack(parts if arguments.change == 1 else scale_change(parts, arguments.change), arguments.out, notes)


def _read_notes(path: Path) -> str:
    try:
        return read_text(path)
    except (OSError, FileFault) as error:
        raise InvalidInput(f"{path} cannot be read ({error}): pass a UTF-8 text file.") from error


def accuracy(arguments: argparse.Namespace) -> None:
    """Measure the accuracy of the pose models on held-out dancers."""
    shares = joint_shares(_extractor(arguments.folder), arguments.clips, arguments.lacking)
    for name, share in shares.items():
        say(f"{name}: {share:.3f}")


def held_out(arguments: argparse.Namespace) -> None:
    """Animate held-out characters and score the results against the true animations."""
    networks = load_small(SmallBundle(arguments.folder), torch.float32, torch.device("cpu"))
    if arguments.denoiser is not None:
        other = load_denoiser(arguments.denoiser, torch.float32, torch.device("cpu"))
        networks = replace(networks, unet=other.unet, trained_on=other.trained_on)
    width, height = arguments.size or (networks.trained_on.width, networks.trained_on.height)
    settings = HeldOutSettings(
        arguments.pairs,
        arguments.frames,
        width=width,
        height=height,
        seed=arguments.seed,
        driven_by=arguments.driven_by,
        retargeting=replace(CHARACTER_RETARGETING, mode=arguments.mode),
    )
    means = report(HeldOut(networks, settings, _extractor(arguments.folder)), arguments.out, say)
    say(table(means))


def ablations(arguments: argparse.Namespace) -> None:
    """Train the method and its ablations on thumbnails and compare them in the cross setting."""
    bundle = SmallBundle(arguments.folder)
    autoencoder = _autoencoder(bundle)
    settings = AblationSettings.with_latents_of(autoencoder, arguments.data, arguments.steps)
    study = Ablations(arguments.out, settings, _image_encoder(bundle), autoencoder)
    for seed in arguments.seeds:
        for variant in arguments.variants:
            study.run(variant, seed, say, [ConsoleReporter()])
    say(summary(arguments.out))


def _extractor(folder: Path) -> PoseExtractor:
    nets = load_small_models(SmallBundle(folder).pose_nets)
    return PoseExtractor(TorchModel(nets.detector), TorchModel(nets.landmarks))


def read_encoders(bundle: SmallBundle) -> Encoders:
    """Load the trained encoders of a bundle.

    Args:
        bundle: Folder with the weights of the image encoder and the autoencoder.

    Returns:
        The encoders and a random text context.

    """
    width = image_encoder_config()["embed_dim"]
    context = torch.randn(1, TOKENS, width, generator=torch.Generator().manual_seed(0))
    return Encoders(_image_encoder(bundle), _autoencoder(bundle), context)


def _image_encoder(bundle: SmallBundle) -> OpenClipImageEncoder:
    return OpenClipImageEncoder.from_tensors(open_tensors(bundle.image_encoder), image_encoder_config())


def _autoencoder(bundle: SmallBundle) -> StableDiffusionAutoencoder:
    return StableDiffusionAutoencoder.from_file(
        bundle.autoencoder, bundled_config(bundle.autoencoder), batch_size=9
    )


def _write(path: Path, network: nn.Module, prefix: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {
        prefix + name: value.contiguous() for name, value in network.state_dict().items()
    }
    write_safetensors(path, tensor_layout(tensors), tensors.items(), {})


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "autoencoder": autoencoder,
    "image-encoder": image_encoder,
    "pose-nets": pose_nets,
    "triples": triples,
    "pack": files,
    "pose-accuracy": accuracy,
    "held-out": held_out,
    "ablations": ablations,
    "recipe": recipe,
}


def parser() -> argparse.ArgumentParser:
    """Return the argument parser with one subcommand for each part."""
    whole = argparse.ArgumentParser(description=__doc__)
    parts = whole.add_subparsers(dest="part", required=True)
    for name, run in PARTS.items():
        part = parts.add_parser(name, help=run.__doc__)
        part.add_argument("folder", type=Path, help="folder of the weights, named as in the bundle")
        part.set_defaults(run=run)
    add_options(parts.choices)
    return whole


if __name__ == "__main__":
    chosen = parser().parse_args()
    chosen.run(chosen)
