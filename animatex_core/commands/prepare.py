"""`animatex prepare`: a folder of clips becomes a data set to train on."""

import argparse
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import fields
from functools import cached_property, partial
from pathlib import Path
from typing import get_args

from tqdm import tqdm

from ..dance import Dance
from ..device import choose_device
from ..dwpose import DWPose
from ..errors import InvalidInput
from ..model.trained_on import ReferenceForm
from ..pose.extract import PoseExtractor
from ..pose.json_io import write_poses
from ..pose.skeleton import PoseSequence
from ..progress import Progress
from ..training.data.encode import Encoders
from ..training.data.encoders import generated_encoders, load_encoders
from ..training.data.prepare import Preparation, PrepareSettings
from ..training.data.records import REPORT
from ..training.data.sources import Source, Split, find_sources
from ..video.clip import ClipInfo, probe
from ..video.read import read_frames
from .dances import read_dance
from .options import WHOLE_CLIP, add_folder_option, add_pose_options, models_folder, positive, size
from .pose_nets import announce_nets
from .progress import Bar

DEFAULTS = PrepareSettings()
REFRESH = 16  # frames after which the progress is shown anew
ENCODERS = ("released", "generated")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `prepare`."""
    parser = subparsers.add_parser(
        "prepare",
        help="encode a folder of clips, to train on them",
        description="Find the poses in a folder of clips, each one shot of one person, and encode all that "
        "training needs of them. Started again, it goes on where it stopped.",
    )
    parser.add_argument("clips", type=Path, metavar="FOLDER", help="videos, in subfolders too")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR",
        help="gets the data sets DIR/train and DIR/validation, and a report",
    )  # fmt: skip
    parser.add_argument(
        "--poses", type=Path, metavar="DIR",
        help="where the poses of NAME.mp4 are read from NAME.json (OpenPose JSON) or, where DWPose has to "
        "find them, written to; default: beside the clips",
    )  # fmt: skip
    parser.add_argument(
        "--encoders", choices=ENCODERS, default="released",
        help="OpenCLIP and the autoencoder of the models folder, or small generated networks to try the way "
        "out; default: %(default)s",
    )  # fmt: skip
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps; default: %(default)s")
    _add_settings(parser)
    add_pose_options(parser)
    add_folder_option(parser)
    parser.set_defaults(run=run)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the prepared clips")
    group.add_argument(
        "--size", type=size, default=(DEFAULTS.width, DEFAULTS.height), metavar="WxH",
        help="pixels; clips of another shape are cut to it around the person; default: 512x768",
    )  # fmt: skip
    rate = group.add_mutually_exclusive_group()
    rate.add_argument(
        "--stride", type=positive, default=DEFAULTS.stride, metavar="N", help="use one frame in N"
    )
    rate.add_argument("--fps", type=float, metavar="X", help="use about so many frames a second instead")
    for name, help_text in (
        ("least", "frames in a row that must show a person"),
        ("most", "frames of a clip; longer ones are parted"),
        ("references", "frames of each clip among which training chooses the reference"),
        ("max_stride", "the widest step that training takes through the frames that were used"),
    ):
        group.add_argument(
            f"--{name.replace('_', '-')}", type=positive, default=getattr(DEFAULTS, name), metavar="N",
            help=f"{help_text}; default: %(default)s",
        )  # fmt: skip
    group.add_argument(
        "--reference-form", dest="form", choices=get_args(ReferenceForm), default=DEFAULTS.form,
        help="as what the denoiser is shown the reference; default: %(default)s, as released",
    )  # fmt: skip
    group.add_argument(
        "--validation", type=float, default=DEFAULTS.validation, metavar="X",
        help="part of the files that is kept apart, by their names; default: %(default)s",
    )  # fmt: skip
    group.add_argument(
        "--seed", type=int, default=DEFAULTS.seed, metavar="N", help="of that choice; default: 0"
    )


def run(arguments: Namespace) -> None:
    """Prepare what is not prepared yet, and say what there is."""
    settings, sources, poses = _settings(arguments), find_sources(arguments.clips), _Poses(arguments)
    poses.announce(sources)
    preparation = Preparation(arguments.out, settings, _encoders(arguments))
    try:
        with Bar(sources, desc="clips") as bar:
            for source in bar:
                if not preparation.is_done(source):
                    _prepare(preparation, source, poses, bar)
    finally:
        report = preparation.report(sources)
    print(f"{arguments.out}: {_summary(report)}")


def _prepare(preparation: Preparation, source: Source, poses: "_Poses", bar: Bar) -> None:
    def report(stage: str, done: int, total: int) -> None:
        bar.set_postfix_str(f"{source.name}: {stage} {done}/{total}", refresh=done % REFRESH == 0)

    try:
        preparation.add(source, poses.dance(source, partial(report, "poses")), partial(report, "encoding"))
    except InvalidInput as error:
        preparation.skip(source, str(error))
        tqdm.write(f"{source.name} is skipped: {error}")


def _summary(report: dict) -> str:
    counts = [
        f"{name}: {report[name]['clips']} clips of {report[name]['files']} files" for name in get_args(Split)
    ]
    return "; ".join([*counts, f"skipped: {len(report['skipped'])} files, see {REPORT}"])


def _settings(arguments: Namespace) -> PrepareSettings:
    width, height = arguments.size
    others = [field.name for field in fields(PrepareSettings) if field.name not in ("width", "height")]
    return PrepareSettings(width, height, **{name: getattr(arguments, name) for name in others})


def _encoders(arguments: Namespace) -> Encoders:
    device = choose_device(arguments.device)
    if arguments.encoders == "generated":
        return generated_encoders(device)
    return load_encoders(models_folder(arguments), device)


class _Poses:
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
