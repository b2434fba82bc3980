"""What earlier rollouts in an environment taught of its errors: the judge's prior."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pilotage.engine.records.store import Store
from pilotage.judge.sums import History
from pilotage.model.json import number_at, object_at, read_as, whole_at
from pilotage.model.live import JudgeState
from pilotage.model.record import Rollout

_ROLLOUTS = 20
"""The newest so many; older ones tell of another service."""

_NEAR = 3
"""Hours of the day: rollouts that began so near to this one, and like it on a weekend or not, saw its traffic."""

_LEAST = 1000
"""Requests below which history says nothing that the rollout itself does not say sooner."""


def history_of(store: Store, service: str, environment: str, now: float) -> History | None:
    """Errors of versions that were stable while others rolled out, and their worst burstiness.

    Of rollouts at this time of the day and the week, if enough are known; otherwise of all. None if too little is
    known. Records of a judge of another version of Pilotage are ignored.
    """
    known = [
        (at, found)
        for at, judge in store.judged(service, environment, _ROLLOUTS)
        if (found := _errors_in(judge)) is not None
    ]
    return _sum([found for at, found in known if _alike(at, now)]) or _sum([found for _, found in known])


def _errors_in(judged: JudgeState) -> History | None:
    try:
        traffic = object_at(judged.sums, "users")
        return History(
            whole_at(traffic, "ever", "stable_bad"),
            whole_at(traffic, "ever", "stable_total"),
            number_at(traffic, "bursts", "factor"),
        )
    except ValueError:
        return None


def _alike(at: float, now: float) -> bool:
    then, today = time.gmtime(at), time.gmtime(now)
    apart = abs(then.tm_hour - today.tm_hour)
    return min(apart, 24 - apart) <= _NEAR and (then.tm_wday >= 5) == (today.tm_wday >= 5)


def _sum(known: Sequence[History]) -> History | None:
    total = sum(one.total for one in known)
    if total < _LEAST:
        return None
    return History(sum(one.bad for one in known), total, max(1.0, *(one.dispersion for one in known)))


def known_history(store: Store, rollout: Rollout) -> History | None:
    """As it was when this rollout began: what the judge knows beforehand must not change under way."""
    if rollout.judge is None:
        return history_of(store, rollout.service, rollout.environment, rollout.created_at)
    try:
        return read_as(History, rollout.judge.history) if rollout.judge.history else None
    except ValueError:
        return history_of(store, rollout.service, rollout.environment, rollout.created_at)
