"""What earlier rollouts in an environment taught of its errors: the judge's prior."""

from __future__ import annotations

from pilotage.engine.store import Store
from pilotage.judge.counts import History

_ROLLOUTS = 20
"""The newest so many; older ones tell of another service."""

_LEAST = 1000
"""Requests below which history says nothing that the rollout itself does not say sooner."""


def history_of(store: Store, service: str, environment: str) -> History | None:
    """Errors of the versions that were stable while others rolled out, and how bursty they came at the worst.

    None where too little is known. What a judge of another version of Pilotage wrote down is passed over.
    """
    bad = total = 0
    dispersion = 1.0
    for known in store.judged(service, environment, _ROLLOUTS):
        try:
            judge = known["sums"]["errors"]["judge"]
            errors, requests = int(judge["sums"]["stable_bad"]), int(judge["sums"]["stable_total"])
            bursts = float(judge["dispersion"])
        except (KeyError, TypeError, ValueError):
            continue
        bad, total, dispersion = bad + errors, total + requests, max(dispersion, bursts)
    return History(bad, total, dispersion) if total >= _LEAST else None
