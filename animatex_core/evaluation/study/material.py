"""The clips of a study: what several systems made of the same cases, and what they were given."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...errors import AnimateXWarning, InvalidInput
from ...progress import Progress, no_progress
from ...video.files import files_by_name
from ...video.picture import read_picture
from .playable import CLIPS, PICTURES, playable_seconds

SHOWN = 3  # names in a message
UNEQUAL = 1.1  # times that a clip of a case may last longer than another without a word
CHUNK = 1 << 20  # bytes of a clip that are searched at once
LEAST_NAME = 5  # characters; shorter names are in many clips by chance


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
    if len(system) < LEAST_NAME:
        return False
    wanted, rest = system.lower().encode(errors="surrogateescape"), b""
    with clip.open("rb") as file:
        while chunk := file.read(CHUNK):
            if wanted in rest + chunk.lower():
                return True
            rest = (rest + chunk.lower())[1 - len(wanted) :]
    return False
