"""Data sets of encoded clips: a folder of shards with a common header."""

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
MAX_OPEN_SHARDS = 1024  # memory-mapped at once in a process
# Enough bodies, each with enough frames to measure it, in 100 MB.
MAX_POOL_CLIPS, MAX_POOL_FRAMES = 4096, 16


class ShardDataset:
    """`ClipDataset` over the shards of a folder, which are opened on first access.

    It can be sent to worker processes, each of which maps the files itself.

    Attributes:
        folder: The folder.
        header: Size and format of all clips.
        text_context: (1, text_tokens, context_dim) float32.

    """

    def __init__(self, folder: Path, header: DatasetHeader, text_context: Tensor, shards: list[Path]) -> None:
        self.folder, self.header, self.text_context = folder, header, text_context
        self._shards = _OpenShards(shards, header)
        counts = [len(self._shards[number].frames) for number in range(len(shards))]
        self._ends = np.cumsum(counts)

    @classmethod
    def open(cls, path: str | Path) -> "ShardDataset":
        """Open a data set that `ShardWriter` or `animatex prepare` wrote.

        All shards are opened once, so that a damaged one is found before training.

        Raises:
            InvalidInput: If the folder is missing, empty, damaged or of another version.

        """
        folder = Path(path)
        if not folder.is_dir():
            raise InvalidInput(f"The data set {folder} is not an existing folder: check the path.")
        header, text_context = read_header(folder)
        shards = shard_files(folder)
        if not shards:
            raise InvalidInput(
                f"The data set {folder} has no clips yet: prepare some with `animatex prepare`."
            )
        return cls(folder, header, text_context, shards)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def clip(self, index: int, frames: int, rng: np.random.Generator) -> TrainingClip:
        """Return `frames` frames of clip `index` at a constant stride; see `ClipDataset.clip`."""
        shard, place = self._find(index)
        total = int(shard.frames[place])
        if not 1 <= frames <= total:
            raise InvalidInput(
                f"Clip {index} of {self.folder} has {total} frames, but the batch needs {frames}: train with "
                "fewer frames, or prepare longer clips."
            )
        chosen = choose_indices(total, frames, self.header.max_stride, rng)
        return shard.sample(place, chosen, choose_reference(shard.reference_frames(place), chosen, rng))

    def pool(self) -> list[PoseSequence]:
        """Return poses of at most 4096 clips with at most 16 frames each, spread over the data set."""
        return [self._sample_poses(index) for index in _spread(len(self), MAX_POOL_CLIPS)]

    def _sample_poses(self, index: int) -> PoseSequence:
        shard, place = self._find(index)
        return shard.poses(place, _spread(int(shard.frames[place]), MAX_POOL_FRAMES))

    def _find(self, index: int) -> tuple[Shard, int]:
        """Return the shard of a clip and its index there."""
        assert 0 <= index < len(self), index
        number = int(np.searchsorted(self._ends, index, side="right"))
        return self._shards[number], index - (int(self._ends[number - 1]) if number else 0)


class ShardWriter:
    """Context manager that writes clips into a folder, `clips_per_shard` to a file.

    Files appear only when complete. After a crash, `create` the writer again: `written` is the number of
    clips on disk, and so the index of the next one. Only one process may write into a folder.
    """

    def __init__(self, folder: Path, header: DatasetHeader, clips_per_shard: int) -> None:
        self.folder, self.header, self.clips_per_shard = folder, header, clips_per_shard
        self.written = self._count()
        self._pending: list[StoredClip] = []

    @classmethod
    def create(
        cls, folder: str | Path, header: DatasetHeader, text_context: Tensor, clips_per_shard: int = 256
    ) -> "ShardWriter":
        """Create a data set, or append to one.

        Args:
            folder: Folder of the data set.
            header: Size and format of its clips.
            text_context: Output (1, text_tokens, context_dim) of the text encoder for the empty prompt.
            clips_per_shard: Number of clips in a file.

        Returns:
            The writer.

        Raises:
            InvalidInput: If the folder holds a data set with another header.
            StorageError: If a file cannot be written.

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
        """Add a clip. It is written when the shard is full or the context ends."""
        self._pending.append(clip)
        if len(self._pending) == self.clips_per_shard:
            self.flush()

    def flush(self) -> None:
        """Write the pending clips, if any, as a shard."""
        if self._pending:
            write_shard(self.folder / f"shard-{self.written:08}.safetensors", self._pending, self.header)
            self.written += len(self._pending)
            self._pending = []

    def _count(self) -> int:
        """Return the index after the last clip, which also counts shards that were deleted."""
        last = shard_files(self.folder)[-1:]
        return sum(
            int(path.stem.rpartition("-")[2]) + len(Shard.open(path, self.header).frames) for path in last
        )


def shard_files(folder: Path) -> list[Path]:
    """Return the shards of a folder, sorted by name."""
    return sorted(folder.glob(PATTERN))


def _spread(total: int, most: int) -> range:
    return range(0, total, -(-total // most))


class _OpenShards:
    """Shards by index, with a cache of open files."""

    def __init__(self, paths: Sequence[Path], header: DatasetHeader) -> None:
        self.paths, self.header = paths, header
        self._open = lru_cache(MAX_OPEN_SHARDS)(lambda number: Shard.open(paths[number], header))

    def __reduce__(self) -> tuple:
        return _OpenShards, (self.paths, self.header)  # another process opens the files itself

    def __getitem__(self, number: int) -> Shard:
        return self._open(number)
