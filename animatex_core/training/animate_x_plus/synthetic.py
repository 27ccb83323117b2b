"""Synthetic clips of both tasks as a data set, with dummy encoders."""

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
from ...animate_x_plus.preprocessing import TYPICAL_PROMPT, reference_picture, reference_video
from ...animate_x_plus.shapes import PIXELS_A_LATENT, TEMPORAL_STRIDE, WanShape
from ..synthetic.anatomy import place_in, pose
from ..synthetic.backdrop import SCALE, draw_backdrop
from ..synthetic.dances import stand
from ..synthetic.look import Color, draw_look
from ..synthetic.render import render
from ..synthetic.triples import SHARE, TEST_SEED, draw_triple
from .clip import DrivingFeatures, WanClip
from .folder import begin_folder, write_clip
from .trainable_parts import Task

CHANNELS = 16
GAIN = 2.0  # makes latents about as large as noise
TOKENS_A_SIDE = 4
_DETAIL = PIXELS_A_LATENT // 2


@dataclass(frozen=True)
class DummyEncoders:
    """`ClipEncoders` of these widths.

    text_dim: of a token; image_dim: of a feature of the picture; clip_dim: of a driving frame.
    """

    text_dim: int = 64
    image_dim: int = 64
    clip_dim: int = 64

    @property
    def image_tokens(self) -> int:
        """Features of a picture: one of the whole and one of each of its parts."""
        return 1 + TOKENS_A_SIDE**2

    def latents(self, video: Tensor) -> Tensor:
        """Map a video (3, 4n + 1, height, width) in -1..1 to (16, n + 1, height / 8, width / 8).

        Of each group of four frames the colours, and where in a cell their mean is light; the first frame is
        a group of its own, so that, as in Wan's autoencoder, no latent knows of later frames.
        """
        first, rest = video[:, :1], video[:, 1:]
        groups = torch.cat([repeat(first, "c 1 h w -> c t h w", t=TEMPORAL_STRIDE), rest], dim=1)
        groups = rearrange(groups, "c (n t) h w -> n (c t) h w", t=TEMPORAL_STRIDE)
        colors = F.avg_pool2d(groups, PIXELS_A_LATENT)
        light = F.avg_pool2d(groups.mean(1, keepdim=True), _DETAIL)
        detail = rearrange(light, "n 1 (h y) (w x) -> n (y x) h w", y=2, x=2)
        return GAIN * torch.cat([colors, detail], dim=1).swapaxes(0, 1)

    def image(self, picture: Tensor) -> Tensor:
        """Map a picture (3, height, width) in -1..1 to (image_tokens, image_dim): colours of its parts."""
        parts = F.adaptive_avg_pool2d(picture, 2 * TOKENS_A_SIDE)
        parts = rearrange(parts, "c (h y) (w x) -> (h w) (c y x)", y=2, x=2)
        whole = parts.mean(0, keepdim=True)
        return torch.cat([whole, parts]) @ _spread("image", parts.shape[1], self.image_dim)

    def frames(self, frames: Sequence[np.ndarray] | np.ndarray) -> Tensor:
        """Map frames (height, width, 3) uint8 to (f, clip_dim)."""
        small = F.adaptive_avg_pool2d(video_of(frames).swapaxes(0, 1), TOKENS_A_SIDE).flatten(1)
        return small @ _spread("frames", small.shape[1], self.clip_dim)

    def text(self, caption: str) -> Tensor:
        """Map a text to a vector for each of its words, and one that ends it: (words + 1, text_dim)."""
        return torch.cat([_spread(word, 1, self.text_dim) for word in [*caption.split(), "</s>"]])


def video_of(frames: Sequence[np.ndarray] | np.ndarray) -> Tensor:
    """Return (3, f, height, width) in -1..1 of frames (height, width, 3) uint8."""
    return torch.from_numpy(np.stack(list(frames))).permute(3, 0, 1, 2).float() / 127.5 - 1


def _spread(name: str, inputs: int, outputs: int) -> Tensor:
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    return torch.randn(inputs, outputs, generator=torch.Generator().manual_seed(seed)) * inputs**-0.5


COLORS: dict[str, Color] = {
    "white": (250, 250, 250), "red": (210, 50, 45), "blue": (50, 80, 200), "green": (40, 150, 70),
}  # fmt: skip
WAYS = {"fall": (0.0, 1.0), "rise": (0.0, -1.0), "drift left": (-1.0, 0.0), "drift right": (1.0, 0.0)}
SPEEDS = {"slowly": 0.02, "fast": 0.07}  # of the picture's height a frame
SHAPES = ("dots", "squares")
FLAKES = 24


