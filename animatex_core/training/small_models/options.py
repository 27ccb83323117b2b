"""The command-line options of the parts of `python -m animatex_core.training.small_models`."""

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path

from ...hub.bundled import BUNDLED_MODELS
from ...utils.validation import parse_size
from .ablations import VARIANTS
from .held_out import DRIVEN_BY


def add_options(parts: Mapping[str, ArgumentParser]) -> None:
    """Add the options of every part, except for its folder.

    Args:
        parts: Name of a part -> its parser.

    """
    _add_recipe(parts["recipe"])
    _add_triples(parts["triples"])
    parts["pose-nets"].add_argument(
        "--start", type=Path, help="folder of a bundle whose pose estimator is trained further"
    )
    _add_pose_accuracy(parts["pose-accuracy"])
    _add_held_out(parts["held-out"])
    _add_ablations(parts["ablations"])
    _add_pack(parts["pack"])


def _add_recipe(part: ArgumentParser) -> None:
    part.add_argument(
        "--every", type=float, default=20.0, help="minutes between measurements; default: %(default)s"
    )
    part.add_argument("--start", type=Path, help="folder of a bundle to train further; default: from scratch")


def _add_triples(part: ArgumentParser) -> None:
    part.add_argument("--out", type=Path, required=True, help="folder of the data set")
    part.add_argument("--count", type=int, default=20_000, help="default: %(default)s")
    part.add_argument(
        "--size", type=parse_size, default=(128, 192), help="WIDTHxHEIGHT in pixels; default: 128x192"
    )
    part.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    part.add_argument("--held-out", action="store_true", help="use held-out characters and motion")
    part.add_argument("--workers", type=int, default=1, help="rendering processes; default: %(default)s")


def _add_pose_accuracy(part: ArgumentParser) -> None:
    part.add_argument("--clips", type=int, default=64, help="default: %(default)s")
    part.add_argument(
        "--lacking", type=int, default=40, help="clips of bodies that lack limbs; default: %(default)s"
    )


def _add_held_out(part: ArgumentParser) -> None:
    part.add_argument(
        "--out", type=Path, required=True, help="folder for the scores, a table and contact sheets"
    )
    part.add_argument("--denoiser", type=Path, help="denoiser to use instead of the one in the folder")
    part.add_argument("--pairs", type=int, default=32, help="default: %(default)s")
    part.add_argument("--seed", type=int, default=0, help="seed of the pairs; default: %(default)s")
    part.add_argument(
        "--driven-by", nargs="+", choices=DRIVEN_BY, default=DRIVEN_BY, help="default: all of them"
    )
    part.add_argument(
        "--mode",
        choices=("retarget", "align"),
        default="retarget",
        help="retarget: poses get the character's proportions; align: they keep the dancer's; "
        "default: %(default)s",
    )
    part.add_argument(
        "--frames",
        type=int,
        default=8,
        metavar="N",
        help="length of the clips; more than 4 frames are sampled in overlapping windows, as by animate; "
        "default: %(default)s",
    )
    part.add_argument(
        "--size",
        type=parse_size,
        metavar="WxH",
        help="width and height in pixels; default: the size of the training",
    )


def _add_ablations(part: ArgumentParser) -> None:
    part.add_argument("--data", type=Path, required=True, help="triples of 64x96 pixels")
    part.add_argument("--out", type=Path, required=True, help="folder for the training runs and scores")
    part.add_argument("--steps", type=int, default=1500, help="steps of each run; default: %(default)s")
    part.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="default: 0 1 2")
    part.add_argument("--variants", nargs="+", choices=tuple(VARIANTS), default=tuple(VARIANTS))


def _add_pack(part: ArgumentParser) -> None:
    part.add_argument(
        "--told", type=Path, help="Markdown file with training details and results for the model card"
    )
    part.add_argument(
        "--out", type=Path, default=BUNDLED_MODELS.folder, help="default: the folder of the bundled models"
    )
    part.add_argument(
        "--change",
        type=float,
        default=1.0,
        help="share of the denoiser's change to the puppet that is kept; default: %(default)s",
    )
