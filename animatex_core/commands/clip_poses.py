"""The poses of the clips of a folder, beside them or found."""

from argparse import Namespace
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from tqdm import tqdm

from ..dance import Dance
from ..dwpose import DWPose
from ..pose.extract import PoseExtractor
from ..pose.json_io import write_poses
from ..pose.skeleton import PoseSequence
from ..progress import Progress
from ..training.data.sources import Source
from ..video.clip import ClipInfo, probe
from ..video.read import read_frames
from .dances import read_dance
from .options import WHOLE_CLIP
from .pose_nets import announce_nets


class ClipPoses:
    """The poses of the clips, from their files or found and filed; DWPose is opened once for all."""

    def __init__(self, arguments: Namespace) -> None:
        self._arguments = arguments

    def announce(self, sources: Sequence[Source]) -> None:
        """Say, before long work, where poses are to be found without DWPose."""
        if any(self._is_wanting(source) for source in sources):
            _ = self._nets

    def dance(self, source: Source, progress: Progress) -> Dance:
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

    def _found(self, clip: ClipInfo, progress: Progress) -> PoseSequence:
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
