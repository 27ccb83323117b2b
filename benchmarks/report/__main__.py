"""Measure the pairs, and write the table of a document.

python -m benchmarks.report [--authors DIR] [--out docs/fidelity-and-speed.md] [--rounds 5] [--batch]
                            [--only NAME ...]

Rows that are not measured, since they were not chosen or something is missing, stay as they were.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from . import authors, batches, commands, detection, preparing, presets, training, videos
from .rows import NotMeasuredError, Options, Source
from .table import rows_between, with_rows

# To add rows, add a source: the table has them in this order.
SOURCES: tuple[Source, ...] = (
    authors.SOURCE,
    preparing.SOURCE,
    videos.SOURCE,
    detection.SOURCE,
    batches.SOURCE,
    presets.SOURCE,
    training.SOURCE,
    commands.SOURCE,
)
ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "fidelity-and-speed.md"


def main(argv: Sequence[str] | None = None, sources: Sequence[Source] = SOURCES) -> None:
    """Measure, print every row, and write the document."""
    options = _parser(sources).parse_args(argv)
    chosen = Options(options.rounds, options.authors, options.batch)
    rows_between(options.out.read_text(encoding="utf-8"))  # fails before the long work, not after it
    for source in sources:
        if options.only is None or source.name in options.only:
            _measure_into(options.out, source, chosen, sources)


def _measure_into(document: Path, source: Source, options: Options, sources: Sequence[Source]) -> None:
    """Write the rows of one source at once, so that an interruption loses no others."""
    try:
        measured = {row.what: row.text for row in source.measured(options)}
    except NotMeasuredError as error:
        print(f"{source.name} not measured: {error}", flush=True)
        return
    print("\n".join(measured.values()), flush=True)
    names = [what for each in sources for what in each.rows]
    text = document.read_text(encoding="utf-8")
    document.write_text(with_rows(text, names, measured), encoding="utf-8")


def _parser(sources: Sequence[Source]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m benchmarks.report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--authors", type=Path, help="a copy of the official repository")
    parser.add_argument("--out", type=Path, default=DOCUMENT, help="default: docs/fidelity-and-speed.md")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", action="store_true", help="measure batches too, which takes many minutes")
    parser.add_argument("--only", nargs="+", choices=[source.name for source in sources])
    return parser


if __name__ == "__main__":
    main()
