"""From the options of a command to poses: which models find them, and of which frames."""

import argparse
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import gettempdir

from tqdm import tqdm

from ..driving import DrivingClip, common_length, read_driving_poses
from ..pose.cache import PoseCache, cache_key, digest_file
from ..pose.dwpose import DWPose
from ..pose.extractor import PoseExtractor
from ..pose.filtering import fill_gaps, smooth
from ..pose.formats.reader import write_poses
from ..pose.keypoints import PoseSequence
from ..training.data.sources import Source
from ..utils.progress import Progress
from ..video.frame_selection import FrameChoice, choose_frames
from ..video.info import VideoInfo, count_frames, probe
from ..video.reader import read_frames
from .options import SMALL, WHOLE_CLIP, models_folder


def find_nets(arguments: argparse.Namespace) -> DWPose:
    """Return the nets of --pose-nets, the small ones where DWPose's files are not here."""
    files = None if arguments.pose_nets == SMALL else models_folder(arguments).find_pose_files()
    detector, landmarks = files or (None, None)
    return DWPose(detector, landmarks, arguments.provider)


def announce_nets(arguments: argparse.Namespace) -> DWPose:
    """As `find_nets`, and say it where small ones take DWPose's place."""
    nets = find_nets(arguments)
    if nets.detector is None and arguments.pose_nets != SMALL:
        print(
            f"DWPose's files are not in {models_folder(arguments).path}, so that the small built-in nets "
            "find the poses: real people need these files, which `animatex models download pose` gets."
        )
    return nets


CACHE = Path("~/.cache/animatex/poses")


def read_dance(arguments: argparse.Namespace, clip: VideoInfo, progress: Progress) -> DrivingClip:
    """Choose the frames of the driving clip and read or find their poses."""
    if arguments.poses is None:
        choice = _choose(arguments, clip, count_frames(clip))
        return DrivingClip(clip, choice, _cleaned(arguments, _found(arguments, clip, choice, progress)))
    frames = count_frames(clip)
    poses = read_driving_poses(arguments.poses, clip, arguments.person, frames)
    choice = _choose(arguments, clip, common_length(clip, poses, frames))
    chosen = poses.select(choice.indices).with_fps(choice.fps)
    return DrivingClip(clip, choice, _cleaned(arguments, chosen))


def _choose(arguments: argparse.Namespace, clip: VideoInfo, total: int) -> FrameChoice:
    return choose_frames(
        total,
        frames=arguments.frames,
        stride=arguments.stride,
        start=arguments.start,
        end=arguments.end,
        fps=clip.fps,
    )


def _found(
    arguments: argparse.Namespace, clip: VideoInfo, choice: FrameChoice, progress: Progress
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
    clip: VideoInfo,
    choice: FrameChoice,
    nets: DWPose,
    extract: Callable[[], PoseSequence],
) -> PoseSequence:
    asked = {"frames": choice.indices, "person": arguments.person, "detect_every": arguments.detect_every}
    key = cache_key([*map(digest_file, clip.files), *clip.conversion, *nets.contents], asked)
    return PoseCache(_cache_folder()).cached(key, extract)


def _cache_folder() -> Path:
    try:
        return CACHE.expanduser()
    except RuntimeError:  # nobody's home, as in some containers
        return Path(gettempdir()) / "animatex-poses"


def _cleaned(arguments: argparse.Namespace, poses: PoseSequence) -> PoseSequence:
    filled = fill_gaps(poses, arguments.fill_gaps)
    return filled if arguments.smooth is None else smooth(filled, min_cutoff=arguments.smooth)


class ClipPoses:
    """The poses of the clips, from their files or found and filed; DWPose is opened once for all."""

    def __init__(self, arguments: Namespace) -> None:
        self._arguments = arguments

    def announce(self, sources: Sequence[Source]) -> None:
        """Say, before long work, where poses are to be found without DWPose."""
        if any(self._is_wanting(source) for source in sources):
            _ = self._nets

    def dance(self, source: Source, progress: Progress) -> DrivingClip:
        """Return all frames of a clip and their poses; raises InvalidInput where it cannot be read."""
        clip = probe(source.path)
        if self._is_wanting(source):
            write_poses(self._path(source), self._found(clip, progress))
        # A file of ours holds one person, whichever of several was asked for.
        asked = {**vars(self._arguments), **WHOLE_CLIP, "poses": self._path(source), "person": "best"}
        return read_dance(Namespace(**asked), clip, progress)

    def _is_wanting(self, source: Source) -> bool:
        return self._arguments.no_cache or not self._path(source).exists()

    def _path(self, source: Source) -> Path:
        folder = self._arguments.poses or source.folder
        return (folder / source.name).with_suffix(".json")

    def _found(self, clip: VideoInfo, progress: Progress) -> PoseSequence:
        return self._extractor.extract(
            read_frames(clip),
            total=clip.frames,
            person=self._arguments.person,
            detect_every=self._arguments.detect_every,
            whole_frame=False,  # where nobody is, nothing is to be learnt
            progress=progress,
        )

    @cached_property
    def _nets(self) -> DWPose:
        return announce_nets(self._arguments)

    @cached_property
    def _extractor(self) -> PoseExtractor:
        extractor = self._nets.open()
        tqdm.write(f"poses: {self._nets.name} on {extractor.provider}")
        return extractor
