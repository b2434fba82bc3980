"""When changes landed, by the clocks of those who committed them, where one clock that is wrong changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.model.rising import longest_rising

_SLACK = 86400.0
"""Seconds that a clock may be ahead of this machine's, for zones that were set wrong and drifting clocks."""

_LAST = 7_258_032_000.0
"""The year 2200."""


def moment(said: str) -> float:
    """Unix seconds as git prints them; 0 where they are before 1970, beyond 2199 or nothing at all. Whoever writes a
    commit can put any number there."""
    at = float(said) if said.isdecimal() and len(said) < _DIGITS else 0.0
    return at if at <= _LAST else 0.0


_DIGITS = 12
_DAY = 24 * 60


def zone(written: str) -> int:
    """Seconds east of Greenwich of a date with its zone at the end, `… +0530`; 0 for a zone that no place has."""
    said = written.rsplit(" ", 1)[-1]
    if len(said) != 5 or not said[1:].isascii() or not said[1:].isdigit():
        return 0
    minutes = int(said[1:3]) * 60 + int(said[3:5])
    return 0 if minutes >= _DAY else 60 * (-minutes if said.startswith("-") else minutes)


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
