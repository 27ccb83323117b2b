"""Checks the rows of a batch, and makes jobs of them: where the result goes, and what it depends on."""

import argparse
import hashlib
import json
from argparse import Namespace
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..batch.inputs import InputCache, RemoteInput
from ..batch.job_list import Row
from ..batch.kept import Kept
from ..batch.naming import check_template, fill_template, output_path, same_names
from ..errors import AnimateXError, InvalidInput
from ..pose.cache import digest_file
from ..utils.validation import require_file
from ..video.formats import check_settings, format_of, require_alpha
from ..video.image import read_image
from ..video.info import VideoInfo, probe
from .animation import choose_model
from .batch_rows import Problem, RowReader, in_groups, refuse
from .inputs import find_pose_models
from .motion import Recording, find_dance
from .selected_models import Load, model_files

# Options that select where and how the work is done, but not what comes out.
WITHOUT_EFFECT = ("device", "provider", "no_cache", "folder")
OF_BATCH = (
    *("jobs", "references", "drivings", "pairs", "out", "name", "format", "limit", "dry_run", "run"),
    *("command", "engine", "address", "gpus_per_actor", "cpus_per_actor", "results"),
)
CLIPS = ("driving", "motion", "first", "last")  # whose files are found when they are opened
LARGE = ("model", "wan")  # files known by size and time of change, since reading them takes minutes
OF_DANCE = (
    *(
        "driving",
        "motion",
        "poses",
        "driving_fps",
        "frames",
        "stride",
        "start",
        "end",
        "person",
        "detect_every",
    ),
    *(
        "pose_nets",
        "provider",
        "smooth",
        "fill_gaps",
        "no_cache",
        "folder",
        "camera",
        "angle",
        "fixed_camera",
    ),
    *("up", "bones", "motion_fps", "size", "loop", "loop_min", "loop_max", "finished"),
)
"""Options that finding, reading and cutting a dance look at."""

OF_REFERENCE = (
    "reference",
    "reference_pose",
    "box",
    "mask",
    "mask_shows",
    "mode",
    "pose_nets",
    "provider",
    "folder",
)
"""Options that `read_reference` looks at."""

OF_MODEL = ("model", "wan", "folder", "precision", "device")
"""Options that loading a model looks at."""


@dataclass(frozen=True)
class AnimationJob:
    """An animation that a batch has to make; its options are valid and its inputs exist.

    Attributes:
        name: The path of its result in the folder of the batch, with forward slashes.
        out: Where its result is written.
        digest: Of its inputs and settings.
        arguments: The arguments of `animate`, complete.
        load: Loads the model. Its settings may hold the images of given frames, and so are made when the job
            runs.
        dance: The driving video, or the recording.
        inputs: The files that are at URLs.

    """

    name: str
    out: Path
    digest: str
    arguments: Namespace
    load: Load
    dance: VideoInfo | Recording
    inputs: tuple[RemoteInput, ...] = ()

    @property
    def dance_key(self) -> Hashable:
        """Equal for jobs with the same dance."""
        return options_of(self.arguments, OF_DANCE)


def options_of(arguments: Namespace, names: Sequence[str]) -> Hashable:
    """Return the values of some options, as the key of what depends on them alone."""
    return json.dumps({name: getattr(arguments, name, None) for name in names}, default=str, sort_keys=True)


