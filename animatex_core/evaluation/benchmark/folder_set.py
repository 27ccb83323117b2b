"""A set of cases in a folder, in the form of A2Bench: clips, their poses, and pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...driving import DrivingClip, common_length, poses_of_clip
from ...errors import InvalidInput
from ...pose.cache import digest_file, key_of
from ...pose.formats.reader import read_poses
from ...pose.formats.text import pose_files_in
from ...pose.keypoints import PoseSequence
from ...video.files import CLIP_SUFFIXES, READ_PICTURE_SUFFIXES, files_by_name
from ...video.frame_selection import choose_frames
from ...video.image import read_picture
from ...video.info import count_frames, probe
from .cases import Case

CLIPS, POSES, PICTURES, HUMANS = "clips", "poses", "pictures", "humans"  # folders
SIZE = (512, 768)  # pixels of a human's picture where the file of poses does not tell it


@dataclass(frozen=True)
class FolderSet:
    """Cases of a folder: clips/ID.mp4, poses/ID.json (OpenPose) and, where there are any, pictures/ID.png.

    Without a picture the first frame of the clip stands in for it. humans/*.json: poses of people, whom the
    cross setting chooses from. frames, stride: how many frames of each clip are used, one in `stride`.
    count: of the cases, in the order of their names; None for all.
    """

    folder: Path
    frames: int
    stride: int
    count: int | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """IDs, sorted; raises InvalidInput where there are none."""
        names = sorted(self._clips)[: self.count]
        if not names:
            raise InvalidInput(
                f"{self.folder / CLIPS} holds no clips: give a folder with {CLIPS}, {POSES} and {PICTURES}."
            )
        return tuple(names)

    def case(self, number: int) -> Case:
        """Read a case."""
        name = self.names[number]
        dance = self._dance(name)
        frames = np.stack(list(dance.frames()))
        dance.require_all(len(frames))
        picture = self._pictures.get(name)
        shown = frames[0] if picture is None else read_picture(picture).rgb
        return Case(name, shown, frames, dance.poses, dance.choice.fps)

    def human(self, rng: np.random.Generator) -> PoseSequence:
        """Read the poses of a human."""
        return read_poses(self._humans[rng.integers(len(self._humans))], size=SIZE)

    def identity(self) -> Mapping[str, Any]:
        """Digest of all files of the cases, and what is used of them."""
        chosen = (self._clips, self._pictures, self._poses)
        files = [by_name[name] for name in self.names for by_name in chosen if name in by_name]
        humans = _poses_in(self.folder / HUMANS)
        content = [digest_file(path) for path in [*files, *humans]]
        digest = key_of(content, {"names": list(self.names)})
        return {"cases": len(self.names), "files": digest, "frames": self.frames, "stride": self.stride}

    def _dance(self, name: str) -> DrivingClip:
        if name not in self._poses:
            raise InvalidInput(
                f"{self.folder / POSES / name}.json is missing: find these poses by `animatex pose`."
            )
        clip = probe(self._clips[name])
        frames = count_frames(clip)
        poses = poses_of_clip(self._poses[name], clip, frames=frames)
        total = common_length(clip, poses, frames)
        choice = choose_frames(total, frames=self.frames, stride=self.stride, fps=clip.fps)
        return DrivingClip(clip, choice, poses.select(choice.indices).with_fps(choice.fps))

    @cached_property
    def _clips(self) -> dict[str, Path]:
        return files_by_name(self.folder / CLIPS, CLIP_SUFFIXES)

    @cached_property
    def _poses(self) -> dict[str, Path]:
        return files_by_name(self.folder / POSES, (".json",))

    @cached_property
    def _pictures(self) -> dict[str, Path]:
        return files_by_name(self.folder / PICTURES, READ_PICTURE_SUFFIXES)

    @cached_property
    def _humans(self) -> list[Path]:
        found = _poses_in(self.folder / HUMANS)
        if not found:
            raise InvalidInput(
                f"The cross setting needs human bodies, but {self.folder / HUMANS} holds no poses: put "
                "OpenPose JSON of people there, or evaluate the self-driven setting alone."
            )
        return found


def _poses_in(folder: Path) -> list[Path]:
    return sorted(pose_files_in(folder)) if folder.is_dir() else []
