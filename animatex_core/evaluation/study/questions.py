"""What raters are asked about every pair, and what they can answer."""

from dataclasses import dataclass
from typing import Literal

Answer = Literal["left", "same", "right"]
"""Which clip of a pair is better. same: no difference is seen, counted as half a vote for each."""


@dataclass(frozen=True)
class Question:
    """id: in files. name: of the column, as in the paper's user study; text: as raters read it."""

    id: str
    name: str
    text: str


QUESTIONS = (
    Question("identity", "identity preservation", "Which clip keeps the looks of the character better?"),
    Question(
        "temporal", "temporal consistency", "Which clip moves more steadily, without flicker, jumps or tears?"
    ),
    Question("visual", "visual quality", "Which clip looks better as a picture: sharp, natural, unspoilt?"),
)
