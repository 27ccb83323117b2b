"""Systems under test: a pipeline of this library, or clips that another system generated."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ...animate_x.components import PipelineComponents
from ...animate_x.pipeline import AnimateXPipeline, AnimationSettings
from ...diffusion.schedule import SEEDS
from ...encoders.preprocessing import resize
from ...errors import InvalidInput
from ...pose.cache import cache_key, digest_file
from ...utils.progress import no_progress
from ...video.files import VIDEO_SUFFIXES, files_by_name
from ...video.info import count_frames, probe
from ...video.reader import read_frames
from .cases import SETTINGS, Setting, Task, aligned_frames, check_shape

Size = tuple[int, int]


class System(Protocol):
    """A system that animates characters. `name` is used in tables and as the folder of its results."""

    @property
    def name(self) -> str:
        """Name in tables, and of the folder of results."""
        ...

    def clip(self, case: str, number: int, setting: Setting, task: Task, size: Size) -> np.ndarray:
        """Animate a case.

        Args:
            case: Name of the case.
            number: Its index.
            setting: The setting.
            task: The input.
            size: Width and height of the result.

        Returns:
            (f, height, width, 3) uint8.

        Raises:
            InvalidInput: The case cannot be animated or read.

        """
        ...

    def identity(self) -> Mapping[str, Any]:
        """Return JSON data that identifies the system: equal if it generates equal clips."""
        ...


@dataclass(frozen=True)
class PipelineSystem:
    """A pipeline of this library.

    Attributes:
        name: Name of the system.
        load: Loads the components; called on first use.
        settings: Settings of the pipeline. The number of the case is added to the seed.
        described: JSON data that identifies the components.

    """

    name: str
    load: Callable[[], PipelineComponents]
    settings: AnimationSettings
    described: Mapping[str, Any]

    def clip(self, case: str, number: int, setting: Setting, task: Task, size: Size) -> np.ndarray:
        """Run the pipeline."""
        sampling = self.settings.sampling
        seeded = replace(sampling, seed=(sampling.seed + number) % SEEDS)
        settings = replace(self.settings, width=size[0], height=size[1], sampling=seeded)
        return self._pipeline.animate(task.reference, task, settings).frames

    def identity(self) -> Mapping[str, Any]:
        """Return the description that the caller provided."""
        return self.described

    @cached_property
    def _pipeline(self) -> AnimateXPipeline:
        return AnimateXPipeline(self.load(), lambda stage, done, total: no_progress(done, total))


@dataclass(frozen=True)
class RecordedSystem:
    """Clips that another system generated, with the names of the cases.

    Each frame of the true clip is compared with the frame that is shown at the same time.

    Attributes:
        name: Name of the system.
        folder: Folder with the subfolders "self-driven" and "cross".
        only: The only setting that is evaluated; `folder` may then contain its clips directly.

    """

    name: str
    folder: Path
    only: Setting | None = None

    def clip(self, case: str, number: int, setting: Setting, task: Task, size: Size) -> np.ndarray:
        """Read the frames of a clip at the times of the true clip."""
        path = self._path(case, setting)
        info = probe(path)
        _, height, width, _ = task.driving.shape
        check_shape(path, (info.width, info.height), [(width, height), size])
        indices = aligned_frames(path, info.fps, count_frames(info), task.fps, len(task.poses))
        frames = [resize(frame, *size) for frame in read_frames(info, indices=indices)]
        if len(frames) < len(indices):
            raise InvalidInput(
                f"Only {len(frames)} of {len(indices)} frames of {str(path)!r} can be read: encode it again."
            )
        return np.stack(frames)

    def identity(self) -> Mapping[str, Any]:
        """Return a digest of all clips."""
        files = [path for setting in SETTINGS for path in self._clips(setting).values()]
        content = [digest_file(path) for path in files]
        return {"clips": cache_key(content, {"names": [path.name for path in files]})}

    def _path(self, case: str, setting: Setting) -> Path:
        clips = self._clips(setting)
        if case not in clips:
            raise InvalidInput(
                f"There is no clip of the case {case} in {self._folder(setting)}: add {case}.mp4."
            )
        return clips[case]

    def _clips(self, setting: Setting) -> dict[str, Path]:
        return files_by_name(self._folder(setting), VIDEO_SUFFIXES)

    def _folder(self, setting: Setting) -> Path:
        inside = self.folder / setting
        return self.folder if setting == self.only and not inside.is_dir() else inside
