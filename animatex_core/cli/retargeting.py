"""What `animatex retarget` does: read, retarget, and write poses and previews."""

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from einops import rearrange

from ..driving import DrivingClip
from ..pose.draw import draw_poses_over, fit_preview
from ..pose.keypoints import PoseSequence
from ..puppet.puppet import iterate_puppet
from ..reference import Reference
from ..retarget.retarget import retarget_with_plan
from ..utils.files import check_writable
from ..video.image import write_image
from ..video.writer import check_output, write_clip
from .inputs import read_reference, read_reference_mask, require_reference_pose
from .motion import find_dance, read_dance, write_pose_file
from .output import StageBars, check_distinct, check_preview, is_image
from .retarget_options import retarget_settings

PREVIEW_FRAMES, COLUMNS = 8, 4  # of a preview that is an image


def run(arguments: argparse.Namespace) -> None:
    """Retarget, write poses and previews, and print how the poses were fitted."""
    check_distinct(arguments, "out", "preview", "puppet")
    check_writable(arguments.out)
    check_preview(arguments.preview)
    if arguments.puppet is not None:
        check_output(arguments.puppet)
    settings, found = retarget_settings(arguments), find_dance(arguments)
    reference = read_reference(arguments)
    puppet = None if arguments.puppet is None else _Puppet.of(arguments, reference)
    with StageBars() as bars:
        dance = read_dance(arguments, found, partial(bars.report, "poses"))
    retargeted = retarget_with_plan(dance.poses, reference.character, settings)
    poses = retargeted.poses
    write_pose_file(arguments.out, poses)
    if arguments.preview is not None:
        _write_preview(arguments.preview, reference.picture, poses, dance)
    if puppet is not None:
        puppet.write(arguments.puppet, poses, dance)
    print(f"{arguments.out}: {len(poses)} frames, {retargeted.plan.description}")


@dataclass(frozen=True, eq=False)
class _Puppet:
    """The character to move: an image (h, w, 3) uint8, its pose, and a mask (h, w) bool or None."""

    picture: np.ndarray
    pose: PoseSequence
    mask: np.ndarray | None

    @classmethod
    def of(cls, arguments: argparse.Namespace, reference: Reference) -> "_Puppet":
        pose = require_reference_pose(arguments, reference)
        return cls(reference.picture, pose, read_reference_mask(arguments, pose))

    def write(self, path: Path, poses: PoseSequence, dance: DrivingClip) -> None:
        frames = (frame for frame, _ in iterate_puppet(self.picture, self.pose, poses, self.mask))
        write_clip(path, frames, fps=dance.choice.fps, sound=dance.sound(dance.choice.fps))


def _write_preview(path: Path, picture: np.ndarray, poses: PoseSequence, dance: DrivingClip) -> None:
    background = fit_preview(picture)
    if is_image(path):
        moments = np.linspace(0, len(poses) - 1, min(PREVIEW_FRAMES, len(poses))).round().astype(int)
        write_image(path, _sheet(list(draw_poses_over(background, poses.select(moments)))))
    else:
        write_clip(
            path,
            draw_poses_over(background, poses),
            fps=dance.choice.fps,
            sound=dance.sound(dance.choice.fps),
        )


def _sheet(frames: list[np.ndarray]) -> np.ndarray:
    blank = [np.zeros_like(frames[0])] * (-len(frames) % COLUMNS)
    cells = np.stack(frames + blank)
    return rearrange(cells, "(rows columns) h w c -> (rows h) (columns w) c", columns=COLUMNS)
