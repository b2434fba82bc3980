"""Which changes to read first: most probability of a repair per line of review."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.model.risk import ChangeRisk
from pilotage.risk.version_commits import only_a_version

MOST = 3

_LONGEST = 400
"""Lines that a person reviews well at one time (Cohen, "Best Kept Secrets of Peer Code Review", 2006). More are a
project of their own, and no place to begin."""

_LEAST_LEFT = 0.5
"""Share of all lines that are then left unread; where it is less, all of it is to be read."""

_HELD = 1 / 3
"""Share of the range's probability that the changes in question hold together."""


def read_first(changes: Sequence[ChangeRisk]) -> tuple[ChangeRisk, ...]:
    """At most three that are read at one time, best first; none where the range is about as short as that.

    The riskiest changes that hold a third of the probability together come into question, so that no harmless line is
    read. Among these, the one with the most probability per line is first (effort-aware ranking:
    Kamei et al., "Revisiting Common Bug Prediction Findings Using Effort-Aware Models", ICSM 2010).
    """
    readable = sorted((one for one in changes if _is_readable(one)), key=lambda one: -one.score)
    if len(readable) <= MOST:
        return ()
    enough, held, likely = sum(one.score for one in readable) * _HELD, 0.0, list[ChangeRisk]()
    for one in readable:
        if held >= enough and len(likely) >= MOST:
            break
        likely.append(one)
        held += one.score
    best = _at_one_time(sorted(likely, key=lambda one: -one.score / one.lines))
    every = sum(one.lines for one in changes)
    while sum(one.lines for one in best) > (1 - _LEAST_LEFT) * every:
        # What is read at one time anyway needs no order.
        best = best[:-1] if every > _LONGEST else []
    return tuple(best)


def _is_readable(change: ChangeRisk) -> bool:
    return 0 < change.lines <= _LONGEST and not only_a_version(change.subject, change.lines, change.paths)


def _at_one_time(best: Sequence[ChangeRisk]) -> list[ChangeRisk]:
    chosen, left = list[ChangeRisk](), _LONGEST
    for one in best:
        if len(chosen) < MOST and one.lines <= left:
            chosen.append(one)
            left -= one.lines
    return chosen
