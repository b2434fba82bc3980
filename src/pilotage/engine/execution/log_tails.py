"""Adds the end of a failing instance's log to the verdict."""

from __future__ import annotations

from dataclasses import replace

from pilotage.adapters.ports import Fleet
from pilotage.model.observation import Verdict, VerdictKind
from pilotage.model.rollout import Observed

_LINES = 3


def with_log(verdict: Verdict, seen: Observed, fleet: Fleet, worst: str) -> Verdict:
    """Failed or erroneous verdicts, with the last log lines of the instance that has most of the errors.

    worst: `host:port` of the instance with the most errors, if the verdict names none; empty if unknown.
    """
    if verdict.kind is not VerdictKind.FAIL and not verdict.detail:
        return verdict
    ill = verdict.instance or worst
    found = next((i for i in seen.instances or () if f"{i.host}:{i.port}" == ill), None)
    if found is None:
        return verdict
    lines = tuple(f"{found.id}: {line}" for line in fleet.log_tail(found.id, _LINES))
    return replace(verdict, detail=(*verdict.detail, *lines))
