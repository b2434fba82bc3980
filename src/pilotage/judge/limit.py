"""Judges whether a rate is above a limit that is harm whatever the other version does.

Poisson likelihood ratios ρ^e · exp(−(ρ − 1) · limit · n), averaged over ρ: for independent requests that fail at a rate
p ≤ limit each has a mean of at most exp((p − limit)(ρ − 1) n) ≤ 1, so the average is an e-process. One such average
runs from the first request; others start with each block of 60 seconds, with a share of the capital that is fixed in
advance, so harm that starts late need not make up for the good hours before it.

If users stick to a version and retry, the errors of one user say little about the others. So the user with the most
errors is left out of the count, and the rest is weighed by the dispersion of stable's errors.

A shared dependency harms both versions. Stable's rate at the same time is allowed, so an outage of both adds no
evidence, now or later.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pilotage.judge.likelihood import LOG_SPAN, SPAN_LESS_ONE
from pilotage.model.json import JsonObject, list_at, number_at, object_at, optional, whole_at

_BLOCK = 60.0
_WHOLE = 0.5
"""Share of the capital that bets from the first request on."""
_SUM = 2.11
"""Σ 1 / (n log² n) over n ≥ 2 is 2.1097."""
_MOST_USERS = 10_000
"""Users whose errors are counted separately in one sum; the errors of further users count in full."""


class _Sum:
    """Errors, by user, and what the limit allows, since a moment."""

    def __init__(self) -> None:
        self.bad, self.expected = 0.0, 0.0
        self.users: dict[int, float] = {}
        self._known: float | None = None

    def add(self, bad: float, expected: float, users: Sequence[int], weight: float) -> None:
        self._known = None
        self.bad += bad * weight
        self.expected += expected * weight
        for user in users:
            if user in self.users or len(self.users) < _MOST_USERS:
                self.users[user] = self.users.get(user, 0.0) + weight

    @property
    def evidence(self) -> float:
        """Natural logarithm of the e-value, the worst user left out."""
        if self._known is None:
            worst = max(self.users.values(), default=0.0)
            values = (self.bad - worst) * LOG_SPAN - SPAN_LESS_ONE * self.expected
            top = float(values.max())
            self._known = top + math.log(float(np.exp(values - top).sum()) / len(values))
        return self._known

    def to_dict(self) -> JsonObject:
        return {"bad": self.bad, "expected": self.expected, "users": [list(pair) for pair in self.users.items()]}

    @staticmethod
    def of(saved: JsonObject) -> _Sum:
        restored = _Sum()
        restored.bad, restored.expected = number_at(saved, "bad"), number_at(saved, "expected")
        restored.users = {whole_at(pair, 0): number_at(pair, 1) for pair in list_at(saved, "users")}
        return restored


class LimitStream:
    """Streaming; `evidence` is the natural logarithm of an e-value against "the rate is at most `limit`".

    limit: a rate in 0…1.
    """

    def __init__(self, limit: float) -> None:
        if not 0 < limit < 1:
            raise ValueError(f"a limit is between 0 and 1, not {limit}")
        self.limit = limit
        self._whole, self._block = _Sum(), _Sum()
        self._since: float | None = None
        self._blocks, self._share, self._settled, self._unstarted = 0, 0.0, 0.0, 1 - _WHOLE

    def update(
        self,
        *,
        at: float,
        bad: int,
        total: int,
        users: Sequence[int] = (),
        weight: float = 1.0,
        allowed: float = 0.0,
    ) -> None:
        """Add a look: `bad` of `total` requests. users: whose error each was, if known · weight: of the look, 0…1,
        known before it · allowed: a rate that does not exceed the limit in this look, because the version next to it
        has it too; only if it is higher than the limit."""
        if not 0 <= bad <= total:
            raise ValueError(f"bad events must be between 0 and the total: {bad} of {total}")
        if not total:
            return
        self._turn(at)
        for part in (self._whole, self._block):
            part.add(bad, min(1.0, max(self.limit, allowed)) * total, users, weight)

    def _turn(self, at: float) -> None:
        """Begin the next block when this one is over."""
        if self._since is not None and at < self._since + _BLOCK:
            return
        if self._since is not None:
            self._settled += self._share * math.exp(min(self._block.evidence, 600.0))
        self._since, self._block = at, _Sum()
        self._blocks += 1
        place = self._blocks + 1
        self._share = min(self._unstarted, (1 - _WHOLE) / _SUM / (place * math.log(place) ** 2))
        self._unstarted -= self._share

    def evidence(self) -> float:
        if self._since is None:
            return 0.0
        late = self._share * math.exp(min(self._block.evidence, 600.0)) + self._settled + self._unstarted
        whole, rest = math.log(_WHOLE) + self._whole.evidence, math.log(late)
        top = max(whole, rest)
        return top + math.log(math.exp(whole - top) + math.exp(rest - top))

    def to_dict(self) -> JsonObject:
        return {
            "whole": self._whole.to_dict(), "block": self._block.to_dict(), "since": self._since,
            "blocks": self._blocks, "share": self._share, "settled": self._settled, "unstarted": self._unstarted,
        }  # fmt: skip

    def restore(self, saved: JsonObject) -> None:
        self._whole, self._block = _Sum.of(object_at(saved, "whole")), _Sum.of(object_at(saved, "block"))
        self._since, self._blocks = optional(number_at, saved, "since"), whole_at(saved, "blocks")
        self._share = number_at(saved, "share")
        self._settled, self._unstarted = number_at(saved, "settled"), number_at(saved, "unstarted")
