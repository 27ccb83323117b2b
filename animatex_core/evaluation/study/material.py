"""The clips of a study: from several systems on the same cases, checked and paired at random."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, zip_longest
from pathlib import Path

import numpy as np

from ...errors import InvalidInput, warn
from ...utils.progress import Progress, no_progress
from ...utils.validation import require_int
from ...video.files import files_by_name
from ...video.first_frame import inspect_first_frames
from ...video.image import read_image
from ...video.info import probe

CLIPS = {".mp4": "video/mp4", ".webm": "video/webm"}
PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
# ffmpeg's description of videos that every browser plays; other codecs and pixel formats play only in some.
PLAYABLE = re.compile(r"Stream #0:\d+.*?: Video: (?:h264|vp8|vp9|av1)\b.*?, yuvj?420p\b")
MAX_LISTED = 3  # names listed in a message
MAX_DURATION_RATIO = 1.1  # ratio of the durations of two clips above which a warning is issued
CHUNK = 1 << 20  # bytes that are searched at once
MIN_NAME = 5  # characters; shorter names occur in many files by chance


def mime_type(path: Path) -> str:
    """Return the MIME type of a clip or image by its suffix."""
    return (CLIPS | PICTURES)[path.suffix.lower()]


def playable_seconds(path: Path) -> float:
    """Return the duration of a clip and check that every browser plays it.

    Args:
        path: The clip.

    Returns:
        Seconds; 0 if unknown.

    Raises:
        InvalidInput: The file cannot be read, or some browsers do not play it.

    """
    clip = probe(path)
    if not PLAYABLE.search(inspect_first_frames(clip.path).log):
        raise InvalidInput(
            f"The clip {str(path)!r} has a format that not all browsers play: convert it to 8-bit H.264 with "
            "`ffmpeg -i old.mp4 -c:v libx264 -pix_fmt yuv420p new.mp4`."
        )
    return clip.duration or 0.0


@dataclass(frozen=True)
class Material:
    """The files of a study.

    Attributes:
        clips: System -> case -> clip; all systems have the same cases.
        references: Case -> reference image, or empty.
        driving: Case -> driving clip, or empty.

    """

    clips: Mapping[str, Mapping[str, Path]]
    references: Mapping[str, Path]
    driving: Mapping[str, Path]

    @property
    def systems(self) -> list[str]:
        """Names of the systems in their original order."""
        return list(self.clips)

    @property
    def cases(self) -> list[str]:
        """Sorted names of the cases, which are the file names without suffix."""
        return sorted(next(iter(self.clips.values())))


def find_material(
    systems: Mapping[str, Path],
    references: Path | None = None,
    driving: Path | None = None,
    progress: Progress = no_progress,
) -> Material:
    """Find and check the files of a study; files of a case have the same name in every folder.

    An AnimateXWarning is issued for clips that reveal their system to raters.

    Args:
        systems: Folder of clips by the name of the system.
        references: Folder of reference images.
        driving: Folder of driving clips.
        progress: Called with the number of checked cases and the total.

    Returns:
        The files.

    Raises:
        InvalidInput: There are fewer than two systems, a system lacks a case, or browsers cannot show a file.

    """
    if len(systems) < 2:
        raise InvalidInput(f"{len(systems)} system was given, but a study needs two: add another folder.")
    clips = {name: _files(folder, CLIPS, "clips") for name, folder in systems.items()}
    cases = sorted({case for files in clips.values() for case in files})
    for name, files in clips.items():
        _require_all(cases, files, f"The folder of {name!r}, {systems[name]},")
    material = Material(
        clips, _given(references, PICTURES, "pictures", cases), _given(driving, CLIPS, "clips", cases)
    )
    _check_files(material, progress)
    _check_blindness(material)
    return material


def _given(folder: Path | None, suffixes: Mapping[str, str], kind: str, cases: list[str]) -> dict[str, Path]:
    if folder is None:
        return {}
    files = _files(folder, suffixes, kind)
    _require_all(cases, files, f"The folder {folder}")
    return {case: files[case] for case in cases}


def _files(folder: Path, suffixes: Mapping[str, str], kind: str) -> dict[str, Path]:
    if not folder.is_dir():
        raise InvalidInput(f"The folder of {kind} {str(folder)!r} does not exist: check its name.")
    files = files_by_name(folder, suffixes)
    if not files:
        raise InvalidInput(
            f"The folder {str(folder)!r} holds no {kind}: put files there ({', '.join(suffixes)})."
        )
    return files


def _require_all(cases: list[str], files: Mapping[str, Path], whose: str) -> None:
    missing = [case for case in cases if case not in files]
    if missing:
        more = f" and {len(missing) - MAX_LISTED} more" if len(missing) > MAX_LISTED else ""
        raise InvalidInput(
            f"{whose} lacks {', '.join(missing[:MAX_LISTED])}{more}: add them, or remove these cases from "
            "the other folders."
        )


def _check_files(material: Material, progress: Progress) -> None:
    for picture in material.references.values():
        read_image(picture)
    for done, case in enumerate(material.cases, start=1):
        if case in material.driving:
            playable_seconds(material.driving[case])
        _check_lengths(case, [playable_seconds(files[case]) for files in material.clips.values()])
        progress(done, len(material.cases))


def _check_blindness(material: Material) -> None:
    for system, files in material.clips.items():
        names = [path.name for path in files.values() if _contains_name(path, system)]
        if names:
            message = (
                f"{len(names)} clips of {system!r}, such as {names[0]}, contain this name in the file, where "
                "raters can find it: encode them without metadata."
            )
            warn(message, stacklevel=3)


def _check_lengths(case: str, seconds: list[float]) -> None:
    if max(seconds) > MAX_DURATION_RATIO * min(seconds):
        message = (
            f"The clips of {case!r} last {min(seconds):.1f} to {max(seconds):.1f} seconds, so that raters "
            "can tell them apart: trim them to the same length."
        )
        warn(message, stacklevel=4)


def _contains_name(clip: Path, system: str) -> bool:
    if len(system) < MIN_NAME:
        return False
    wanted, rest = system.lower().encode(errors="surrogateescape"), b""
    with clip.open("rb") as file:
        while chunk := file.read(CHUNK):
            if wanted in rest + chunk.lower():
                return True
            rest = (rest + chunk.lower())[1 - len(wanted) :]
    return False


@dataclass(frozen=True)
class Pair:
    """Two systems that are shown side by side on one case."""

    case: str
    left: str
    right: str


def draw_pairs(
    cases: Sequence[str], systems: Sequence[str], *, seed: int, most: int | None = None
) -> list[Pair]:
    """Draw pairs in random order: all combinations of systems on all cases, or an even selection.

    In the pairs of two systems each is on the left equally often (up to one pair), at random, so that a
    preference of raters for one side has no effect. The result is deterministic.

    Args:
        cases: Names of the cases.
        systems: Names of the systems.
        seed: Seed of the order, 0 or more.
        most: Number of pairs; None for all.

    Returns:
        The pairs.

    Raises:
        InvalidInput: The seed or the number of pairs is invalid.

    """
    require_int("seed", seed, least=0)
    rng = np.random.default_rng(seed)
    rounds = [list(_sided(two, cases, rng)) for two in combinations(systems, 2)]
    # The combinations of systems alternate, so that any first part contains all of them equally often.
    spread = [pair for pair in chain.from_iterable(zip_longest(*rounds)) if pair is not None]
    if most is not None:
        require_int("pairs", most)
        if most > len(spread):
            raise InvalidInput(f"pairs is {most}, but there are only {len(spread)}: use fewer, or all.")
        spread = spread[:most]
    return [spread[index] for index in rng.permutation(len(spread))]


def _sided(two: tuple[str, str], cases: Sequence[str], rng: np.random.Generator) -> Iterator[Pair]:
    swap = bool(rng.integers(2))
    for index in rng.permutation(len(cases)):
        left, right = two[::-1] if swap else two
        yield Pair(cases[index], left, right)
        swap = not swap
