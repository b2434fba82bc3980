"""The state of rollouts as a page that Prometheus scrapes, in its text format 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pilotage.model.live import LiveView
from pilotage.model.observation import Health
from pilotage.model.plan import Plan
from pilotage.model.rollout import Status
from pilotage.render.exposition import escaped
from pilotage.render.rules import CANARY_HEALTH
from pilotage.rollout.canaries import due, is_canary, ready_share
from pilotage.rollout.turn import UNDER_WAY

_Labels = tuple[tuple[str, str], ...]
_FAMILIES = {
    "pilotage_rollout_status": "1 for the status of the latest rollout.",
    "pilotage_rollout_last_look_timestamp_seconds": "When Pilotage looked at the rollout last.",
    "pilotage_ready_instances": "Instances that are healthy.",
    "pilotage_wanted_instances": "Instances of the new version that users at the current weight need.",
    CANARY_HEALTH: "Ready instances over wanted ones, while some users have the new version.",
    "pilotage_health_score": "How well the new version does by its verdicts: 0 is harm beyond doubt, 1 is well.",
}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The latest rollout of an environment, with its last look, and its plan while it is in progress."""

    service: str
    environment: str
    version: str
    old: str | None
    status: Status
    plan: Plan | None
    live: LiveView


def metrics_page(rollouts: Iterable[Shown]) -> str:
    """All series, a family at a time, as the format wants it."""
    found: dict[str, list[str]] = {name: [] for name in _FAMILIES}
    for one in rollouts:
        for name, labels, value in _series(one):
            written = ",".join(f'{label}="{escaped(text)}"' for label, text in labels)
            found[name].append(f"{name}{{{written}}} {value!r}")
    lines = []
    for name, samples in found.items():
        if samples:
            lines += [f"# HELP {name} {_FAMILIES[name]}", f"# TYPE {name} gauge", *samples]
    return "".join(f"{line}\n" for line in lines)


def _series(one: Shown) -> Iterator[tuple[str, _Labels, float]]:
    plan, live = one.plan, one.live
    place = (("service", one.service), ("environment", one.environment))
    mine = (*place, ("version", one.version))
    for status in Status:
        yield "pilotage_rollout_status", (*mine, ("status", status.value)), float(status is one.status)
    if not live.at:
        return
    yield "pilotage_rollout_last_look_timestamp_seconds", mine, live.at
    versions = dict.fromkeys([one.version, *(i.version for i in live.instances)])
    ready = {v: sum(i.version == v and i.health == Health.HEALTHY.value for i in live.instances) for v in versions}
    for version, count in ready.items():
        yield "pilotage_ready_instances", (*place, ("version", version)), count
    if one.status not in UNDER_WAY or plan is None:
        return
    step = next((step for step in plan.steps if step.id == live.step), None)
    if step is not None:
        yield "pilotage_wanted_instances", mine, due(plan, step)
        if is_canary(step) and one.old:
            yield CANARY_HEALTH, mine, ready_share(plan, step, ready[one.version])
    if live.health is not None:
        yield "pilotage_health_score", mine, live.health
