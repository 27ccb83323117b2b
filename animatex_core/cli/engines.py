"""What does the jobs of a command: this process, or the workers of a Ray cluster."""

from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from ..batch.cluster.crew import WorkerSize
from ..batch.cluster.engine import RayEngine
from ..batch.engine import Engine, LocalEngine
from ..batch.run import Stop, stopping_on_interrupt
from ..errors import InvalidInput
from ..utils.devices import choose_device
from .options import flag_of, models_folder
from .output import say

RAY_OPTIONS = ("address", "gpus_per_actor", "cpus_per_actor")


def require_ray_options(arguments: Namespace) -> None:
    """Raise InvalidInput if options are given that do nothing, or that exclude each other."""
    if arguments.engine != "ray":
        given = [name for name in RAY_OPTIONS if getattr(arguments, name) is not None]
        if given:
            raise InvalidInput(f"{flag_of(given[0])} is for --engine ray: leave it out, or add --engine ray.")
    elif getattr(arguments, "servers", None):
        raise InvalidInput("--engine ray and --servers are two ways to do the jobs: use one of them.")
    elif arguments.device == "cpu" and arguments.gpus_per_actor is not None:
        raise InvalidInput("--gpus-per-actor does nothing with --device cpu: leave out one of them.")


def prepare_for_cluster(arguments: Namespace) -> Namespace:
    """Return the arguments with the folders that other machines cannot know, for a cluster."""
    if arguments.engine != "ray":
        return arguments
    folder, out = models_folder(arguments).path.absolute(), arguments.out.absolute()
    return Namespace(**{**vars(arguments), "folder": folder, "out": out})


def with_models_folder(arguments: Namespace) -> Namespace:
    """Return the arguments with the models folder, which may be the default of this machine alone.

    Paths stay as they are, since results state them. Workers know what relative ones are relative to.
    """
    return Namespace(**{**vars(arguments), "folder": models_folder(arguments).path})


def choose_engine(arguments: Namespace, count: Callable[[int], None]) -> Engine:
    """Return what does the jobs.

    Args:
        arguments: The parsed arguments.
        count: Called with the number of workers of a cluster as it changes.

    """
    if arguments.engine == "ray":
        return RayEngine(_worker_size(arguments), arguments.address, say, count)
    return LocalEngine()


@contextmanager
def stopping_workers(arguments: Namespace) -> Iterator[Stop]:
    """Let Ctrl+C first wait for the workers of a cluster; without one, it stops at once."""
    if arguments.engine == "ray":
        with stopping_on_interrupt(say) as stop:
            yield stop
    else:
        yield Stop(say)


def device_of_head(arguments: Namespace) -> torch.device:
    """Return the device of this process: on a cluster the CPU, if only the workers have the selected one.

    Raises:
        InvalidInput: The device is not available, and the work is done here.

    """
    try:
        return choose_device(arguments.device)
    except InvalidInput:
        if arguments.engine == "local":
            raise
        return torch.device("cpu")


def device_of_workers(arguments: Namespace) -> torch.device:
    """Return the device of the work: on a cluster the selected one, or with "auto" that of this machine.

    Raises:
        InvalidInput: It is not available, or no device at all.

    """
    if arguments.engine == "local" or arguments.device == "auto":
        return choose_device(arguments.device)
    try:
        return torch.device(arguments.device)
    except RuntimeError as error:
        raise InvalidInput(f"{arguments.device!r} is no device: use auto, cpu or cuda.") from error


def visible_models(arguments: Namespace) -> list[Path]:
    """Return the models folder if there is one here: workers without it would use other models."""
    folder = models_folder(arguments).path
    return [folder] if folder.exists() else []


def _worker_size(arguments: Namespace) -> WorkerSize:
    gpus = 0.0 if arguments.device == "cpu" else arguments.gpus_per_actor
    return WorkerSize(gpus, arguments.cpus_per_actor)
