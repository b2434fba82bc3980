"""What users said of the versions of a time: their ratings, the problems that they reported, and their words (R24)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pilotage.model.document import Section
from pilotage.model.report import BEST
from pilotage.report.told import Said, Told

_CONTENT = 4.75
"""Of `BEST`: R13's 95 %."""
_MANY = 20
"""Ratings from which a mean says something."""


def feedback_section(said: Sequence[Said], told: Sequence[Told], *, asked: bool, words: bool = False) -> Section:
    """asked: whether users have a form · words: show what they wrote."""
    measured = tuple(
        f"{one.version}: satisfaction {c.after} after {c.before or 'an unknown figure'} before, {c.samples:,} readings"
        for one in told for c in one.compared if c.metric == "user_satisfaction" and c.samples
    )  # fmt: skip
    written = tuple(f"{one.shown}: “{text}”" for one in said for text in one.words) if words else ()
    if not said:
        return Section("feedback", "Feedback", () if measured else (_nothing(asked=asked),), bullets=measured)
    rows = tuple(
        (one.shown, _rating(one), _interval(one), f"{one.ratings:,}", f"{one.problems:,}", f"{one.confirmed:,}")
        for one in said
    )
    headers = ("version", "rating", "95 % interval", "answers", "users with a problem", "confirmed")
    return Section(
        "feedback", "Feedback", (), headers, rows, (*measured, *written),
        numbers=("answers", "users with a problem", "confirmed"),
    )  # fmt: skip


def _nothing(*, asked: bool) -> str:
    if asked:
        return "Nobody answered or reported a problem in this period."
    return "Not connected. Add `intake` to pilotage.yaml, where users report problems and rate a version."


def _rating(one: Said) -> str:
    return "–" if one.mean is None else f"{one.mean:.2f} of {BEST}"


def _interval(one: Said) -> str:
    return "–" if one.low is None or one.high is None else f"{one.low:.2f}–{one.high:.2f}"


def lessons_of(said: Sequence[Said]) -> Iterator[str]:
    """What users found that did not go as planned."""
    for one in said:
        if one.confirmed:
            several = one.confirmed != 1
            what = f"{one.confirmed} problem{'s' * several} that users reported"
            yield f"{one.shown}: {what} {'are' if several else 'is'} confirmed"
        if one.mean is not None and one.ratings >= _MANY and one.mean < _CONTENT:
            yield f"{one.shown}: {one.ratings:,} users rated it {_rating(one)}, below {_CONTENT:g}"
