"""The options that select where jobs are done, which `batch`, `evaluate` and `prepare` share."""

import argparse

from .options import positive, share_of_gpu

ENGINES = ("local", "ray")


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Add --engine, and the options of a Ray cluster."""
    group = parser.add_argument_group("a Ray cluster")
    group.add_argument(
        "--engine",
        choices=ENGINES,
        default=ENGINES[0],
        help="local: one job after the other in this process; ray: on all GPUs of a cluster or of this "
        "machine, see docs/batch.md; default: %(default)s",
    )
    group.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="of the cluster: auto, the head's host:port, or ray://host:port; default: $RAY_ADDRESS, else "
        "this machine alone",
    )
    group.add_argument(
        "--gpus-per-actor",
        type=share_of_gpu,
        metavar="X",
        help="share of a GPU that a worker takes, such as 0.5 for two on each; default: 1",
    )
    group.add_argument(
        "--cpus-per-actor",
        type=positive,
        metavar="N",
        help="CPUs that a worker takes, which are its threads without a GPU; default: none, without a GPU 1",
    )
