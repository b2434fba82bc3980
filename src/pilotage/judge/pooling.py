"""Cuts looks into the parts in which they are weighed: pools of requests, and blocks of seconds."""

from __future__ import annotations

import math

from pilotage.judge.sums import Sums
from pilotage.model.json import (
    JsonObject,
    each,
    number_at,
    optional,
    truth_at,
    whole_at,
)

_BLOCK = 5.0
"""Seconds (or looks, where no times are known) that must not decide alone where errors come in clusters."""


_POOLED = 2
"""Requests of the canary that a look needs: a single one would be compared with too few of stable's."""


_LONGEST, _LARGEST = 60, 5000
"""Looks, and requests of stable, after which pooling ends anyway: what is pooled should be of one time."""


class Pool:
    """Gathers looks until the canary has two requests.

    A look in which the canary errs has at least one of its requests; next to the few of stable's in that one look it
    would seem a large part of the traffic, and stable's errors in all the looks without a request of the canary would
    count for nothing. When a pooled look ends depends on exposures alone, so the test stays exact.
    """

    def __init__(self) -> None:
        self._pending, self._looks = Sums(), 0
        self._began = False
        self.dispersion = 1.0
        """φ as known before the first of the looks pooled last."""

    def add(self, look: Sums, dispersion: float) -> Sums | None:
        """The pooled look that ends with this one, None while it continues. dispersion: φ as known before the look."""
        if not self._looks:
            self.dispersion = dispersion
            if look.canary_total >= _POOLED:
                self._began = True
                return look
        pooled = self._pending.plus(look)
        self._looks += 1
        self._began = self._began or look.canary_total > 0
        enough = pooled.canary_total >= _POOLED or pooled.stable_total >= _LARGEST or self._looks >= _LONGEST
        if not enough and self._began:
            self._pending = pooled
            return None
        self._pending, self._looks = Sums(), 0
        return pooled

    def flush(self) -> Sums:
        """End the pending pool now; the decision to end it must not depend on its bad events."""
        pooled, self._pending, self._looks = self._pending, Sums(), 0
        return pooled

    def to_dict(self) -> JsonObject:
        return {
            "pending": list(self._pending), "looks": self._looks, "began": self._began, "dispersion": self.dispersion
        }  # fmt: skip

    def restore(self, saved: JsonObject) -> None:
        self._pending, self._looks = Sums(*each(whole_at, saved, "pending")), whole_at(saved, "looks")
        self._began, self.dispersion = truth_at(saved, "began"), number_at(saved, "dispersion")


class Blocks:
    """Cuts looks into aligned blocks of five seconds, or of five looks where no times are given."""

    def __init__(self) -> None:
        self._block: int | None = None

    def turn(self, look: int, at: float | None) -> bool:
        """Whether a new block starts with this look, counted from 1, at `at` seconds."""
        block = math.floor((look - 1 if at is None else at) / _BLOCK)
        begins, self._block = block != self._block, block
        return begins

    def to_dict(self) -> JsonObject:
        return {"block": self._block}

    def restore(self, saved: JsonObject) -> None:
        self._block = optional(whole_at, saved, "block")
