"""From the options of a command to a dance: which frames, and whose poses in them."""

import argparse
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir

from ..dance import Dance, common_length, poses_of_clip
from ..dwpose import DWPose
from ..pose.cache import PoseCache, digest_file, key_of
from ..pose.gaps import fill_gaps
from ..pose.skeleton import PoseSequence
from ..pose.smooth import smooth
from ..progress import Progress
from ..video.clip import ClipInfo, count_frames
from ..video.frames import FrameChoice, choose_frames
from ..video.read import read_frames
from .pose_nets import announce_nets

CACHE = Path("~/.cache/animatex/poses")


def read_dance(arguments: argparse.Namespace, clip: ClipInfo, progress: Progress) -> Dance:
    """Choose the frames of the driving clip and read or find their poses."""
    if arguments.poses is None:
        choice = _choose(arguments, clip, count_frames(clip))
        return Dance(clip, choice, _cleaned(arguments, _found(arguments, clip, choice, progress)))
    frames = count_frames(clip)
    poses = poses_of_clip(arguments.poses, clip, arguments.person, frames)
    choice = _choose(arguments, clip, common_length(clip, poses, frames))
    chosen = poses.select(choice.indices).with_fps(choice.fps)
    return Dance(clip, choice, _cleaned(arguments, chosen))


def _choose(arguments: argparse.Namespace, clip: ClipInfo, total: int) -> FrameChoice:
    return choose_frames(
        total,
        frames=arguments.frames,
        stride=arguments.stride,
        start=arguments.start,
        end=arguments.end,
        fps=clip.fps,
    )


def _found(
    arguments: argparse.Namespace, clip: ClipInfo, choice: FrameChoice, progress: Progress
) -> PoseSequence:
    """Find the poses of the chosen frames by DWPose, or remember them."""
    nets = announce_nets(arguments)

    def extract() -> PoseSequence:
        extractor = nets.open()
        print(f"poses: {nets.name} on {extractor.provider}")
        return extractor.extract(
            read_frames(clip, indices=choice.indices),
            fps=choice.fps,
            total=len(choice.indices),
            person=arguments.person,
            detect_every=arguments.detect_every,
            progress=progress,
        )

    return extract() if arguments.no_cache else _remembered(arguments, clip, choice, nets, extract)


def _remembered(
    arguments: argparse.Namespace,
    clip: ClipInfo,
    choice: FrameChoice,
    nets: DWPose,
    extract: Callable[[], PoseSequence],
) -> PoseSequence:
    asked = {"frames": choice.indices, "person": arguments.person, "detect_every": arguments.detect_every}
    key = key_of([*map(digest_file, clip.files), *clip.conversion, *nets.contents], asked)
    return PoseCache(_cache_folder()).cached(key, extract)


def _cache_folder() -> Path:
    try:
        return CACHE.expanduser()
    except RuntimeError:  # nobody's home, as in some containers
        return Path(gettempdir()) / "animatex-poses"


def _cleaned(arguments: argparse.Namespace, poses: PoseSequence) -> PoseSequence:
    filled = fill_gaps(poses, arguments.fill_gaps)
    return filled if arguments.smooth is None else smooth(filled, min_cutoff=arguments.smooth)
