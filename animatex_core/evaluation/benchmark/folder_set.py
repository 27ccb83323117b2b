"""A set of cases in a folder with the layout of A2Bench: clips, their poses and images."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...driving import DrivingClip, common_length, read_driving_poses
from ...errors import InvalidInput
from ...pose.cache import cache_key, digest_file
from ...pose.formats.reader import read_poses
from ...pose.formats.text import pose_files_in
from ...pose.keypoints import PoseSequence
from ...video.files import READ_IMAGE_SUFFIXES, VIDEO_SUFFIXES, files_by_name
from ...video.frame_selection import choose_frames
from ...video.image import read_image
from ...video.info import count_frames, probe
from .cases import Case

CLIPS, POSES, PICTURES, HUMANS = "clips", "poses", "pictures", "humans"  # folders
SIZE = (512, 768)  # assumed size of a human's image if the pose file does not contain it


@dataclass(frozen=True)
class FolderSet:
    """Cases of a folder.

    The folder contains clips/ID.mp4, poses/ID.json (OpenPose) and optionally pictures/ID.png. Without an
    image the first frame of the clip is used. humans/*.json are poses of people for the cross setting.

    Attributes:
        folder: The folder.
        frames: Number of frames of each clip that are used.
        stride: Steps between two of these frames.
        count: Number of cases in the order of their names; None uses all.

    """

    folder: Path
    frames: int
    stride: int
    count: int | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Sorted IDs; raises InvalidInput if there are none."""
        names = sorted(self._clips)[: self.count]
        if not names:
            raise InvalidInput(
                f"{self.folder / CLIPS} holds no clips: give a folder with {CLIPS}, {POSES} and {PICTURES}."
            )
        return tuple(names)

    def case(self, number: int) -> Case:
        """Read the case `names[number]`."""
        name = self.names[number]
        driving = self._driving(name)
        frames = np.stack(list(driving.frames()))
        driving.require_all(len(frames))
        path = self._pictures.get(name)
        image = frames[0] if path is None else read_image(path).rgb
        return Case(name, image, frames, driving.poses, driving.choice.fps)

    def human(self, rng: np.random.Generator) -> PoseSequence:
        """Read the poses of a random human."""
        return read_poses(self._humans[rng.integers(len(self._humans))], size=SIZE)

    def identity(self) -> Mapping[str, Any]:
        """Return a digest of all files of the cases and the selection of frames."""
        folders = (self._clips, self._pictures, self._poses)
        files = [by_name[name] for name in self.names for by_name in folders if name in by_name]
        humans = _poses_in(self.folder / HUMANS)
        content = [digest_file(path) for path in [*files, *humans]]
        digest = cache_key(content, {"names": list(self.names)})
        return {"cases": len(self.names), "files": digest, "frames": self.frames, "stride": self.stride}

    def _driving(self, name: str) -> DrivingClip:
        if name not in self._poses:
            raise InvalidInput(
                f"{self.folder / POSES / name}.json is missing: create it with `animatex pose`."
            )
        clip = probe(self._clips[name])
        frames = count_frames(clip)
        poses = read_driving_poses(self._poses[name], clip, frames=frames)
        total = common_length(clip, poses, frames)
        choice = choose_frames(total, frames=self.frames, stride=self.stride, fps=clip.fps)
        return DrivingClip(clip, choice, poses.select(choice.indices).with_fps(choice.fps))

    @cached_property
    def _clips(self) -> dict[str, Path]:
        return files_by_name(self.folder / CLIPS, VIDEO_SUFFIXES)

    @cached_property
    def _poses(self) -> dict[str, Path]:
        return files_by_name(self.folder / POSES, (".json",))

    @cached_property
    def _pictures(self) -> dict[str, Path]:
        return files_by_name(self.folder / PICTURES, READ_IMAGE_SUFFIXES)

    @cached_property
    def _humans(self) -> list[Path]:
        found = _poses_in(self.folder / HUMANS)
        if not found:
            raise InvalidInput(
                f"The cross setting needs human bodies, but {self.folder / HUMANS} holds no poses: add "
                "OpenPose JSON of people, or evaluate only the self-driven setting."
            )
        return found


def _poses_in(folder: Path) -> list[Path]:
    return sorted(pose_files_in(folder)) if folder.is_dir() else []
