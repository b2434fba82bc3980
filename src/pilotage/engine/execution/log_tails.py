"""What an instance itself says of its failure: the end of its log, beside the verdict."""

from __future__ import annotations

from dataclasses import replace

from pilotage.adapters.ports import Fleet
from pilotage.model.observation import Verdict, VerdictKind
from pilotage.model.rollout import Observed

_LINES = 3


def with_log(verdict: Verdict, seen: Observed, fleet: Fleet, worst: str) -> Verdict:
    """What fails, or has errors, with the last lines of the log of the instance that has most of them.

    worst: `host:port` of the instance with the most errors, where the verdict names none; empty where nobody knows.
    """
    if verdict.kind is not VerdictKind.FAIL and not verdict.detail:
        return verdict
    ill = verdict.instance or worst
    found = next((i for i in seen.instances or () if f"{i.host}:{i.port}" == ill), None)
    if found is None:
        return verdict
    lines = tuple(f"{found.id}: {line}" for line in fleet.log_tail(found.id, _LINES))
    return replace(verdict, detail=(*verdict.detail, *lines))
