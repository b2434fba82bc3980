"""Going back by what the store keeps of the rollouts before: no configuration is needed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pilotage.engine.records.store import Store, StoreConflict
from pilotage.model.errors import Conflict
from pilotage.model.plan import Plan
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, Mode
from pilotage.rollout.machine import begin


class NoWayBack(Conflict):
    """There is no version to return to. The message says what there is instead."""


@dataclass(frozen=True)
class DeployResult:
    """What came of asking: a rollout that runs (or ran), and the sentence about it. `fresh`: it began just now."""

    rollout: Rollout | None
    sentence: str
    fresh: bool


def way_back(
    store: Store, service: str, environment: str, to: str | None, actor: str, reason: str
) -> DeployResult | tuple[str, str, Rollout | None]:
    """What a rollback means now: the rollout in progress is rolled back (the command is given here), or there is
    nothing to do; otherwise the version to return to, the one that serves, and the last rollout. Raises NoWayBack,
    StoreConflict."""
    latest = store.latest(service, environment)
    if latest is not None and not latest.state.status.final:
        if to not in (None, latest.old):
            raise StoreConflict(
                f"{latest.version} is rolling out; until it ends, you can only roll back to {latest.old}"
            )
        store.command(latest.id, CommandKind.ROLLBACK, actor, reason)
        return DeployResult(latest, f"rolling back {latest.version}", fresh=False)
    serving = store.serving(service, environment)
    if to is None:
        if len(serving) < 2:
            raise NoWayBack(f"{environment} has no earlier good version to roll back to")
        to = serving[1]
    elif to not in serving:
        # Whoever was gone back from is no way back, however often it completed.
        known = any(one.version == to for one in store.history(service, environment, limit=500))
        said = "is not a version to roll back to" if known else "has never completed"
        raise NoWayBack(f"{to} {said} in {environment}; run `pilotage deploy {to}` to roll it out")
    if to == serving[0]:
        return DeployResult(None, f"{to} already serves all requests of {environment}", fresh=False)
    return to, serving[0], latest


def pace_back(plan: Plan, latest: Rollout | None, now: float) -> tuple[Mode, str]:
    ended = latest.finished_at if latest else None
    window = plan.number("rollback.window")
    if ended is not None and now - ended <= window:
        return Mode.FAST_RETURN, ""
    return Mode.FULL, ". The rollback window has passed, so all analysis steps run"


def go_back_by_record(
    store: Store, service: str, environment: str, to: str | None, actor: str, reason: str
) -> DeployResult:
    """As `go_back`, with the plan and the configuration of the rollout that brought that version. Raises NoWayBack,
    StoreConflict."""
    found = way_back(store, service, environment, to, actor, reason)
    if isinstance(found, DeployResult):
        return found
    version, serving, latest = found
    before = _last_of(store, service, environment, version)
    mode, words = pace_back(before.plan, latest, store.clock.now())
    state = begin(before.plan, serving, mode, actor)
    rollout = store.create(before.plan, state, (latest or before).snapshot, actor, store.clock.now())
    started = DeployResult(rollout, "", fresh=True)
    return replace(started, sentence=f"rolling back {environment} to {version} with its original plan{words}")


def _last_of(store: Store, service: str, environment: str, version: str) -> Rollout:
    for one in store.history(service, environment, limit=500):
        if one.version == version:
            return store.get(one.id)
    raise NoWayBack(
        f"no plan of {version} is stored. Correct pilotage.yaml, then run `pilotage rollback --to {version}`"
    )
