"""`animatex animate`: from a picture and a dance to a clip."""

import argparse
from functools import partial
from pathlib import Path

import torch

from animatex_core.checks import require_file
from animatex_core.commands.dances import read_dance
from animatex_core.commands.options import (
    add_clip_options,
    add_folder_option,
    add_pose_options,
    add_retarget_options,
    check_distinct,
    models_folder,
    positive,
    retarget_settings,
    size,
)
from animatex_core.commands.progress import Bars
from animatex_core.commands.references import read_reference
from animatex_core.dance import Dance
from animatex_core.device import PRECISIONS, choose_device, choose_dtype
from animatex_core.diffusion.guidance import Guidance
from animatex_core.diffusion.solvers import SOLVERS
from animatex_core.generated_networks import NOTICE, generated_networks
from animatex_core.networks import Networks, load_networks, require_files
from animatex_core.pipeline import Animation, AnimationSettings, Animator, Reference
from animatex_core.pose.draw import draw_poses
from animatex_core.sampling import SamplingSettings, Segments, Windows
from animatex_core.shapes import ClipShape
from animatex_core.video.clip import probe
from animatex_core.video.formats import check_settings
from animatex_core.video.side_by_side import side_by_side
from animatex_core.video.write import check_output, write_clip

GENERATED = "generated"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `animate`."""
    parser = subparsers.add_parser(
        "animate",
        help="make the character of a picture dance",
        description="Make the character of a picture dance as a person does in a clip.",
    )
    parser.add_argument("--reference", type=Path, required=True, metavar="PICTURE", help="the character")
    parser.add_argument("--driving", type=Path, required=True, metavar="CLIP", help="the dance")
    parser.add_argument(
        "--out", type=Path, default=Path("animation.mp4"), metavar="FILE",
        help="what to write: .mp4, .webm, .gif, or a folder for PNG frames; default: %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--poses",
        type=Path,
        metavar="JSON",
        help="the dancer's poses (OpenPose JSON); default: found by DWPose",
    )
    add_clip_options(parser)
    add_pose_options(parser)
    add_retarget_options(parser)
    _add_sampling_options(parser)
    _add_output_options(parser)
    add_folder_option(parser)
    parser.set_defaults(run=run)


def _add_sampling_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("sampling")
    group.add_argument(
        "--size", type=size, default=(512, 768), metavar="WxH", help="pixels; default: 512x768"
    )
    group.add_argument(
        "--steps", type=positive, default=30, metavar="N", help="default: %(default)s, as released"
    )
    group.add_argument("--solver", choices=SOLVERS, default="ddim", help="default: %(default)s, as released")
    group.add_argument(
        "--guidance",
        type=float,
        default=2.5,
        metavar="X",
        help="guidance scale, 1 for none; default: %(default)s",
    )
    group.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    plans = group.add_mutually_exclusive_group()
    plans.add_argument(
        "--window", type=positive, metavar="N",
        help="for long clips: denoise overlapping windows of N frames, in constant memory",
    )  # fmt: skip
    plans.add_argument(
        "--segments",
        type=positive,
        metavar="N",
        help="for long clips: one after the other, segments of N frames, each from the last frame before it",
    )
    group.add_argument(
        "--overlap", type=int, metavar="N", help="frames that windows share; default: a quarter of a window"
    )
    group.add_argument(
        "--model", default="auto", metavar="FILE",
        help="a converted bundle or the released checkpoint; auto: the one in the models folder, or without "
        "one small generated weights; generated: these; default: %(default)s",
    )  # fmt: skip
    group.add_argument(
        "--precision",
        choices=("auto", *PRECISIONS),
        default="auto",
        help="of the weights; default: by the device",
    )
    group.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps; default: %(default)s")


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the written clip")
    group.add_argument(
        "--fps", type=float, metavar="X",
        help="frames a second; the sound is stretched to stay in step; default: the tempo of the dance "
        "(the authors write 8)",
    )  # fmt: skip
    group.add_argument(
        "--quality", type=float, default=7.0, metavar="Q", help="0 to 10; default: %(default)s"
    )
    group.add_argument("--silent", action="store_true", help="leave the sound of the dance out")
    group.add_argument(
        "--side-by-side", type=Path, metavar="FILE", help="also write a clip of reference, pose and result"
    )


def run(arguments: argparse.Namespace) -> None:
    """Animate, and say what was written."""
    # What cannot work fails before what takes long: poses, then networks, then sampling.
    check_distinct(arguments, "out", "side_by_side")
    _check_outputs(arguments, 1 if arguments.fps is None else arguments.fps)
    settings, clip, device = _settings(arguments), probe(arguments.driving), choose_device(arguments.device)
    denoiser = _find_denoiser(arguments)
    with Bars() as bars:
        reference = read_reference(arguments)
        dance = read_dance(arguments, clip, partial(bars.report, "poses"))
        fps = dance.choice.fps if arguments.fps is None else arguments.fps
        _check_outputs(arguments, fps)
        networks = _networks(arguments, denoiser, device)
        animation = Animator(networks, bars.report).animate(reference, dance, settings)
        _write(arguments, reference, dance, animation, fps)
    print(f"poses: {animation.retargeting}")
    count, height, width, _ = animation.frames.shape
    print(f"{arguments.out}: {count} frames of {width}x{height} at {fps:g} a second")


def _check_outputs(arguments: argparse.Namespace, fps: float) -> None:
    for path in filter(None, (arguments.out, arguments.side_by_side)):
        check_settings(check_output(path), fps, arguments.quality)


def _settings(arguments: argparse.Namespace) -> AnimationSettings:
    width, height = arguments.size
    ClipShape(width, height)
    sampling = SamplingSettings(
        solver=arguments.solver,
        steps=arguments.steps,
        guidance=Guidance(arguments.guidance),
        seed=arguments.seed,
        long_clip=_long_clip(arguments),
    )
    return AnimationSettings(width, height, retarget_settings(arguments), sampling)


def _long_clip(arguments: argparse.Namespace) -> Windows | Segments | None:
    if arguments.segments is not None:
        return Segments(arguments.segments)
    if arguments.window is None:
        return None
    overlap = arguments.window // 4 if arguments.overlap is None else arguments.overlap
    return Windows(arguments.window, overlap)


def _find_denoiser(arguments: argparse.Namespace) -> Path | None:
    """The file of the denoiser, None for generated weights; the files that go with it are here too."""
    folder = models_folder(arguments)
    if arguments.model == GENERATED:
        denoiser = None
    else:
        denoiser = folder.find_denoiser() if arguments.model == "auto" else Path(arguments.model)
    if denoiser is None:
        print(NOTICE)
        return None
    require_file(denoiser, "model")
    require_files(folder)
    return denoiser


def _networks(arguments: argparse.Namespace, denoiser: Path | None, device: torch.device) -> Networks:
    dtype = choose_dtype(arguments.precision, device)
    if denoiser is None:
        return generated_networks(dtype=dtype, device=device)
    return load_networks(models_folder(arguments), denoiser, dtype, device)


def _write(
    arguments: argparse.Namespace, reference: Reference, dance: Dance, animation: Animation, fps: float
) -> None:
    sound = None if arguments.silent else dance.sound(fps)
    write = partial(write_clip, fps=fps, quality=arguments.quality, sound=sound)
    write(arguments.out, animation.frames)
    if arguments.side_by_side is not None:
        _, height, width, _ = animation.frames.shape
        columns = reference.picture, draw_poses(animation.poses, width, height), animation.frames
        write(arguments.side_by_side, side_by_side(columns, height))
