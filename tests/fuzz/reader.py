"""What the fuzz knows of a reader: which files are its own, how it reads one, and what must hold then."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath


@dataclass(frozen=True)
class Sample:
    """One input. name: its path, by which some readers go · mutated: it is no longer what its tool wrote."""

    name: str
    content: bytes
    mutated: bool = False

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace")


Check = Callable[[Sample], Iterator[str]]
"""Reads a sample, and yields a sentence for each thing that is wrong. What it raises is an internal error."""


def whole_file(path: str, content: bytes) -> Iterator[Sample]:
    yield Sample(path, content)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """takes: whether a file of a corpus is its own · samples: what a file holds · words: what mutations put in ·
    seconds: processor time for one sample, and for each megabyte of it."""

    name: str
    check: Check
    seeds: tuple[Sample, ...]
    takes: Callable[[PurePath], bool] = lambda _: False
    samples: Callable[[str, bytes], Iterator[Sample]] = whole_file
    words: tuple[str, ...] = ()
    seconds: tuple[float, float] = (2.0, 20.0)
    histories: bool = field(default=False)
    """Whether a corpus is read through `git log`, one message a sample."""

    def limit(self, sample: Sample) -> float:
        """Processor seconds after which reading is not linear any more."""
        once, per_megabyte = self.seconds
        return once + per_megabyte * len(sample.content) / 1e6


_LONGEST = 800
"""Characters of a refusal."""

_MALFORMED = re.compile(
    r"is not valid|not text|is nested|is truncated|is incomplete: |half a character|not a number|not a whole number"
    r"|is not readable|unreadable|appears twice|is no block|too complex|is missing|, not an? "
)
_PLACE = re.compile(r":\d+\b|`\$[.\[]|\bline \d+|\$[.\[]\w|Expected `\w+`, got|'[^']+' is missing|[\w.-]+ is .+, not ")


def refusal(message: str) -> Iterator[str]:
    """What is malformed is refused with its place, a line or a path in the document, in a sentence of a few lines."""
    if len(message) > _LONGEST:
        yield f"an endless sentence: {message[:200]}"
    elif _MALFORMED.search(message) and not _PLACE.search(message):
        yield f"a refusal without a place: {message[:200]}"
