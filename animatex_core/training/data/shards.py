"""Data sets of clips that are encoded already: a folder of shards, and the form that all have in common."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from types import TracebackType

import numpy as np
from torch import Tensor

from ...errors import InvalidInput
from ...pose.keypoints import PoseSequence
from .clip import StoredClip, TrainingClip
from .header import DatasetHeader, read_header, write_header
from .selection import choose_indices, choose_reference
from .shard import Shard, write_shard

PATTERN = "shard-*.safetensors"
OPEN_SHARDS = 1024  # mapped at once in a process
POOL_CLIPS, POOL_FRAMES = 4096, 16  # at most: enough bodies, each seen well enough to measure it, in 100 MB


class ShardDataset:
    """`ClipDataset` over the shards of a folder, which are opened when they are first needed.

    It may be sent to worker processes, each of which maps the files for itself.
    header: the form of all clips; text_context: (1, text_tokens, context_dim) float32.
    """

    def __init__(self, folder: Path, header: DatasetHeader, text_context: Tensor, shards: list[Path]) -> None:
        self.folder, self.header, self.text_context = folder, header, text_context
        self._shards = _OpenShards(shards, header)
        counts = [len(self._shards[number].frames) for number in range(len(shards))]
        self._ends = np.cumsum(counts)

    @classmethod
    def open(cls, path: str | Path) -> "ShardDataset":
        """Open what `ShardWriter` or `animatex prepare` has written.

        Every shard is looked at, so that a damaged one is found before training. Raises InvalidInput for a
        folder that is missing, of another version, empty or damaged.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise InvalidInput(f"The data set {folder} is not a folder that exists: check its name.")
        header, text_context = read_header(folder)
        shards = shard_files(folder)
        if not shards:
            raise InvalidInput(f"The data set {folder} has no clips yet: prepare some.")
        return cls(folder, header, text_context, shards)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def clip(self, index: int, frames: int, rng: np.random.Generator) -> TrainingClip:
        """Return `frames` frames of clip `index` at an equal stride; see `ClipDataset.clip`."""
        shard, place = self._find(index)
        total = int(shard.frames[place])
        if not 1 <= frames <= total:
            raise InvalidInput(
                f"Clip {index} of {self.folder} has {total} frames, but {frames} were asked for: train with "
                "fewer frames, or prepare longer clips."
            )
        chosen = choose_indices(total, frames, self.header.max_stride, rng)
        return shard.sample(place, chosen, choose_reference(shard.reference_frames(place), chosen, rng))

    def pool(self) -> list[PoseSequence]:
        """Return the poses of at most 4096 clips in at most 16 frames of each, spread over all there are."""
        return [self._few_poses(index) for index in _spread(len(self), POOL_CLIPS)]

    def _few_poses(self, index: int) -> PoseSequence:
        shard, place = self._find(index)
        return shard.poses(place, _spread(int(shard.frames[place]), POOL_FRAMES))

    def _find(self, index: int) -> tuple[Shard, int]:
        """Return the shard of a clip and its place in there."""
        assert 0 <= index < len(self), index
        number = int(np.searchsorted(self._ends, index, side="right"))
        return self._shards[number], index - (int(self._ends[number - 1]) if number else 0)


class ShardWriter:
    """Adds clips to a folder, a file for every so many; to be used as a context.

    A file appears when it is whole. After a crash `create` the writer anew: `written` says how many clips are
    there, and the next one is that number. One process at a time writes into a folder.
    """

    def __init__(self, folder: Path, header: DatasetHeader, clips_per_shard: int) -> None:
        self.folder, self.header, self.clips_per_shard = folder, header, clips_per_shard
        self.written = self._count()
        self._waiting: list[StoredClip] = []

    @classmethod
    def create(
        cls, folder: str | Path, header: DatasetHeader, text_context: Tensor, clips_per_shard: int = 256
    ) -> "ShardWriter":
        """Begin a data set or go on with one.

        text_context: (1, text_tokens, context_dim), the text encoder's answer to "". Raises InvalidInput
        where the folder holds clips of another form, StorageError where nothing can be written.
        """
        write_header(Path(folder), header, text_context)
        return cls(Path(folder), header, clips_per_shard)

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()

    def add(self, clip: StoredClip) -> None:
        """Take a clip, which is on disk once its shard is full or the block ends."""
        self._waiting.append(clip)
        if len(self._waiting) == self.clips_per_shard:
            self.flush()

    def flush(self) -> None:
        """Write the clips that wait, if any, as a shard of their own."""
        if self._waiting:
            write_shard(self.folder / f"shard-{self.written:08}.safetensors", self._waiting, self.header)
            self.written += len(self._waiting)
            self._waiting = []

    def _count(self) -> int:
        """Return the number of the last clip's successor, be it that a damaged shard was taken away."""
        last = shard_files(self.folder)[-1:]
        return sum(
            int(path.stem.rpartition("-")[2]) + len(Shard.open(path, self.header).frames) for path in last
        )


def shard_files(folder: Path) -> list[Path]:
    """Return the shards of a folder in the order of their names."""
    return sorted(folder.glob(PATTERN))


def _spread(total: int, most: int) -> range:
    return range(0, total, -(-total // most))


class _OpenShards:
    """Shards by number, of which those used last stay open."""

    def __init__(self, paths: Sequence[Path], header: DatasetHeader) -> None:
        self.paths, self.header = paths, header
        self._open = lru_cache(OPEN_SHARDS)(lambda number: Shard.open(paths[number], header))

    def __reduce__(self) -> tuple:
        return _OpenShards, (self.paths, self.header)  # another process opens the files anew

    def __getitem__(self, number: int) -> Shard:
        return self._open(number)
