"""Characters that stay known for the next jobs of a batch."""

import argparse
from collections.abc import Callable, Hashable

from ..batch.kept import Kept
from ..pose.keypoints import PoseSequence
from ..reference import Reference, open_reference
from ..retarget.character import Box
from .batch_jobs import OF_REFERENCE, options_of

Read = Callable[[argparse.Namespace], Reference]
MAX_PICTURES = 256
MAX_CHARACTERS = 100_000
"""Of the poses, which take 2 kB each. Jobs are sorted by dance, so each dance has all characters again."""


class KeptReferences:
    """The characters that were used last. Their poses are kept longer than their images, which are large.

    Args:
        read: Opens a character and detects its pose.
        max_pictures: How many images are kept.

    """

    def __init__(self, read: Read, max_pictures: int = MAX_PICTURES) -> None:
        self._read = read
        self._opened: Kept[Reference] = Kept(max_pictures)
        self._found: Kept[tuple[PoseSequence | None, Box | None]] = Kept(MAX_CHARACTERS)

    def get(self, arguments: argparse.Namespace) -> Reference:
        """Return the character of a job, as `read` opens it.

        Args:
            arguments: The options of the job.

        Raises:
            AnimateXError: What `read` raises.

        """
        key = options_of(arguments, OF_REFERENCE)
        return self._opened.get(key, lambda: self._open(arguments, key))

    def _open(self, arguments: argparse.Namespace, key: Hashable) -> Reference:
        new: list[Reference] = []

        def find() -> tuple[PoseSequence | None, Box | None]:
            new.append(self._read(arguments))
            return new[0].pose, new[0].box

        pose, box = self._found.get(key, find)
        return new[0] if new else open_reference(arguments.reference, pose=pose, box=box)
