"""When changes landed, by the clocks of those who committed them, where one clock that is wrong changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.model.rising import longest_rising

_SLACK = 86400.0
"""Seconds that a clock may be ahead of this machine's, for zones that were set wrong and drifting clocks."""


def agreed(times: Sequence[float], now: float) -> list[float]:
    """Times of a line of commits, oldest first, that never fall: those that agree with most others stay as they are.
    The rest (a clock in 2037, or in 1970) are given the time of the commit before. now: Unix seconds; a time after it
    is wrong, unless each is."""
    sane = [n for n, at in enumerate(times) if at <= now + _SLACK] or list(range(len(times)))
    kept = {sane[n] for n in longest_rising([times[n] for n in sane])}
    first = min((times[n] for n in kept), default=0.0)
    found, last = [], first
    for n, at in enumerate(times):
        last = at if n in kept else last
        found.append(last)
    return found
