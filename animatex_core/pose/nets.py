"""What finding poses asks of a net, wherever it runs."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class PoseNet(Protocol):
    """A net that is ready to run."""

    @property
    def takes_batches(self) -> bool:
        """Whether it takes several pictures at once."""
        ...

    @property
    def provider(self) -> str:
        """What it works on, as users call it: CUDA, DirectML, CoreML or CPU."""
        ...

    def run(self, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run one or more pictures (c, h, w) float32; each output is stacked over the pictures."""
        ...
