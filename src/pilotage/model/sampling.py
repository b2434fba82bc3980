"""Whether a sample of users fits the share that was set, with a limit that no unlucky key ever exceeds.

A hash of the flag's key and the user's decides who gets a flag. For one key and one sample the answer never changes: a
key whose sample is far from its share would be refused for ever. Of 500 flags that ramp in six steps, one has a step
at which 2,000 users are more than four standard deviations off. So a sample that is off is followed by one of ten times
its size, and only that one refuses.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

TIMES = 10
"""How many times as many users the large sample has."""
_DEVIATIONS = 4.0
_UNBELIEVABLE = 28.0
"""Chernoff's bound: chance exceeds it with a probability of 2 · exp(-28), one in 700 billion. It corresponds to 7.5
standard deviations of the large sample, 2.4 of the small one: what is wrong enough for the one is so for the other."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """on: how many of those asked have it."""

    on: int
    asked: int
    fits: bool


def sampled(count: Callable[[range], int], size: int, share: float) -> Sample:
    """Ask `size` users, and ten times as many if their share is off. count: how many of these users, by number, have
    it · share: from 0 to 1."""
    on = count(range(size))
    if usual(on, size, share) or not 0 < share < 1:
        return Sample(on=on, asked=size, fits=usual(on, size, share))
    on += count(range(size, TIMES * size))
    return Sample(on=on, asked=TIMES * size, fits=possible(on, TIMES * size, share))


def usual(on: int, asked: int, share: float) -> bool:
    """Whether it is within four standard deviations of the share."""
    return abs(on - asked * share) <= _DEVIATIONS * math.sqrt(asked * share * (1 - share))


def possible(on: int, asked: int, share: float) -> bool:
    """Whether chance can explain it. share: between 0 and 1, neither of them."""
    seen = on / asked
    entropy = _part(seen, share) + _part(1 - seen, 1 - share)
    return asked * entropy <= _UNBELIEVABLE


def _part(seen: float, share: float) -> float:
    return seen * math.log(seen / share) if seen else 0.0
