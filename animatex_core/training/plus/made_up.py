"""Made-up clips of both tasks as a data set: triples that dance, figures before moving backgrounds."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...conditioning import MotionFeatures
from ...plus.preprocess import reference_picture, reference_video
from ...plus.prompts import TYPICAL_PROMPT
from ...plus.shape import WanShape
from ..procedural.triples import draw_triple
from .clip import Dance, WanClip
from .folder import begin_folder, write_clip
from .parts import Task
from .stand_in import StandIn, video_of
from .weather import draw_weather


@dataclass(frozen=True)
class MadeUpSettings:
    """What is drawn: `count` clips of each task from a seed."""

    count: int
    shape: WanShape
    seed: int = 0
    held_out: bool = False


def write_made_up(folder: Path, settings: MadeUpSettings, encoders: StandIn) -> None:
    """Write the clips into a folder; raises StorageError where nothing can be written."""
    begin_folder(folder, encoders.text(""))
    for number in range(settings.count):
        for task, (clip, caption) in made_up_clips(settings, number, encoders).items():
            write_clip(folder, task, f"{number:06}", clip, caption, torch.float32)


def made_up_clips(
    settings: MadeUpSettings, number: int, encoders: StandIn
) -> "dict[Task, tuple[WanClip, str]]":
    """Return clip `number` of each task, with its caption."""
    return {
        "animation": (_animation(settings, number, encoders), TYPICAL_PROMPT),
        "ti2v": _ti2v(settings, number, encoders),
    }


def _animation(settings: MadeUpSettings, number: int, encoders: StandIn) -> WanClip:
    shape = settings.shape
    triple = draw_triple(
        settings.seed, number, shape.frames, shape.width, shape.height, held_out=settings.held_out
    )
    driving = triple.driver
    features = encoders.frames(driving.frames)
    motion = MotionFeatures(features, driving.poses, shape.width, shape.height)
    dance = Dance(triple.target.poses, triple.reference.poses.select([0]), motion)
    return _encoded(triple.target.frames, triple.reference.frames[0], TYPICAL_PROMPT, encoders, dance)


def _ti2v(settings: MadeUpSettings, number: int, encoders: StandIn) -> tuple[WanClip, str]:
    shape = settings.shape
    drawn = draw_weather(
        settings.seed, number, shape.frames, shape.width, shape.height, held_out=settings.held_out
    )
    return _encoded(drawn.frames, drawn.frames[0], drawn.caption, encoders, None), drawn.caption


def _encoded(
    frames: np.ndarray, reference: np.ndarray, caption: str, encoders: StandIn, dance: Dance | None
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
