"""From the arguments of `evaluate` to the systems under test."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..device import choose_device, choose_dtype
from ..errors import InvalidInput
from ..evaluation.benchmark.systems import AnimatedBy, ClipsOf, Size, System
from ..evaluation.benchmark.tasks import Setting
from ..model.trained_on import RELEASED
from ..pipeline import AnimationSettings
from ..retarget.settings import RetargetSettings
from ..safe_names import path_inside
from .evaluated_models import Model, find_model, is_training
from .sampling import given_sampling


@dataclass(frozen=True)
class Named:
    """A system as it was asked for: a model, or the folder of clips that another system made."""

    name: str
    source: Model | Path


def find_systems(arguments: argparse.Namespace) -> list[Named]:
    """Return the systems of the command line, whose files are all there; raises InvalidInput otherwise."""
    found = [_named(arguments, text) for text in arguments.systems]
    names = [each.name for each in found]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidInput(
            f"Two systems are called {doubled[0]}: give each a name of its own, as NAME=SYSTEM."
        )
    for name in names:
        path_inside(arguments.out, name, "the folder of results")
    return found


def usual_size(systems: Sequence[Named]) -> Size:
    """Return the size that the first model was trained on; without a model, that of the release."""
    models = [each.source for each in systems if isinstance(each.source, Model)]
    trained_on = models[0].trained_on if models else RELEASED
    return trained_on.width, trained_on.height


def open_system(arguments: argparse.Namespace, named: Named) -> System:
    """Return a system that can be run; networks are loaded when it first needs them."""
    if isinstance(named.source, Path):
        only: Setting | None = arguments.setting[0] if len(arguments.setting) == 1 else None
        return ClipsOf(named.name, named.source, only)
    return _animated(arguments, named.name, named.source)


def _named(arguments: argparse.Namespace, text: str) -> Named:
    name, equals, what = text.rpartition("=")
    path = Path(what)
    if path.is_dir() and not is_training(path):
        return Named(name if equals else path.resolve().name, path)
    return Named(name if equals else path.stem, find_model(arguments, what))


def _animated(arguments: argparse.Namespace, name: str, model: Model) -> AnimatedBy:
    device = choose_device(arguments.device)
    dtype = choose_dtype(arguments.precision, device)
    settings = AnimationSettings(
        retarget=RetargetSettings(mode=arguments.retarget),
        sampling=given_sampling(arguments, model.usual),
        reference_form=arguments.reference_form,
    )
    told = {
        "model": model.digest,
        "sampling": asdict(settings.sampling),
        "retarget": arguments.retarget,
        "reference form": arguments.reference_form,
        "weights": str(dtype).removeprefix("torch."),
        "device": device.type,
    }
    return AnimatedBy(name, lambda: model.load(dtype, device), settings, told)