class JobReader:
    """Makes jobs of rows. Each model, dance and image is looked at once.

    Args:
        usual: The parsed options of `batch`.
        folder: What relative paths in rows are relative to.
        cache: Where inputs at URLs are fetched to.

    """

    def __init__(self, usual: Namespace, folder: Path, cache: InputCache) -> None:
        self._usual, self._rows, self._cache = usual, RowReader(usual, folder), cache
        self._fetched: Kept[RemoteInput] = Kept(100_000)
        self._columns: set[str] = set()
        self._models: Kept[Load] = Kept(100)
        self._pose_models: Kept[list[str]] = Kept(100)
        self._dances: Kept[VideoInfo | Recording] = Kept(10_000)
        self._checked: Kept[None] = Kept(100_000)
        self._digests: Kept[str] = Kept(100_000)

    def read(self, rows: Sequence[Row], source: str) -> list[AnimationJob]:
        """Return the jobs of all rows, those of one dance after each other.

        Args:
            rows: The rows.
            source: What messages call the job list.

        Raises:
            InvalidInput: There are problems; the message lists them with their rows.

        """
        refuse(self._rows.unknown(rows), source)
        columns = {name for row in rows for name in row.values}
        self._columns = columns
        check_template(self._usual.name, {*columns, "reference", "driving", "seed", "row"})
        jobs: dict[int, AnimationJob] = {}
        problems: list[Problem] = []
        for row in rows:
            try:
                jobs[row.number] = self._job(row)
            except (AnimateXError, argparse.ArgumentError, OSError) as error:
                problems.append(Problem(row.number, str(error)))
        names = same_names({number: job.name for number, job in jobs.items()})
        refuse([*problems, *(Problem(*each) for each in names)], source)
        return in_groups(jobs.values(), lambda job: options_of(job.arguments, (*OF_MODEL, *OF_DANCE)))

    def _job(self, row: Row) -> AnimationJob:
        fetched = {
            name: self._fetched.get(url, partial(self._cache.find, url))
            for name, url in self._rows.urls(row).items()
        }
        local = {name: str(each.path) for name, each in fetched.items()}
        with self._cache.held(fetched.values()):
            job = self._job_here(replace(row, values={**row.values, **local}))
        return replace(job, inputs=tuple(fetched.values()))

    def _job_here(self, row: Row) -> AnimationJob:
        arguments = self._rows.read(row)
        model = choose_model(arguments)
        arguments = model.completed(arguments)
        load = self._models.get(options_of(arguments, OF_MODEL), model.find)
        dance = self._dances.get(options_of(arguments, OF_DANCE), partial(find_dance, arguments))
        self._check_files(arguments)
        name = f"{self._name(row, arguments)}.{self._usual.format}"
        arguments.out = output_path(self._usual.out, name)
        fps = 1 if arguments.fps is None else arguments.fps
        check_settings(format_of(arguments.out), fps, arguments.quality)
        if arguments.cut_out:
            require_alpha(format_of(arguments.out))
        digest = self._digest(arguments, dance)
        return AnimationJob(name, arguments.out, digest, arguments, load, dance)

    def _name(self, row: Row, arguments: Namespace) -> str:
        dance = arguments.driving or arguments.motion
        columns = dict.fromkeys(self._columns, "")
        values = {**columns, **row.values, **vars(arguments), "row": row.number, "driving": dance}
        return fill_template(self._usual.name, values)

    def _check_files(self, arguments: Namespace) -> None:
        self._checked.get(arguments.reference, partial(_check_image, arguments.reference))
        for role in ("mask", "reference_pose", "bones"):
            path = getattr(arguments, role)
            if path is not None:
                self._checked.get((role, path), partial(require_file, path, role.replace("_", " ")))
        if arguments.poses is not None and not arguments.poses.exists():
            raise InvalidInput(f"The poses {str(arguments.poses)!r} do not exist: check the path.")

    def _digest(self, arguments: Namespace, dance: VideoInfo | Recording) -> str:
        left_out = {*WITHOUT_EFFECT, *OF_BATCH, *LARGE}
        stated: dict[str, Any] = {
            name: self._content(value) if isinstance(value, Path) else value
            for name, value in vars(arguments).items()
            if name not in left_out and name not in CLIPS
        }
        if isinstance(dance, VideoInfo):
            stated["driving"] = [self._content(file) for file in dance.files]
        else:
            stated["driving"] = self._content(dance.path)
        for name in ("first", "last"):
            path = getattr(arguments, name)
            if path is not None:
                stated[name] = [self._content(file) for file in probe(path).files]
        stated["models"] = [_version(path) for path in model_files(arguments)] or [arguments.model]
        key = options_of(arguments, ("folder", "pose_nets", "provider"))
        stated["pose models"] = self._pose_models.get(
            key, lambda: list(map(str, find_pose_models(arguments).contents))
        )
        return hashlib.sha256(json.dumps(stated, default=str, sort_keys=True).encode()).hexdigest()

    def _content(self, path: Path) -> str:
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        return "".join(self._digests.get(file, partial(digest_file, file)) for file in files)


def _check_image(path: Path) -> None:
    require_file(path, "reference")
    read_image(path)


def _version(path: Path) -> list[Any]:
    found = path.stat()
    return [path.name, found.st_size, found.st_mtime_ns]
