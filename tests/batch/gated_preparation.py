"""Preparing training data on the workers of a cluster, which wait for a gate.

It is a module of its own, since workers cannot import test modules, whose names depend on the checkout's.
"""

import os
from argparse import Namespace

import torch

from animatex_core.animate_x.animation import Report
from animatex_core.cli import preparation
from animatex_core.training.data.sources import Source
from animatex_core.training.data.work import Add
from tests.batch.gated import node, wait_until

GATE, STARTED = "gate", "started-"


def open_gated(arguments: Namespace) -> Add:
    """Return what prepares a video on a node, once a gate beside the videos is open."""
    opened = preparation._open(arguments, (), torch.device("cpu"))
    folder = arguments.clips.parent

    def add(source: Source, report: Report) -> None:
        (folder / f"{STARTED}{source.path.stem}-{node()}").write_text(str(os.getpid()))
        wait_until((folder / GATE).exists)
        opened.add(source, report)

    return add
