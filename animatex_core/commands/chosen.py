"""What --model of `animate` stands for."""

import argparse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch

from ..dance import Dance
from ..errors import InvalidInput
from ..pipeline import Animation, Reference, Report

Animate = Callable[[Reference, Dance], Animation]
"""Animates with networks that are loaded."""

Load = Callable[[torch.dtype, torch.device, Report], Animate]
"""Loads networks, the denoiser in a type of weights, for a device; tells how far it and they are."""


@dataclass(frozen=True)
class Chosen:
    """A model whose settings are known to be possible.

    usual: what options of frames come to where they are not given. find: looks for the files and tells how
    they are loaded; raises InvalidInput where one is missing.
    """

    usual: Mapping[str, int]
    find: Callable[[], Load]

    def completed(self, arguments: argparse.Namespace) -> argparse.Namespace:
        """Return the arguments with what was not given as usual."""
        return argparse.Namespace(**{**self.usual, **vars(arguments)})


def refuse(arguments: argparse.Namespace, options: Iterable[str], why: str) -> None:
    """Raise InvalidInput where an option was given that the model does not know."""
    for option in options:
        if getattr(arguments, option) is not None:
            raise InvalidInput(f"--{option.replace('_', '-')} is {why}.")
