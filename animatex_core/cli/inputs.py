"""Reads the reference image with its character, and the poses of driving videos, as the options specify."""

import argparse
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from tempfile import gettempdir

import numpy as np
from tqdm import tqdm

from ..driving import DrivingClip, choose_driving
from ..errors import InvalidInput
from ..pose.cache import PoseCache, cache_key, digest_file
from ..pose.dwpose import DWPose
from ..pose.extractor import PoseExtractor
from ..pose.filtering import fill_gaps, smooth
from ..pose.formats.reader import write_poses
from ..pose.keypoints import PoseSequence
from ..reference import Reference, check_mask_shape, detect_reference_pose, open_reference
from ..retarget.character import OPAQUE
from ..retarget.mask_files import read_mask
from ..retarget.masks import find_character, fit_mask
from ..training.data.sources import Source
from ..utils.progress import Progress
from ..video.frame_selection import FrameChoice, choose_frames
from ..video.image import read_image
from ..video.info import VideoInfo, probe
from ..video.reader import read_frames
from .options import SMALL, WHOLE_CLIP, models_folder

CACHE = Path("~/.cache/animatex/poses")


def find_pose_models(arguments: Namespace) -> DWPose:
    """Return the pose models of --pose-nets: the small ones if the files of DWPose are missing."""
    if arguments.pose_nets == SMALL:
        return DWPose(device=arguments.provider)
    return DWPose.find(models_folder(arguments), arguments.provider)


def find_pose_models_with_notice(arguments: Namespace) -> DWPose:
    """Like `find_pose_models`, but print a notice if the small models replace DWPose."""
    nets = find_pose_models(arguments)
    if nets.detector is None and arguments.pose_nets != SMALL:
        print(
            f"The files of DWPose are not in {models_folder(arguments).path}, so the small built-in models "
            "detect the poses: for real people, run `animatex models download pose`."
        )
    return nets


def read_driving_clip(arguments: Namespace, clip: VideoInfo, progress: Progress) -> DrivingClip:
    """Select frames of the driving video, and read their poses from --poses or detect them.

    Args:
        arguments: The parsed arguments.
        clip: The driving video.
        progress: Called after every frame that is processed.

    Returns:
        The selected frames with their poses, filtered as the options specify.

    """
    choose = partial(
        choose_frames,
        frames=arguments.frames,
        stride=arguments.stride,
        start=arguments.start,
        end=arguments.end,
        fps=clip.fps,
    )

    def detect(choice: FrameChoice) -> PoseSequence:
        return _detect(arguments, clip, choice, progress)

    dance = choose_driving(clip, choose, poses=arguments.poses, person=arguments.person, detect=detect)
    return replace(dance, poses=filter_poses(arguments, dance.poses))


def _detect(arguments: Namespace, clip: VideoInfo, choice: FrameChoice, progress: Progress) -> PoseSequence:
    """Detect the poses of the selected frames, or load them from the cache."""
    nets = find_pose_models_with_notice(arguments)

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

    if arguments.no_cache:
        return extract()
    request = {"frames": choice.indices, "person": arguments.person, "detect_every": arguments.detect_every}
    key = cache_key([*map(digest_file, clip.files), *clip.conversion, *nets.contents], request)
    return PoseCache(_cache_folder()).cached(key, extract)


def _cache_folder() -> Path:
    try:
        return CACHE.expanduser()
    except RuntimeError:  # there is no home directory, as in some containers
        return Path(gettempdir()) / "animatex-poses"


def filter_poses(arguments: Namespace, poses: PoseSequence) -> PoseSequence:
    """Fill gaps in poses and smooth them, as the options specify."""
    filled = fill_gaps(poses, arguments.fill_gaps)
    return filled if arguments.smooth is None else smooth(filled, min_cutoff=arguments.smooth)


class ClipPoses:
    """Poses of many videos, read from the file of each or detected and written to it.

    The pose models are loaded once, when they are first needed.

    Args:
        arguments: The parsed arguments.

    """

    def __init__(self, arguments: Namespace) -> None:
        self._arguments = arguments

    def announce(self, sources: Sequence[Source]) -> None:
        """Print a notice before the work begins if poses have to be detected without DWPose."""
        if any(self._needs_detection(source) for source in sources):
            _ = self._nets

    def dance(self, source: Source, progress: Progress) -> DrivingClip:
        """Return all frames of a video and their poses.

        Args:
            source: The video.
            progress: Called after every frame.

        Raises:
            InvalidInput: The video or its pose file cannot be read.

        """
        clip = probe(source.path)
        if self._needs_detection(source):
            write_poses(self._path(source), self._detect(clip, progress))
        # Pose files that were written here hold only the selected person.
        options = {**vars(self._arguments), **WHOLE_CLIP, "poses": self._path(source), "person": "best"}
        return read_driving_clip(Namespace(**options), clip, progress)

    def _needs_detection(self, source: Source) -> bool:
        return self._arguments.no_cache or not self._path(source).exists()

    def _path(self, source: Source) -> Path:
        folder = self._arguments.poses or source.folder
        return (folder / source.name).with_suffix(".json")

    def _detect(self, clip: VideoInfo, progress: Progress) -> PoseSequence:
        return self._extractor.extract(
            read_frames(clip),
            total=clip.frames,
            person=self._arguments.person,
            detect_every=self._arguments.detect_every,
            whole_frame=False,  # frames without a person are useless for training
            progress=progress,
        )

    @cached_property
    def _nets(self) -> DWPose:
        return find_pose_models_with_notice(self._arguments)

    @cached_property
    def _extractor(self) -> PoseExtractor:
        extractor = self._nets.open()
        tqdm.write(f"poses: {self._nets.name} on {extractor.provider}")
        return extractor


def read_reference(arguments: argparse.Namespace) -> Reference:
    """Read --reference, with the pose and box of the character as specified or detected."""
    return open_reference(
        arguments.reference,
        pose=arguments.reference_pose,
        box=arguments.box,
        mask=arguments.mask,
        mask_shows=arguments.mask_shows,
        dwpose=None if arguments.mode == "none" else find_pose_models(arguments),
        note=lambda text: print(f"mask: {text}"),
    )


def require_reference_pose(arguments: argparse.Namespace, reference: Reference) -> PoseSequence:
    """Return the pose of the character, and detect it even if a box or a mask is specified.

    Raises:
        InvalidInput: No pose is detected in the reference image.

    """
    pose = reference.pose or detect_reference_pose(find_pose_models(arguments), reference.picture)
    if pose is None:
        raise InvalidInput(
            f"No pose is detected in {arguments.reference}, but a puppet needs one: give it with "
            "--reference-pose, or leave out --puppet."
        )
    return pose


def read_reference_mask(arguments: argparse.Namespace, pose: PoseSequence | None) -> np.ndarray | None:
    """Read the mask of the character from --mask, else from the alpha channel of the reference image.

    Args:
        arguments: The parsed arguments.
        pose: The pose of the character, one frame; None if unknown.

    Returns:
        (h, w) bool of the size of the image, True at the character; None without a mask.

    """
    picture = read_image(arguments.reference)
    if arguments.mask is None:
        shown = None if picture.alpha is None else picture.alpha > OPAQUE
        return shown if shown is not None and shown.any() else None
    height, width, _ = picture.rgb.shape
    mask = read_mask(arguments.mask)
    check_mask_shape(mask, picture.rgb, f"The mask {arguments.mask}")
    found = find_character(mask, arguments.mask_shows, pose)
    return None if found.shown is None or found.shown.all() else fit_mask(found.shown, width, height)
