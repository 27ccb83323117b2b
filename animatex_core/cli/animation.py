"""What `animatex animate` does: check, read, load, animate and write."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import gettempdir

import numpy as np
import torch

from ..animate_x.animation import Animation, Report, no_report
from ..animate_x.pipeline import AnimateXPipeline, AnimationSettings
from ..driving import DrivingClip
from ..errors import InvalidInput, StorageError
from ..pose.draw import draw_poses
from ..reference import Reference
from ..systems import ANIMATE_X, ANIMATE_X_PLUS, system_of_model
from ..utils.devices import choose_dtype
from ..utils.ranks import Ranks
from ..utils.torchrun import join_torchrun
from ..video.formats import check_settings
from ..video.info import VideoInfo
from ..video.side_by_side import side_by_side
from ..video.writer import check_output, write_clip
from .animation_options import NOT_FOR_PLUS, refuse_options
from .cut_out import check_cut_out, cut_out_animation
from .extension import overlap, with_finished
from .inputs import read_reference
from .loop_options import (
    ONLY_ANIMATE_X,
    check_loop_options,
    cut_dance,
    read_given_frames,
    with_loop_options,
)
from .motion import Recording, find_dance, read_dance
from .output import StageBars, check_distinct
from .retarget_options import retarget_settings
from .selected_models import (
    Load,
    LoadComponents,
    SelectedModel,
    denoiser_training,
    sampling_settings,
    select_components,
    select_plus,
)

RGBA = 4  # channels


def run(arguments: argparse.Namespace) -> None:
    """Animate, and print what was written. Under `torchrun`, this is the first of several processes."""
    with join_torchrun(arguments.device) as ranks:
        _run(arguments, ranks)


def assist_in(arguments: argparse.Namespace) -> None:
    """Assist the first process with the model that the same arguments select there."""
    with join_torchrun(arguments.device) as ranks:
        load = choose_model(with_finished(arguments)).find()
        ranks.agree()
        pipeline = load(choose_dtype(arguments.precision, ranks.device), ranks.device, no_report)
        pipeline.with_ranks(ranks).assist()


def _run(arguments: argparse.Namespace, ranks: Ranks) -> None:
    # Invalid input must fail before the slow parts: pose detection, loading models, sampling.
    check_distinct(arguments, "out", "side_by_side")
    check_outputs(arguments, 1 if arguments.fps is None else arguments.fps)
    arguments = with_finished(arguments)
    model, found = choose_model(arguments), find_dance(arguments)
    arguments, device = model.completed(arguments), ranks.device
    load = model.find()
    ranks.agree()
    with StageBars() as bars:
        reference = read_reference(arguments)
        if arguments.cut_out:
            check_cut_out(arguments, reference)
        whole = read_whole_dance(arguments, found, bars.report)
        dance = cut_dance(arguments, whole, partial(bars.report, "loop"))
        fps = dance.choice.fps if arguments.fps is None else arguments.fps
        check_outputs(arguments, fps)
        pipeline = load(choose_dtype(arguments.precision, device), device, bars.report)
        animation = pipeline.with_ranks(ranks).animate(reference, dance, model.settings)
        if arguments.finished is not None:
            dance, animation = whole, _joined(arguments, animation)
        write_animation(arguments, reference, dance, animation, fps)
    print(f"poses: {animation.retargeting}")
    count, height, width, _ = animation.frames.shape
    print(f"{arguments.out}: {count} frames of {width}x{height} at {fps:g} fps")


def read_whole_dance(
    arguments: argparse.Namespace, found: VideoInfo | Recording, report: Report
) -> DrivingClip:
    """Read or detect the poses of all frames that the options select, before a loop is cut from them."""
    rate = found.settings.fps if isinstance(found, Recording) else found.fps
    return read_dance(_with_finished_frames(arguments, rate), found, partial(report, "poses"))


def _with_finished_frames(arguments: argparse.Namespace, fps: float) -> argparse.Namespace:
    """Return the arguments with the frames of --extend among those of the driving video.

    The end is set instead of the number, since a short video must not lower the stride of the animation.
    """
    if arguments.finished is None or arguments.frames is None:
        return arguments
    count = arguments.frames + len(arguments.finished)
    end = arguments.start + count * arguments.stride / fps
    end = end if arguments.end is None else min(end, arguments.end)
    return argparse.Namespace(**{**vars(arguments), "frames": None, "end": end})


def _joined(arguments: argparse.Namespace, animation: Animation) -> Animation:
    """Return the finished animation with its continuation, without the frames that both have."""
    new = animation.frames[overlap(arguments) :]
    return replace(animation, frames=np.concatenate([np.stack(arguments.finished), new]))


def choose_model(arguments: argparse.Namespace) -> SelectedModel:
    """Return the model of --model with the settings of the options.

    Raises:
        InvalidInput: An option is invalid, or not available for this model.
        CheckpointError: The file of the model is damaged.

    """
    system = system_of_model(arguments.model)
    if system.variant is None:
        return _choose_animate_x(arguments)
    refuse_options(arguments, ONLY_ANIMATE_X, NOT_FOR_PLUS)
    return select_plus(arguments, system, system.variant)


def _choose_animate_x(arguments: argparse.Namespace) -> SelectedModel:
    options = ANIMATE_X_PLUS.sampling_options
    refuse_options(
        arguments, options, "only available for Animate-X++: leave it out, or use --model animate-x-plus"
    )

    def find() -> Load:
        return partial(_load, select_components(arguments))

    return SelectedModel(ANIMATE_X.frame_choice, _settings(arguments), find)


def _load(load: LoadComponents, dtype: torch.dtype, device: torch.device, report: Report) -> AnimateXPipeline:
    return AnimateXPipeline(load(dtype, device), report)


def _settings(arguments: argparse.Namespace) -> AnimationSettings:
    check_loop_options(arguments)
    training = denoiser_training(arguments)
    retargeting, sampling = retarget_settings(arguments), sampling_settings(arguments, training)
    width, height = arguments.size
    frames = {**ANIMATE_X.frame_choice, **vars(arguments)}["frames"]
    sampling, given = with_loop_options(sampling, arguments), read_given_frames(arguments, frames)
    settings = AnimationSettings(width, height, retargeting, sampling, arguments.reference_form, given)
    if training is not None:
        settings.check_size(training[0].num_downsamples)
    return settings


def check_outputs(arguments: argparse.Namespace, fps: float) -> None:
    """Raise InvalidInput or StorageError if the results cannot be written at this frame rate."""
    check_settings(check_output(arguments.out, alpha=arguments.cut_out), fps, arguments.quality)
    if arguments.side_by_side is not None:
        check_settings(check_output(arguments.side_by_side), fps, arguments.quality)


def write_animation(
    arguments: argparse.Namespace, reference: Reference, dance: DrivingClip, animation: Animation, fps: float
) -> None:
    """Write an animation, without its background if that is requested.

    Args:
        arguments: The parsed arguments.
        reference: The character.
        dance: The driving video.
        animation: The animation.
        fps: Frames per second.

    Raises:
        InvalidInput: The character cannot be cut out; the video was written with its background.
        StorageError: The disk is full; the message says where the video was written instead.

    """
    sound = None if arguments.silent else dance.sound(fps)
    write = partial(write_clip, fps=fps, quality=arguments.quality, sound=sound)
    frames, failure = _cut_out(arguments, reference, animation.frames)
    _write_or_rescue(partial(write, alpha=frames.shape[-1] == RGBA), arguments.out, frames)
    if arguments.side_by_side is not None:
        _, height, width, _ = animation.frames.shape
        columns = reference.picture, draw_poses(animation.poses, width, height), animation.frames
        write(arguments.side_by_side, side_by_side(columns, height))
    if failure is not None:
        raise InvalidInput(
            f"{failure} The video was written to {arguments.out} with its background instead."
        ) from failure


def _cut_out(
    arguments: argparse.Namespace, reference: Reference, frames: np.ndarray
) -> tuple[np.ndarray, InvalidInput | None]:
    """Return the frames, with alpha if that is requested and possible, and why it is not."""
    if not arguments.cut_out:
        return frames, None
    try:
        return cut_out_animation(arguments, reference, frames), None
    except InvalidInput as error:  # like a full disk, this must not lose hours of sampling
        return frames, error


def _write_or_rescue(write: Callable[[Path, np.ndarray], Path], path: Path, frames: np.ndarray) -> None:
    try:
        write(path, frames)
    except StorageError as error:  # a full disk must not lose hours of sampling
        rescued = write(Path(gettempdir()) / path.name, frames)
        raise StorageError(f"{error} The video was written to {rescued} instead.") from error
