"""Which changes to read first: most probability of a repair per line of review."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.model.risk import ChangeRisk

MOST = 3


def read_first(changes: Sequence[ChangeRisk]) -> tuple[ChangeRisk, ...]:
    """At most three, best first; none where the range is about as short as that.

    The riskiest changes that hold half of the probability together come into question, so that a risky line counts and
    a harmless one does not. Among these, the one with the most probability per line is first (effort-aware ranking:
    Kamei et al., "Revisiting Common Bug Prediction Findings Using Effort-Aware Models", ICSM 2010).
    """
    readable = sorted((one for one in changes if one.lines), key=lambda one: -one.score)
    if len(readable) <= MOST:
        return ()
    half, held, likely = sum(one.score for one in readable) / 2, 0.0, list[ChangeRisk]()
    for one in readable:
        if held >= half and len(likely) >= MOST:
            break
        likely.append(one)
        held += one.score
    return tuple(sorted(likely, key=lambda one: -one.score / one.lines)[:MOST])
