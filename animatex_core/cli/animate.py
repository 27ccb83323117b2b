"""`animatex animate`: animate the character of an image with the motion of a driving video."""

import argparse
from functools import partial
from pathlib import Path
from tempfile import gettempdir

import torch

from ..animate_x.animation import Animation, Report
from ..animate_x.pipeline import AnimateXPipeline, AnimationSettings
from ..animate_x.shapes import ClipShape
from ..driving import DrivingClip
from ..errors import StorageError
from ..pose.draw import draw_poses
from ..reference import Reference
from ..systems import ANIMATE_X, ANIMATE_X_PLUS, system_of_model
from ..utils.devices import choose_device, choose_dtype
from ..video.formats import check_settings
from ..video.info import probe
from ..video.side_by_side import side_by_side
from ..video.writer import check_output, write_clip
from .options import (
    add_clip_options,
    add_folder_option,
    add_input_options,
    add_pose_options,
    add_rate_option,
)
from .output import StageBars, check_distinct
from .plus_options import Animate, Load, SelectedModel, add_plus_options, refuse_options, select_plus
from .poses import read_driving_clip
from .references import read_reference
from .retarget_options import add_retarget_options, retarget_settings
from .sampling import LoadComponents, add_sampling_options, sampling_settings, select_components


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Add `animate`."""
    parser = subparsers.add_parser(
        "animate",
        help=summary,
        description="Animate the character of an image with the motion of a person in a video.",
    )
    add_input_options(parser)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("animation.mp4"),
        metavar="FILE",
        help="output: .mp4, .webm, .gif, or a folder for PNG frames; default: %(default)s",
    )
    parser.add_argument(
        "--poses",
        type=Path,
        metavar="JSON",
        help="poses of the driving video (OpenPose JSON); default: detected by DWPose",
    )
    add_clip_options(parser)
    add_rate_option(parser)
    add_pose_options(parser)
    add_retarget_options(parser)
    add_sampling_options(parser)
    add_plus_options(parser)
    _add_output_options(parser)
    add_folder_option(parser)
    parser.set_defaults(run=run)


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output video")
    group.add_argument(
        "--fps",
        type=float,
        metavar="X",
        help="frames per second; the sound is stretched to stay in sync; default: the tempo of the driving "
        "video (the official code uses 8)",
    )
    group.add_argument(
        "--quality",
        type=float,
        default=7.0,
        metavar="Q",
        help="quality of the compression, 0 to 10; default: %(default)g",
    )
    group.add_argument("--silent", action="store_true", help="leave out the sound of the driving video")
    group.add_argument(
        "--side-by-side",
        type=Path,
        metavar="FILE",
        help="also write a video with reference, poses and result",
    )


def run(arguments: argparse.Namespace) -> None:
    """Animate, and print what was written."""
    # Invalid input must fail before the slow parts: pose detection, loading models, sampling.
    check_distinct(arguments, "out", "side_by_side")
    _check_outputs(arguments, 1 if arguments.fps is None else arguments.fps)
    model, clip = _choose_model(arguments), probe(arguments.driving, fps=arguments.driving_fps)
    arguments, device = model.completed(arguments), choose_device(arguments.device)
    load = model.find()
    with StageBars() as bars:
        reference = read_reference(arguments)
        dance = read_driving_clip(arguments, clip, partial(bars.report, "poses"))
        fps = dance.choice.fps if arguments.fps is None else arguments.fps
        _check_outputs(arguments, fps)
        animation = load(choose_dtype(arguments.precision, device), device, bars.report)(reference, dance)
        _write(arguments, reference, dance, animation, fps)
    print(f"poses: {animation.retargeting}")
    count, height, width, _ = animation.frames.shape
    print(f"{arguments.out}: {count} frames of {width}x{height} at {fps:g} fps")


def _choose_model(arguments: argparse.Namespace) -> SelectedModel:
    system = system_of_model(arguments.model)
    if system.variant is None:
        return _choose_animate_x(arguments)
    return select_plus(arguments, system, system.variant)


def _choose_animate_x(arguments: argparse.Namespace) -> SelectedModel:
    options = ANIMATE_X_PLUS.sampling_options
    refuse_options(
        arguments, options, "only available for Animate-X++: leave it out, or use --model animate-x-plus"
    )
    settings = _settings(arguments)

    def find() -> Load:
        return partial(_load, select_components(arguments), settings)

    return SelectedModel(ANIMATE_X.frame_choice, find)


def _load(
    load: LoadComponents,
    settings: AnimationSettings,
    dtype: torch.dtype,
    device: torch.device,
    report: Report,
) -> Animate:
    return partial(AnimateXPipeline(load(dtype, device), report).animate, settings=settings)


def _settings(arguments: argparse.Namespace) -> AnimationSettings:
    width, height = arguments.size
    if width is not None:
        ClipShape(width, height)
    retargeting, sampling = retarget_settings(arguments), sampling_settings(arguments)
    return AnimationSettings(width, height, retargeting, sampling, arguments.reference_form)


def _check_outputs(arguments: argparse.Namespace, fps: float) -> None:
    for path in filter(None, (arguments.out, arguments.side_by_side)):
        check_settings(check_output(path), fps, arguments.quality)


def _write(
    arguments: argparse.Namespace, reference: Reference, dance: DrivingClip, animation: Animation, fps: float
) -> None:
    sound = None if arguments.silent else dance.sound(fps)
    write = partial(write_clip, fps=fps, quality=arguments.quality, sound=sound)
    try:
        write(arguments.out, animation.frames)
    except StorageError as error:  # a full disk must not lose hours of sampling
        rescued = write(Path(gettempdir()) / arguments.out.name, animation.frames)
        raise StorageError(f"{error} The video was written to {rescued} instead.") from error
    if arguments.side_by_side is not None:
        _, height, width, _ = animation.frames.shape
        columns = reference.picture, draw_poses(animation.poses, width, height), animation.frames
        write(arguments.side_by_side, side_by_side(columns, height))
