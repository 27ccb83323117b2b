"""Turns a folder of videos into data sets for Animate-X: encoded clips in shards, with a validation part."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from ...animate_x.components import dummy_components
from ...animate_x.conditioning import MotionFeatures, ReferenceFeatures, embed_images
from ...driving import DrivingClip
from ...encoders.autoencoder import StableDiffusionAutoencoder
from ...encoders.base import ImageEncoder, LatentEncoder
from ...encoders.open_clip import OpenClipImageEncoder, OpenClipTextContext
from ...encoders.preprocessing import autoencoder_images, resize
from ...errors import InvalidInput
from ...hub.models_dir import AUTOENCODERS, OPEN_CLIP, ModelsDir
from ...pose.keypoints import PoseSequence
from ...utils.progress import Progress, batched, no_progress
from ...video.image import Frame
from .clip import StoredClip
from .header import DatasetHeader, write_header
from .manifest import SETTINGS, PreparationManifest, Record, write_or_match_settings
from .selection import Crop, person_segments
from .settings import PrepareSettings
from .shard import write_shard
from .sources import Source, Split

BATCH_FRAMES = 8  # frames in memory


@dataclass(frozen=True)
class Encoders:
    """The models that encode clips, and the text context (1, text_tokens, context_dim)."""

    image: ImageEncoder
    autoencoder: LatentEncoder
    text_context: Tensor

    @property
    def clip_dim(self) -> int:
        """Width of the image embeddings."""
        return embed_images(self.image, [np.zeros((8, 8, 3), np.uint8)]).shape[1]


def encode_clip(
    encoders: Encoders,
    header: DatasetHeader,
    frames: Iterable[np.ndarray],
    poses: PoseSequence,
    references: int,
) -> StoredClip:
    """Encode a clip whose character drives itself, a few frames at a time.

    Args:
        encoders: The encoders.
        header: Size and format of the clip.
        frames: Frames (h, w, 3) uint8 in RGB.
        poses: Poses of the character, one per frame.
        references: Number of frames, spread over the clip, that training may use as the reference image.

    Returns:
        The encoded clip.

    Raises:
        InvalidInput: If there are fewer frames than poses.

    """
    indices = np.linspace(0, len(poses) - 1, min(references, len(poses))).round().astype(int).tolist()
    features, latents, images = [], [], []
    done, size = 0, (header.width, header.height)
    for batch in batched(frames, BATCH_FRAMES):
        resized = [resize(frame, *size) for frame in batch]
        features.append(embed_images(encoders.image, batch))
        latents.append(encoders.autoencoder.encode(autoencoder_images(resized, *size)).float())
        images += [image for index, image in enumerate(resized, done) if index in indices]
        done += len(batch)
        height, width, _ = batch[-1].shape
    if done != len(poses):
        raise InvalidInput(f"Only {done} of {len(poses)} frames can be read: export the clip again.")
    motion, stacked = MotionFeatures(torch.cat(features), poses, width, height), torch.cat(latents)
    chosen = [_reference(header, motion, stacked, *pair) for pair in zip(indices, images, strict=True)]
    return StoredClip(stacked, poses, motion, tuple(chosen), tuple(indices))


def _reference(
    header: DatasetHeader, motion: MotionFeatures, latents: Tensor, index: int, image: np.ndarray
) -> ReferenceFeatures:
    """A frame of the clip as its reference image."""
    row = slice(index, index + 1)
    return ReferenceFeatures(
        image,
        motion.clip[row],
        motion.poses.select([index]),
        None if header.form == "picture" else latents[row],
        header.form != "latents",
    )


def load_encoders(folder: ModelsDir, device: torch.device) -> Encoders:
    """Load OpenCLIP and the autoencoder in float32, as in the official code.

    Args:
        folder: Folder of the model files.
        device: Device of the models.

    Returns:
        The encoders.

    Raises:
        InvalidInput: If a file is missing; the message says how to download it.
        CheckpointError: If a file cannot be used.

    """
    open_clip, autoencoder = folder.require(OPEN_CLIP), folder.require(*AUTOENCODERS)
    return Encoders(
        image=OpenClipImageEncoder.from_file(open_clip, device=device),
        autoencoder=StableDiffusionAutoencoder.from_file(autoencoder, device=device),
        text_context=OpenClipTextContext.from_file(open_clip).empty_text(),
    )


def dummy_encoders(device: torch.device) -> Encoders:
    """Return small untrained models, to try out the pipeline."""
    dummies = dummy_components(device=device)
    return Encoders(dummies.image_encoder, dummies.autoencoder, dummies.text_context.cpu())


class Preparation:
    """A folder of prepared clips: the data sets `train` and `validation`, records and a report.

    Args:
        folder: The folder.
        settings: How videos are prepared.
        encoders: The models.

    """

    def __init__(self, folder: Path, settings: PrepareSettings, encoders: Encoders) -> None:
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

    def begin(self) -> None:
        """Create the data sets, or resume a preparation.

        Raises:
            InvalidInput: If the folder was prepared with other settings or models.
            StorageError: If a file cannot be written.

        """
        folder = self.manifest.folder
        write_or_match_settings(folder / SETTINGS, asdict(self.settings))
        for split in get_args(Split):
            write_header(folder / split, self.header, self.encoders.text_context)

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
