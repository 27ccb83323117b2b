"""The videos of a study: from several systems, on the same cases, in blind pairs."""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, zip_longest
from pathlib import Path

import numpy as np

from ...errors import AnimateXWarning, InvalidInput
from ...utils.progress import Progress, no_progress
from ...utils.validation import require_int
from ...video.files import files_by_name
from ...video.image import read_picture
from ...video.info import look_at_first_frame, probe

CLIPS = {".mp4": "video/mp4", ".webm": "video/webm"}
PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
# As ffmpeg names them. Others, and frames of more colour than 4:2:0, play in some browsers only.
PLAYED = re.compile(r"Stream #0:\d+.*?: Video: (?:h264|vp8|vp9|av1)\b.*?, yuvj?420p\b")


def mime_type(path: Path) -> str:
    """Return the type of a clip or picture, as its suffix says."""
    return (CLIPS | PICTURES)[path.suffix.lower()]


def playable_seconds(path: Path) -> float:
    """Return how long a clip lasts; raises InvalidInput unless it is one that every browser plays."""
    clip = probe(path)
    if not PLAYED.search(look_at_first_frame(clip.path).log):
        raise InvalidInput(
            f"The clip {str(path)!r} is of a kind that not all browsers play: write it anew as H.264 of 8 "
            "bits, by `ffmpeg -i old.mp4 -c:v libx264 -pix_fmt yuv420p new.mp4`."
        )
    return clip.duration or 0.0


SHOWN = 3  # names in a message
UNEQUAL = 1.1  # times that a clip of a case may last longer than another without a word
CHUNK = 1 << 20  # bytes of a clip that are searched at once
MIN_NAME = 5  # characters; shorter names are in many clips by chance


@dataclass(frozen=True)
class Material:
    """Files by case. clips: those of each system, all of the same cases.

    references, driving: a picture and a clip of every case, or empty.
    """

    clips: Mapping[str, Mapping[str, Path]]
    references: Mapping[str, Path]
    driving: Mapping[str, Path]

    @property
    def systems(self) -> list[str]:
        """Names of the systems, in the order given."""
        return list(self.clips)

    @property
    def cases(self) -> list[str]:
        """Names of the cases, which are those of their files without the suffix."""
        return sorted(next(iter(self.clips.values())))


def find_material(
    systems: Mapping[str, Path],
    references: Path | None = None,
    driving: Path | None = None,
    progress: Progress = no_progress,
) -> Material:
    """Find and check the files of a study; a case has the same file name in each folder, but for suffixes.

    systems: a folder of clips by the name of the system. progress: called with the cases checked and those in
    all. An AnimateXWarning says where a clip would tell a
    rater more than it should. Raises InvalidInput for fewer than two systems, cases that one of them lacks,
    and files that browsers cannot show.
    """
    if len(systems) < 2:
        raise InvalidInput(f"{len(systems)} system was given, but pairs are of two: name another folder.")
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
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        raise InvalidInput(
            f"{whose} lacks {', '.join(missing[:SHOWN])}{more}: add them, or move their clips of the other "
            "systems away."
        )


def _check_files(material: Material, progress: Progress) -> None:
    for picture in material.references.values():
        read_picture(picture)
    for done, case in enumerate(material.cases, start=1):
        if case in material.driving:
            playable_seconds(material.driving[case])
        _check_lengths(case, [playable_seconds(files[case]) for files in material.clips.values()])
        progress(done, len(material.cases))


def _check_blindness(material: Material) -> None:
    for system, files in material.clips.items():
        told = [path.name for path in files.values() if _tells(path, system)]
        if told:
            warnings.warn(AnimateXWarning(
                f"{len(told)} clips of {system!r}, such as {told[0]}, hold this name inside of the file, "
                "where curious raters can find it: write them without metadata."
            ), stacklevel=3)  # fmt: skip


def _check_lengths(case: str, seconds: list[float]) -> None:
    if max(seconds) > UNEQUAL * min(seconds):
        warnings.warn(AnimateXWarning(
            f"The clips of {case!r} last {min(seconds):.1f} to {max(seconds):.1f} seconds, which tells them "
            "apart: in a pair the shorter one waits for the other."
        ), stacklevel=4)  # fmt: skip


def _tells(clip: Path, system: str) -> bool:
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
    """Two systems, shown side by side on one case."""

    case: str
    left: str
    right: str


def draw_pairs(
    cases: Sequence[str], systems: Sequence[str], *, seed: int, most: int | None = None
) -> list[Pair]:
    """Return pairs in random order: every two systems on every case, or of these `most`, spread evenly.

    Of each two systems, either is on the left equally often (to one pair), at random: a rater who prefers a
    side favours nobody. The same arguments give the same pairs.
    Raises InvalidInput for a seed or a number of pairs that cannot be.
    """
    require_int("seed", seed, least=0)
    rng = np.random.default_rng(seed)
    rounds = [list(_sided(two, cases, rng)) for two in combinations(systems, 2)]
    # One case of every two systems after the other, so that a part of them holds all equally often.
    spread = [pair for pair in chain.from_iterable(zip_longest(*rounds)) if pair is not None]
    if most is not None:
        require_int("pairs", most)
        if most > len(spread):
            raise InvalidInput(f"pairs is {most}, but there are {len(spread)} only: take fewer, or all.")
        spread = spread[:most]
    return [spread[place] for place in rng.permutation(len(spread))]


def _sided(two: tuple[str, str], cases: Sequence[str], rng: np.random.Generator) -> Iterator[Pair]:
    swap = bool(rng.integers(2))
    for place in rng.permutation(len(cases)):
        left, right = two[::-1] if swap else two
        yield Pair(cases[place], left, right)
        swap = not swap
