"""Networks and steps that turn frames and poses into what is stored of a clip."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...animate_x.conditioning import MotionFeatures, ReferenceFeatures, encode_pictures
from ...animate_x.dummy_components import dummy_components
from ...encoders.autoencoder import StableDiffusionAutoencoder
from ...encoders.base import ImageEncoder, LatentEncoder
from ...encoders.open_clip import OpenClipImageEncoder, OpenClipTextContext
from ...encoders.preprocessing import autoencoder_pictures, resize
from ...errors import InvalidInput
from ...hub.models_dir import AUTOENCODERS, OPEN_CLIP, ModelsDir
from ...pose.keypoints import PoseSequence
from ...utils.iteration import batched
from .clip import StoredClip
from .header import DatasetHeader

BATCH = 8  # frames in memory


@dataclass(frozen=True)
class Encoders:
    """The networks that clips are encoded by. text_context: (1, text_tokens, context_dim)."""

    image: ImageEncoder
    autoencoder: LatentEncoder
    text_context: Tensor

    @property
    def clip_dim(self) -> int:
        """Width of the image embeddings."""
        return encode_pictures(self.image, [np.zeros((8, 8, 3), np.uint8)]).shape[1]


def encode_clip(
    encoders: Encoders,
    header: DatasetHeader,
    frames: Iterable[np.ndarray],
    poses: PoseSequence,
    references: int,
) -> StoredClip:
    """Encode a clip whose character drives itself, a few frames at a time.

    frames: (h, w, 3) uint8 in RGB. references: how many frames, spread over the clip, training may choose
    the reference from. Raises InvalidInput where there are fewer frames than poses.
    """
    chosen = np.linspace(0, len(poses) - 1, min(references, len(poses))).round().astype(int).tolist()
    features, latents, pictures = [], [], []
    done, size = 0, (header.width, header.height)
    for batch in batched(frames, BATCH):
        resized = [resize(frame, *size) for frame in batch]
        features.append(encode_pictures(encoders.image, batch))
        latents.append(encoders.autoencoder.encode(autoencoder_pictures(resized, *size)).float())
        pictures += [picture for number, picture in enumerate(resized, done) if number in chosen]
        done += len(batch)
        height, width, _ = batch[-1].shape
    if done != len(poses):
        raise InvalidInput(f"Only {done} of {len(poses)} frames can be read: export the clip again.")
    motion, whole = MotionFeatures(torch.cat(features), poses, width, height), torch.cat(latents)
    shown = [
        _reference(header, motion, whole, place, picture)
        for place, picture in zip(chosen, pictures, strict=True)
    ]
    return StoredClip(whole, poses, motion, tuple(shown), tuple(chosen))


def _reference(
    header: DatasetHeader, motion: MotionFeatures, latents: Tensor, place: int, picture: np.ndarray
) -> ReferenceFeatures:
    """A frame of the clip as its reference."""
    only = slice(place, place + 1)
    return ReferenceFeatures(
        picture,
        motion.clip[only],
        motion.poses.select([place]),
        None if header.form == "picture" else latents[only],
        header.form != "latents",
    )


def load_encoders(folder: ModelsDir, device: torch.device) -> Encoders:
    """Load OpenCLIP and the autoencoder in float32, in which the release runs them.

    Raises InvalidInput that says how to get a file that is not in the folder, and what the loaders raise.
    """
    open_clip, autoencoder = folder.require(OPEN_CLIP), folder.require(*AUTOENCODERS)
    return Encoders(
        image=OpenClipImageEncoder.from_file(open_clip, device=device),
        autoencoder=StableDiffusionAutoencoder.from_file(autoencoder, device=device),
        text_context=OpenClipTextContext.from_file(open_clip).empty_text(),
    )


def generated_encoders(device: torch.device) -> Encoders:
    """Return small networks that nobody trained, to try out the way."""
    networks = dummy_components(device=device)
    return Encoders(networks.image_encoder, networks.autoencoder, networks.text_context.cpu())
