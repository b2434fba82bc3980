"""Makes the judge of a release's requests: of two versions of the code, or of flag-on and flag-off (R16)."""

from __future__ import annotations

from pilotage.judge.look import Unit
from pilotage.judge.release import ReleaseJudge
from pilotage.judge.sums import History
from pilotage.model.capabilities import Capabilities
from pilotage.model.plan import Plan
from pilotage.model.snapshot import Snapshot

VARIANTS = ("on", "off")
_OF_FLEET = ("response_time_p95", "memory_utilization", "cpu_utilization")


def judge_of_flag(plan: Plan, snapshot: Snapshot, can: Capabilities, signals: int) -> ReleaseJudge:
    """Variants of a flag report their own durations; what instances use says nothing of them."""
    on, off = VARIANTS
    untold = _untold(can) - {"response_time_p95"}
    return ReleaseJudge(
        plan, on, off, resources=False, unit=Unit.CLUSTER, routes=snapshot.routes, signals=signals, untold=untold
    )


def judge_of_code(
    plan: Plan, snapshot: Snapshot, can: Capabilities, signals: int, new: str, old: str | None, history: History | None
) -> ReleaseJudge:
    """signals: how many are compared next to it · history: what is known beforehand of the service's errors."""
    synthetic = snapshot.environment.get("synthetic") is not None
    return ReleaseJudge(
        plan, new, old, history, resources=True, unit=_unit(can), routes=snapshot.routes, synthetic=synthetic,
        signals=signals, untold=_untold(can),
    )  # fmt: skip


def _untold(can: Capabilities) -> frozenset[str]:
    """Health metrics that neither the source of counts nor the fleet provides."""
    return frozenset(_OF_FLEET) - {*can.fleet.provides, *can.metrics.provides}


def _unit(can: Capabilities) -> Unit:
    """What is assigned to a version: with a cookie or header the user, else the request."""
    if not can.router.sticky:
        return Unit.REQUEST
    return Unit.USER if can.metrics.users else Unit.CLUSTER
