"""What is under test: networks that animate, or clips that another system made."""

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
from ...pose.cache import digest_file, key_of
from ...utils.progress import no_progress
from ...video.files import CLIP_SUFFIXES, files_by_name
from ...video.info import count_frames, probe
from ...video.reader import read_frames
from .cases import SETTINGS, Setting, Task, aligned_frames, check_shape

Size = tuple[int, int]


class System(Protocol):
    """Something that makes a clip of a task. name: in tables, and of its folder of results."""

    @property
    def name(self) -> str: ...

    def clip(self, case: str, number: int, setting: Setting, task: Task, size: Size) -> np.ndarray:
        """Return the clip (f, height, width, 3) uint8 of a case; size: width and height."""
        ...

    def identity(self) -> Mapping[str, Any]:
        """Return what the system is, as JSON can hold it: equal where it makes equal clips."""
        ...


@dataclass(frozen=True)
class AnimatedBy:
    """Networks that animate.

    load: called when first needed. settings: the seed of the noise is theirs plus the number of the case.
    described: what makes these networks others than others, for `identity`.
    """

    name: str
    load: Callable[[], PipelineComponents]
    settings: AnimationSettings
    described: Mapping[str, Any]

    def clip(self, case: str, number: int, setting: Setting, task: Task, size: Size) -> np.ndarray:
        """Animate."""
        sampling = self.settings.sampling
        own = replace(sampling, seed=(sampling.seed + number) % SEEDS)
        settings = replace(self.settings, width=size[0], height=size[1], sampling=own)
        return self._animator.animate(task.reference, task, settings).frames

    def identity(self) -> Mapping[str, Any]:
        """Return what the caller told."""
        return self.described

    @cached_property
    def _animator(self) -> AnimateXPipeline:
        return AnimateXPipeline(self.load(), lambda stage, done, total: no_progress(done, total))


@dataclass(frozen=True)
class ClipsOf:
    """Clips that another system made, named as the cases are, in a folder for each setting.

    folder: holds the folders "self-driven" and "cross"; without them, and with `only`, the clips of that
    setting themselves. A frame of the true clip is compared with the one shown at the same time.
    """

    name: str
    folder: Path
    only: Setting | None = None

    def clip(self, case: str, number: int, setting: Setting, task: Task, size: Size) -> np.ndarray:
        """Read the frames of a clip at the times of the truth; raises InvalidInput where it has none."""
        path = self._path(case, setting)
        info = probe(path)
        _, height, width, _ = task.driving.shape
        check_shape(path, (info.width, info.height), [(width, height), size])
        there = count_frames(info)
        indices = aligned_frames(path, info.fps, there, task.fps, len(task.poses))
        frames = [resize(frame, *size) for frame in read_frames(info, indices=indices)]
        if len(frames) < len(indices):
            raise InvalidInput(
                f"Only {len(frames)} of {len(indices)} frames of {str(path)!r} can be read: write it again."
            )
        return np.stack(frames)

    def identity(self) -> Mapping[str, Any]:
        """Digest of all clips."""
        files = [path for setting in SETTINGS for path in self._clips(setting).values()]
        content = [digest_file(path) for path in files]
        return {"clips": key_of(content, {"names": [path.name for path in files]})}

    def _path(self, case: str, setting: Setting) -> Path:
        clips = self._clips(setting)
        if case not in clips:
            raise InvalidInput(
                f"There is no clip of the case {case} in {self._place(setting)}: name it {case}.mp4."
            )
        return clips[case]

    def _clips(self, setting: Setting) -> dict[str, Path]:
        return files_by_name(self._place(setting), CLIP_SUFFIXES)

    def _place(self, setting: Setting) -> Path:
        inside = self.folder / setting
        return self.folder if setting == self.only and not inside.is_dir() else inside
