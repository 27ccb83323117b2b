"""Job lists: CSV and JSONL files with one row for every animation, and folders that are paired."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

from ..errors import InvalidInput, warn
from ..utils.documents import FileFault, document_errors, parse_json, read_bytes
from ..video.files import READ_IMAGE_SUFFIXES, files_with, find_videos

Pairs = Literal["product", "zip"]
PAIRS: tuple[Pairs, ...] = get_args(Pairs)
DELIMITERS = ",;\t"
YES, NO = ("true", "yes", "1", "x"), ("false", "no", "0")
FORMATS = (".csv", ".tsv", ".jsonl", ".ndjson")
WRONG_LIST = (
    "save the job list as CSV with a first line of column names, or as JSONL with an object in each line"
)


@dataclass(frozen=True)
class Row:
    """One row of a job list.

    Attributes:
        number: The line of the file, counted from 1; of paired folders the number of the pair.
        values: Name of the column, in lower case with underscores -> text, or what JSON gave. Empty cells and
            nulls are left out.

    """

    number: int
    values: Mapping[str, Any]


def read_job_list(path: Path) -> list[Row]:
    """Read a job list.

    CSV may be separated by commas, semicolons or tabs and have a byte order mark, as Excel writes it. Text
    that is neither UTF-8 nor UTF-16 is read as Windows-1252, with a warning.

    Args:
        path: A file that ends in .csv, .tsv, .jsonl or .ndjson.

    Returns:
        The rows that are not empty.

    Raises:
        InvalidInput: The file cannot be read, has no rows, or a row has more cells than there are columns.

    """
    if path.suffix.lower() not in FORMATS:
        raise InvalidInput(f"The job list {str(path)!r} ends in none of {', '.join(FORMATS)}: {WRONG_LIST}.")
    with document_errors(f"The job list {str(path)!r} cannot be read", WRONG_LIST):
        text = _decode(read_bytes(path), path)
        found = _csv_rows(text) if path.suffix.lower() in FORMATS[:2] else _json_rows(text)
        rows = [row for row in found if row.values]
    if not rows:
        raise InvalidInput(f"The job list {str(path)!r} has no rows: {WRONG_LIST}.")
    return rows


def pair_folders(references: Path, drivings: Path, pairs: Pairs = "product") -> list[Row]:
    """Return a row for every pair of a character and a dance.

    Args:
        references: A folder of images.
        drivings: A folder of videos.
        pairs: "product" for all pairs, "zip" for the first image with the first video by name, and so on.

    Raises:
        InvalidInput: A folder is missing or empty, or the numbers to zip differ.

    """
    images, videos = files_with(references, READ_IMAGE_SUFFIXES), list(find_videos(drivings).values())
    if not images:
        raise InvalidInput(
            f"{str(references)!r} contains no images, or is not a folder: put the characters there."
        )
    if pairs == "zip" and len(images) != len(videos):
        raise InvalidInput(
            f"There are {len(images)} references and {len(videos)} driving videos, which cannot be paired "
            "one by one: use --pairs product, or as many of each."
        )
    paired = product(images, videos) if pairs == "product" else zip(images, videos, strict=True)
    return [
        Row(number, {"reference": str(image.absolute()), "driving": str(video.absolute())})
        for number, (image, video) in enumerate(paired, start=1)
    ]


def _decode(data: bytes, path: Path) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if b"\0" in data:
            raise FileFault("it is not text") from error
        warn(f"{path} is not UTF-8, so it is read as Windows-1252: check names with accents.", stacklevel=4)
        return data.decode("cp1252", errors="replace")


def _csv_rows(text: str) -> Iterator[Row]:
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) == len("sep=,"):
        delimiter, text, skipped = first.strip()[-1], rest, 1  # Excel's way to say it
    else:
        delimiter, skipped = max(DELIMITERS, key=first.count), 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = _columns(next(reader, []))
        for cells in reader:
            yield Row(reader.line_num + skipped, _cells(columns, cells, reader.line_num + skipped))
    except csv.Error as error:
        raise FileFault(f"line {reader.line_num + skipped}: {error}") from error


def _cells(columns: Sequence[str], cells: Sequence[str], line: int) -> dict[str, str]:
    if any(cell.strip() for cell in cells[len(columns) :]):
        raise FileFault(f"line {line} has {len(cells)} cells, but there are {len(columns)} columns")
    values = dict(zip(columns, (cell.strip() for cell in cells), strict=False))
    return {name: value for name, value in values.items() if value}


def _json_rows(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = parse_json(line)
        except FileFault as error:
            raise FileFault(f"line {number}: {error}") from error
        if not isinstance(value, dict):
            raise FileFault(f"line {number} is no JSON object")
        values = dict(zip(_columns(value), value.values(), strict=True))
        yield Row(number, {name: each for name, each in values.items() if each not in (None, "")})


def _columns(names: Sequence[str] | Mapping[str, Any]) -> list[str]:
    """Return the names of columns as options are called in Python; --cut-out and "Cut-Out" are cut_out."""
    columns = [name.strip().lstrip("-").lower().replace("-", "_").replace(" ", "_") for name in names]
    while columns and not columns[-1]:
        columns.pop()
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice or not all(columns):
        fault = f"the column {twice[0]!r} occurs twice" if twice and twice[0] else "a column has no name"
        raise FileFault(fault)
    return columns


def as_flag(name: str, value: Any) -> bool:
    """Return whether a cell says yes or no; raises InvalidInput for anything else."""
    text = str(value).lower()
    if text not in (*YES, *NO):
        raise InvalidInput(f"{name} is {value!r}, but it must be true or false.")
    return text in YES
