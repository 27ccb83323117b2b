"""Synthetic training clips of both tasks, encoded by dummy encoders."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from PIL import Image, ImageDraw
from torch import Tensor

from ...animate_x.conditioning import MotionFeatures
from ...animate_x_plus.defaults import TYPICAL_PROMPT
from ...animate_x_plus.preprocessing import reference_video, stretch_reference
from ...animate_x_plus.shapes import SPATIAL_STRIDE, TEMPORAL_STRIDE, WanShape
from ..data.settings import Task
from ..synthetic.anatomy import apply_motion, draw_placement
from ..synthetic.backdrop import SCALE, draw_backdrop
from ..synthetic.dances import draw_standing_pose
from ..synthetic.look import Color, draw_character_look
from ..synthetic.render import render
from ..synthetic.triples import SHARE, TEST_SEED, draw_triple
from .clip import DrivingFeatures, WanClip
from .folder import begin_folder, write_clip

CHANNELS = 16
GAIN = 2.0  # brings latents to about the scale of noise
TOKENS_PER_SIDE = 4
_DETAIL = SPATIAL_STRIDE // 2

COLORS: dict[str, Color] = {
    "white": (250, 250, 250),
    "red": (210, 50, 45),
    "blue": (50, 80, 200),
    "green": (40, 150, 70),
}
DIRECTIONS = {"fall": (0.0, 1.0), "rise": (0.0, -1.0), "drift left": (-1.0, 0.0), "drift right": (1.0, 0.0)}
SPEEDS = {"slowly": 0.02, "fast": 0.07}  # share of the image height per frame
SHAPES = ("dots", "squares")
PARTICLES = 24


@dataclass(frozen=True)
class DummyEncoders:
    """`ClipEncoders` without weights: fixed projections of colours and words.

    Attributes:
        text_dim: Width of a text token.
        image_dim: Width of a feature of the reference image.
        clip_dim: Width of the embedding of a driving frame.

    """

    text_dim: int = 64
    image_dim: int = 64
    clip_dim: int = 64

    @property
    def image_tokens(self) -> int:
        """Number of features of an image: one for the image and one for each of its cells."""
        return 1 + TOKENS_PER_SIDE**2

    def latents(self, video: Tensor) -> Tensor:
        """Encode a video (3, 4n + 1, height, width) in -1..1 to (16, n + 1, height / 8, width / 8).

        Channels are the colours of each group of four frames, and their mean brightness in the four quarters
        of a cell. The first frame is a group of its own, so that no latent depends on later frames, as in
        Wan's autoencoder.
        """
        first, rest = video[:, :1], video[:, 1:]
        groups = torch.cat([repeat(first, "c 1 h w -> c t h w", t=TEMPORAL_STRIDE), rest], dim=1)
        groups = rearrange(groups, "c (n t) h w -> n (c t) h w", t=TEMPORAL_STRIDE)
        colors = F.avg_pool2d(groups, SPATIAL_STRIDE)
        light = F.avg_pool2d(groups.mean(1, keepdim=True), _DETAIL)
        detail = rearrange(light, "n 1 (h y) (w x) -> n (y x) h w", y=2, x=2)
        return GAIN * torch.cat([colors, detail], dim=1).swapaxes(0, 1)

    def image(self, image: Tensor) -> Tensor:
        """Encode an image (3, height, width) in -1..1 to (image_tokens, image_dim): colours of its cells."""
        parts = F.adaptive_avg_pool2d(image, 2 * TOKENS_PER_SIDE)
        parts = rearrange(parts, "c (h y) (w x) -> (h w) (c y x)", y=2, x=2)
        whole = parts.mean(0, keepdim=True)
        return torch.cat([whole, parts]) @ _projection("image", parts.shape[1], self.image_dim)

    def frames(self, frames: Sequence[np.ndarray] | np.ndarray) -> Tensor:
        """Encode frames (height, width, 3) uint8 in RGB to (f, clip_dim)."""
        small = F.adaptive_avg_pool2d(to_video(frames).swapaxes(0, 1), TOKENS_PER_SIDE).flatten(1)
        return small @ _projection("frames", small.shape[1], self.clip_dim)

    def text(self, caption: str) -> Tensor:
        """Encode a text to a vector for each word and an end token: (words + 1, text_dim)."""
        return torch.cat([_projection(word, 1, self.text_dim) for word in [*caption.split(), "</s>"]])


def to_video(frames: Sequence[np.ndarray] | np.ndarray) -> Tensor:
    """Convert frames (height, width, 3) uint8 to a video (3, f, height, width) in -1..1."""
    return torch.from_numpy(np.stack(list(frames))).permute(3, 0, 1, 2).float() / 127.5 - 1


def _projection(name: str, inputs: int, outputs: int) -> Tensor:
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    return torch.randn(inputs, outputs, generator=torch.Generator().manual_seed(seed)) * inputs**-0.5


@dataclass(frozen=True)
class BackgroundMotion:
    """What moves in the background, in words of the tables above."""

    color: str
    shape: str
    direction: str
    speed: str

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "BackgroundMotion":
        """Draw a random combination."""
        tables = (tuple(COLORS), SHAPES, tuple(DIRECTIONS), tuple(SPEEDS))
        return cls(*(str(rng.choice(table)) for table in tables))

    @property
    def caption(self) -> str:
        """The prompt of the clip."""
        return f"{self.color} {self.shape} {self.direction} {self.speed} behind a figure."


@dataclass(frozen=True, eq=False)
class BackgroundMotionClip:
    """A TI2V clip: frames (f, height, width, 3) uint8 in RGB, and their caption."""

    frames: np.ndarray
    caption: str


def draw_background_motion(
    seed: int, number: int, frames: int, width: int, height: int, *, held_out: bool = False
) -> BackgroundMotionClip:
    """Draw a standing figure in front of moving dots or squares.

    Args:
        seed: Seed of the data set.
        number: Index of the clip.
        frames: Number of frames.
        width: Width in pixels.
        height: Height in pixels.
        held_out: Draw a clip of the test set, which differs from all training clips.

    Returns:
        The clip; it depends only on the arguments.

    """
    rng = np.random.default_rng([TEST_SEED if held_out else 0, seed, number, 1])
    motion, look = BackgroundMotion.drawn(rng), draw_character_look(rng)
    place = draw_placement(rng, look.anatomy, width, height, SHARE)
    poses, backdrop = (
        apply_motion(look.anatomy, draw_standing_pose(rng), place),
        draw_backdrop(rng, width, height),
    )
    particles = rng.random((PARTICLES, 2)) * (width, height), rng.uniform(0.01, 0.03, PARTICLES) * height
    rendered = [
        next(render(look, poses, place.stature, _with_particles(backdrop, motion, *particles, frame)))
        for frame in range(frames)
    ]
    return BackgroundMotionClip(np.stack(rendered), motion.caption)


def _with_particles(
    backdrop: Image.Image, motion: BackgroundMotion, places: np.ndarray, radii: np.ndarray, frame: int
) -> Image.Image:
    image = backdrop.copy()
    draw = ImageDraw.Draw(image)
    shape = draw.ellipse if motion.shape == "dots" else draw.rectangle
    step = np.array(DIRECTIONS[motion.direction]) * SPEEDS[motion.speed] * image.height
    for place, radius in zip(places * SCALE, radii * SCALE, strict=True):
        x, y = (place + frame * step) % image.size
        shape([x - radius, y - radius, x + radius, y + radius], fill=COLORS[motion.color])
    return image


@dataclass(frozen=True)
class SyntheticSettings:
    """Size of the data set: `count` clips of each task, drawn from a seed."""

    count: int
    shape: WanShape
    seed: int = 0
    held_out: bool = False


def write_synthetic(folder: Path, settings: SyntheticSettings, encoders: DummyEncoders) -> None:
    """Write the clips into a folder.

    Raises:
        StorageError: If a file cannot be written.

    """
    begin_folder(folder, encoders.text(""))
    for number in range(settings.count):
        for task, (clip, caption) in synthetic_clips(settings, number, encoders).items():
            write_clip(folder, task, f"{number:06}", clip, caption, torch.float32)


def synthetic_clips(
    settings: SyntheticSettings, number: int, encoders: DummyEncoders
) -> "dict[Task, tuple[WanClip, str]]":
    """Return clip `number` of each task with its caption."""
    return {
        "animation": (_animation(settings, number, encoders), TYPICAL_PROMPT),
        "ti2v": _ti2v(settings, number, encoders),
    }


def _animation(settings: SyntheticSettings, number: int, encoders: DummyEncoders) -> WanClip:
    shape = settings.shape
    triple = draw_triple(
        settings.seed, number, shape.frames, shape.width, shape.height, held_out=settings.held_out
    )
    driving = triple.driver
    features = encoders.frames(driving.frames)
    motion = MotionFeatures(features, driving.poses, shape.width, shape.height)
    dance = DrivingFeatures(triple.target.poses, triple.reference.poses.select([0]), motion)
    return _encode(triple.target.frames, triple.reference.frames[0], TYPICAL_PROMPT, encoders, dance)


def _ti2v(settings: SyntheticSettings, number: int, encoders: DummyEncoders) -> tuple[WanClip, str]:
    shape = settings.shape
    drawn = draw_background_motion(
        settings.seed, number, shape.frames, shape.width, shape.height, held_out=settings.held_out
    )
    return _encode(drawn.frames, drawn.frames[0], drawn.caption, encoders, None), drawn.caption


def _encode(
    frames: np.ndarray,
    reference: np.ndarray,
    caption: str,
    encoders: DummyEncoders,
    dance: DrivingFeatures | None,
) -> WanClip:
    count, height, width, _ = frames.shape
    image = stretch_reference(reference, width, height)
    return WanClip(
        latents=encoders.latents(to_video(frames)),
        image_latents=encoders.latents(reference_video(image, count)[0]),
        clip_features=encoders.image(image[0]),
        text_context=encoders.text(caption),
        dance=dance,
    )
