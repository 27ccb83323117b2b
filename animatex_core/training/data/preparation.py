"""Turns a folder of videos into data sets for Animate-X: training and validation, one shard per part."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

from ...animate_x.shapes import ClipShape
from ...animate_x.training_spec import ReferenceForm
from ...driving import DrivingClip
from ...errors import InvalidInput
from ...utils.progress import Progress, no_progress
from ...utils.validation import require_int_fields
from ...video.image import Frame
from .clip import StoredClip
from .encoding import Encoders, encode_clip
from .header import DatasetHeader, write_header
from .manifest import SETTINGS, PreparationManifest, Record, write_or_match_settings
from .selection import Crop, person_segments
from .shard import write_shard
from .sources import Source, SourceSettings, Split


@dataclass(frozen=True)
class PrepareSettings(SourceSettings):
    """How videos are prepared.

    Attributes:
        width: Width of the prepared clips in pixels.
        height: Height of the prepared clips in pixels.
        least: Minimum number of frames of a clip.
        most: Maximum number of frames of a clip; longer ones are split.
        references: Number of frames of each clip that training may use as the reference image.
        form: How the denoiser gets the reference image: as pixels, as latents or as both.
        max_stride: Largest stride that training takes through the prepared frames.

    """

    stride: int = 2
    width: int = 512
    height: int = 768
    least: int = 32
    most: int = 256
    references: int = 8
    form: ReferenceForm = "picture"
    max_stride: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        ClipShape(self.width, self.height)
        require_int_fields(self, ("least", "most", "references", "max_stride"))
        if self.most < 2 * self.least:
            raise InvalidInput(
                f"most is {self.most}, but not every longer video can be cut into parts of {self.least} to "
                f"{self.most} frames: set it to at least {2 * self.least}."
            )


class Preparation:
    """A folder of prepared clips: the data sets `train` and `validation`, records and a report."""

    def __init__(self, folder: Path, settings: PrepareSettings, encoders: Encoders) -> None:
        """Create the data sets, or resume a preparation.

        Raises:
            InvalidInput: If the folder was prepared with other settings or models.
            StorageError: If a file cannot be written.

        """
        self.settings, self.encoders = settings, encoders
        self.manifest = PreparationManifest(
            folder, "{split}/shard-{key}-{part}.safetensors", folder, settings
        )
        self.header = DatasetHeader(
            settings.width,
            settings.height,
            encoders.clip_dim,
            form=settings.form,
            max_stride=settings.max_stride,
            pictures="jpeg",
        )
        write_or_match_settings(folder / SETTINGS, asdict(settings))
        for split in get_args(Split):
            write_header(folder / split, self.header, encoders.text_context)

    def add(self, source: Source, dance: DrivingClip, progress: Progress = no_progress) -> Record:
        """Encode a video and record it.

        Args:
            source: The file.
            dance: All of its frames with their poses.
            progress: Called with the number of encoded and of all frames.

        Returns:
            The record of the video.

        Raises:
            InvalidInput: If the video shows no person for long enough, or cannot be decoded.

        """
        stride = self.settings.stride_at(dance.clip.fps)
        segments = person_segments(dance.poses, stride, self.settings.least, self.settings.most)

        def write(path: Path, segment: range, frames: Iterable[Frame]) -> None:
            write_shard(path, [self._encode(dance, segment, frames)], self.header)

        return self.manifest.add(source, dance.clip, segments, write, progress)

    def _encode(self, dance: DrivingClip, segment: range, frames: Iterable[Frame]) -> StoredClip:
        poses = dance.poses.select(segment).with_fps(dance.clip.fps / segment.step)
        aspect = self.settings.width / self.settings.height
        crop = Crop.around(poses, dance.clip.width, dance.clip.height, aspect)
        cropped = map(crop.image, frames)
        return encode_clip(self.encoders, self.header, cropped, crop.poses(poses), self.settings.references)
