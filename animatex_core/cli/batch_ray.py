"""The options of `animatex batch --engine ray`."""

from argparse import Namespace

from ..batch.cluster.crew import WorkerSize
from ..errors import InvalidInput
from .options import flag_of, models_folder

RAY_OPTIONS = ("address", "gpus_per_actor", "cpus_per_actor")


def require_ray_options(arguments: Namespace) -> None:
    """Raise InvalidInput if options are given that do nothing, or that exclude each other."""
    if arguments.engine != "ray":
        given = [name for name in RAY_OPTIONS if getattr(arguments, name) is not None]
        if given:
            raise InvalidInput(f"{flag_of(given[0])} is for --engine ray: leave it out, or add --engine ray.")
    elif arguments.servers:
        raise InvalidInput("--engine ray and --servers are two ways to do the jobs: use one of them.")
    elif arguments.device == "cpu" and arguments.gpus_per_actor is not None:
        raise InvalidInput("--gpus-per-actor does nothing with --device cpu: leave out one of them.")


def prepare_for_cluster(arguments: Namespace) -> Namespace:
    """Return the arguments with the folders that other machines cannot know, for a cluster."""
    if arguments.engine != "ray":
        return arguments
    folder, out = models_folder(arguments).path.absolute(), arguments.out.absolute()
    return Namespace(**{**vars(arguments), "folder": folder, "out": out})


def worker_size(arguments: Namespace) -> WorkerSize:
    """Return what one worker needs."""
    gpus = 0.0 if arguments.device == "cpu" else arguments.gpus_per_actor
    return WorkerSize(gpus, arguments.cpus_per_actor)