@dataclass(frozen=True)
class BackgroundMotion:
    """What moves: words of the tables above."""

    color: str
    shape: str
    way: str
    speed: str

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "BackgroundMotion":
        """Draw one of all that can be said."""
        tables = (tuple(COLORS), SHAPES, tuple(WAYS), tuple(SPEEDS))
        return cls(*(str(rng.choice(table)) for table in tables))

    @property
    def caption(self) -> str:
        """The text that a clip goes with."""
        return f"{self.color} {self.shape} {self.way} {self.speed} behind a figure."


@dataclass(frozen=True, eq=False)
class BackgroundMotionClip:
    """frames: (f, height, width, 3) uint8 in RGB."""

    frames: np.ndarray
    caption: str


def draw_background_motion(
    seed: int, number: int, frames: int, width: int, height: int, *, held_out: bool = False
) -> BackgroundMotionClip:
    """Make up clip `number`; with `held_out` it is none of the training's."""
    rng = np.random.default_rng([TEST_SEED if held_out else 0, seed, number, 1])
    weather, look = BackgroundMotion.drawn(rng), draw_look(rng)
    place = place_in(rng, look.anatomy, width, height, SHARE)
    poses, backdrop = pose(look.anatomy, stand(rng), place), draw_backdrop(rng, width, height)
    flakes = rng.random((FLAKES, 2)) * (width, height), rng.uniform(0.01, 0.03, FLAKES) * height
    shown = [
        next(render(look, poses, place.stature, _with_flakes(backdrop, weather, *flakes, frame)))
        for frame in range(frames)
    ]
    return BackgroundMotionClip(np.stack(shown), weather.caption)


def _with_flakes(
    backdrop: Image.Image, weather: BackgroundMotion, places: np.ndarray, radii: np.ndarray, frame: int
) -> Image.Image:
    image = backdrop.copy()
    draw = ImageDraw.Draw(image)
    shape = draw.ellipse if weather.shape == "dots" else draw.rectangle
    step = np.array(WAYS[weather.way]) * SPEEDS[weather.speed] * image.height
    for place, radius in zip(places * SCALE, radii * SCALE, strict=True):
        x, y = (place + frame * step) % image.size
        shape([x - radius, y - radius, x + radius, y + radius], fill=COLORS[weather.color])
    return image


@dataclass(frozen=True)
class SyntheticSettings:
    """What is drawn: `count` clips of each task from a seed."""

    count: int
    shape: WanShape
    seed: int = 0
    held_out: bool = False


def write_synthetic(folder: Path, settings: SyntheticSettings, encoders: DummyEncoders) -> None:
    """Write the clips into a folder; raises StorageError where nothing can be written."""
    begin_folder(folder, encoders.text(""))
    for number in range(settings.count):
        for task, (clip, caption) in synthetic_clips(settings, number, encoders).items():
            write_clip(folder, task, f"{number:06}", clip, caption, torch.float32)


def synthetic_clips(
    settings: SyntheticSettings, number: int, encoders: DummyEncoders
) -> "dict[Task, tuple[WanClip, str]]":
    """Return clip `number` of each task, with its caption."""
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
    return _encoded(triple.target.frames, triple.reference.frames[0], TYPICAL_PROMPT, encoders, dance)


def _ti2v(settings: SyntheticSettings, number: int, encoders: DummyEncoders) -> tuple[WanClip, str]:
    shape = settings.shape
    drawn = draw_background_motion(
        settings.seed, number, shape.frames, shape.width, shape.height, held_out=settings.held_out
    )
    return _encoded(drawn.frames, drawn.frames[0], drawn.caption, encoders, None), drawn.caption


def _encoded(
    frames: np.ndarray,
    reference: np.ndarray,
    caption: str,
    encoders: DummyEncoders,
    dance: DrivingFeatures | None,
) -> WanClip:
    count, height, width, _ = frames.shape
    picture = reference_picture(reference, width, height)
    return WanClip(
        latents=encoders.latents(video_of(frames)),
        image_latents=encoders.latents(reference_video(picture, count)[0]),
        clip_features=encoders.image(picture[0]),
        text_context=encoders.text(caption),
        dance=dance,
    )
