"""The HIERARCHY of a BVH file: joints, offsets and channels. Bounded in size and depth."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile

import numpy as np

from ..utils.documents import FileFault
from ..utils.text import shorten_key
from .skeleton import CHANNELS, NO_PARENT, Skeleton

MAX_JOINTS = 2000
MAX_DEPTH = 200
MAX_NUMBER = 1e9  # of any position or angle; squares of larger ones could overflow later
MAX_CHANNELS = 12  # of one joint; files have 3 or 6
EXPORT = "export the file again"


def parse_hierarchy(text: str) -> Skeleton:
    """Parse the part of a BVH file before MOTION.

    Names may contain spaces; braces need no lines of their own.

    Raises:
        FileFault: It is broken or too large; the message completes a sentence about the file.

    """
    tokens = iter(text.replace("{", " { ").replace("}", " } ").split())
    if next(tokens, "").upper() != "HIERARCHY":
        raise FileFault("does not begin with HIERARCHY, so it is not BVH: export the motion as BVH")
    return _Parser(tokens).parse()


@dataclass
class _Parser:
    tokens: Iterator[str]
    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float] | None] = field(default_factory=list)
    channels: list[tuple[str, ...]] = field(default_factory=list)
    open: list[int] = field(default_factory=list)  # the joints whose braces are open

    def parse(self) -> Skeleton:
        steps = {
            "ROOT": self._root, "JOINT": self._joint, "END": self._end,
            "OFFSET": self._offset, "CHANNELS": self._channels, "}": self._close,
        }  # fmt: skip
        for token in self.tokens:
            step = steps.get(token.upper())
            if step is None:
                raise self._broken(f"{shorten_key(token)!r} is not expected there")
            step()
        return self._finished()

    def _finished(self) -> Skeleton:
        if self.open:
            raise self._broken("a closing brace is missing")
        if not self.names:
            raise FileFault(f"has no ROOT joint: {EXPORT}")
        if not any(self.channels):
            raise FileFault("has no channels, so nothing in it moves: export the animation with the skeleton")
        for name, offset in zip(self.names, self.offsets, strict=True):
            if offset is None:
                raise FileFault(f"has no OFFSET for {name or 'an End Site'!r}: {EXPORT}")
        offsets = np.array(self.offsets, np.float64)
        return Skeleton(tuple(self.names), tuple(self.parents), offsets, tuple(self.channels))

    def _root(self) -> None:
        if self.open:
            raise self._broken("a ROOT lies inside another joint")
        self._add(self._name())

    def _joint(self) -> None:
        if not self.open:
            raise self._broken("a JOINT lies outside of the ROOT")
        self._add(self._name())

    def _end(self) -> None:
        if not self.open or not self._name().upper().startswith("SITE"):
            raise self._broken("an End Site is out of place")
        self._add("")

    def _name(self) -> str:
        """Return what stands before the opening brace."""
        return " ".join(takewhile(lambda word: word != "{", self.tokens))

    def _add(self, name: str) -> None:
        if len(self.names) >= MAX_JOINTS or len(self.open) >= MAX_DEPTH:
            raise FileFault(
                f"has more than {MAX_JOINTS} joints or {MAX_DEPTH} nested ones: export only the skeleton"
            )
        self.parents.append(self.open[-1] if self.open else NO_PARENT)
        self.open.append(len(self.names))
        self.names.append(name)
        self.offsets.append(None)
        self.channels.append(())

    def _offset(self) -> None:
        values = [self._number() for _ in range(3)]
        if not self.open:
            raise self._broken("an OFFSET lies outside of the joints")
        self.offsets[self.open[-1]] = values

    def _channels(self) -> None:
        count = self._number()
        if not self.open or count != int(count) or not 0 <= count <= MAX_CHANNELS:
            raise self._broken(f"CHANNELS has the number {count:g}")
        self.channels[self.open[-1]] = tuple(self._channel() for _ in range(int(count)))

    def _channel(self) -> str:
        token = next(self.tokens, "")
        if token.lower() not in CHANNELS:
            raise self._broken(f"{shorten_key(token)!r} is not a channel such as Xposition or Zrotation")
        return CHANNELS[token.lower()]

    def _close(self) -> None:
        if not self.open:
            raise self._broken("a brace is closed twice")
        self.open.pop()

    def _number(self) -> float:
        token = next(self.tokens, "")
        try:
            value = float(token)
        except ValueError as error:
            raise self._broken(f"{shorten_key(token)!r} is not a number") from error
        if not abs(value) <= MAX_NUMBER:
            raise self._broken(f"{shorten_key(token)!r} is not finite, or too large")
        return value

    def _broken(self, reason: str) -> FileFault:
        place = f" near {shorten_key(self.names[-1])!r}" if self.names and self.names[-1] else ""
        return FileFault(f"has a broken hierarchy ({reason}{place}): {EXPORT}")
