"""The outcome of a study as JSON and as a table in Markdown."""

from typing import Any

from ...markdown import markdown_table
from .count import Outcome, Tally
from .interval import CONFIDENCE
from .questions import QUESTIONS


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome as plain values; percentages are 0..100."""
    return {
        "study": outcome.key.study,
        "pairs": len(outcome.key.pairs),
        "raters": len(outcome.ballots),
        "votes": sum(map(len, outcome.ballots)),
        "confidence": CONFIDENCE,
        "systems": {
            system: {question: _plain(tally) for question, tally in tallies.items()}
            for system, tallies in outcome.tallies.items()
        },
        "files": [str(ballot.path) for ballot in outcome.ballots],
        "refused": {str(path): reason for path, reason in outcome.refused.items()},
    }


def as_markdown(outcome: Outcome) -> str:
    """Return a table with a row a system and a column a question, and a sentence on how to read it."""
    rows = (
        [system, *(_cell(tallies[question.id]) for question in QUESTIONS)]
        for system, tallies in outcome.tallies.items()
    )
    table = markdown_table(["system", *(question.name for question in QUESTIONS)], rows)
    return f"{table}\n\n{_reading(outcome)}\n"


def _reading(outcome: Outcome) -> str:
    possible = len(outcome.ballots) * len(outcome.key.pairs) * len(QUESTIONS)
    return (
        f"Part of its comparisons that a system won, with {CONFIDENCE:.0%} Wilson intervals clustered by "
        "rater; where no difference was seen, half a vote went to each. "
        f"Raters: {len(outcome.ballots)}; votes: {sum(map(len, outcome.ballots))} of {possible}."
    )


def _cell(tally: Tally) -> str:
    if tally.share is None:
        return "-"
    percentage = f"{100 * tally.share.value:.1f} %"
    if tally.share.interval is None:
        return percentage
    low, high = (100 * end for end in tally.share.interval)
    return f"{percentage} ({low:.1f} to {high:.1f})"


def _plain(tally: Tally) -> dict[str, Any]:
    share = tally.share
    interval = None if share is None or share.interval is None else [100 * end for end in share.interval]
    return {
        "percent": None if share is None else 100 * share.value,
        "interval": interval,
        "comparisons": tally.comparisons,
        "same": tally.same,
    }
