"""Where nothing serves users, or nobody knows whether something does: what a page leads with.

What is known comes from the notes of the worker next to each target, from this machine's processes, and from when the
worker of another machine was last heard of. Unknown is never healthy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from pilotage.app.project import Project
from pilotage.engine.placement.sighting import FRESH
from pilotage.model.errors import Invalid

if TYPE_CHECKING:
    from pilotage.engine.placement.sighting import Sighting
    from pilotage.engine.records.home import Home
    from pilotage.model.record import RolloutSummary

_LOOKS_WITHIN = 60.0
"""Seconds within which a rollout under way is looked at, also where many are."""


class Presence(StrEnum):
    """OFFLINE: nothing answers users · UNKNOWN: nobody has looked lately."""

    OFFLINE = "offline"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Spelled:
    """How a command names a place: its service and its environment only where there are several."""

    service: str = ""
    environment: str = ""

    def command(self, words: str) -> str:
        service, environment = f"-s {self.service} " * bool(self.service), f" -e {self.environment}"
        return f"`pilotage {service}{words}{environment * bool(self.environment)}`"


@dataclass(frozen=True, kw_only=True)
class Outage:
    """since: Unix seconds, the last moment at which something served or was looked at; None where nobody knows · why:
    a clause · cure: a sentence that says what to type, or who is at work."""

    service: str
    environment: str
    presence: Presence
    since: float | None
    why: str
    cure: str

    @property
    def lead(self) -> str:
        where = f"{self.service} in {self.environment}"
        if self.presence is Presence.OFFLINE:
            return f"{where} is offline"
        return f"Nobody has looked at {where}"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a place. version: that serves by the records, empty for none · newest: the rollout that started
    last · looked: Unix seconds of its last look · sighting: of this machine; None where the place is at home
    elsewhere · worker: whether one runs here · setback: that the records are older than what was done, empty where they
    are not."""

    service: str
    environment: str
    version: str
    newest: RolloutSummary | None
    looked: float | None
    sighting: Sighting | None
    home: Home | None
    worker: bool
    setback: str
    spelled: Spelled = Spelled()


def outage_of(facts: Facts, now: float) -> Outage | None:
    """None where something serves users, or nothing is to. now: Unix seconds."""
    newest = facts.newest
    under_way = newest if newest is not None and not newest.status.final else None
    if not facts.version and under_way is None:
        return None
    if facts.home is not None and not facts.home.is_here:
        return _elsewhere(facts, facts.home, now)
    seen = facts.sighting
    if seen is None:
        return None
    if not seen.serves and (facts.version or (under_way is not None and under_way.reached)):
        return _outage(facts, Presence.OFFLINE, seen.down_since, _why_down(facts, seen), _cure(facts, under_way))
    if under_way is not None:
        looked = facts.looked or under_way.started_at or under_way.created_at
        return None if now - looked < _LOOKS_WITHIN else _unseen(facts, looked, under_way)
    looks = [at for at in (seen.at, _driven_until(newest)) if at is not None]
    if any(0 <= now - at < FRESH for at in looks):
        return None
    return _unseen(facts, max(looks, default=None), None)


def _driven_until(newest: RolloutSummary | None) -> float | None:
    """When the worker last looked at a rollout that has ended; it keeps notes about the place only between rollouts."""
    return newest.finished_at if newest is not None and newest.started_at is not None else None


def _outage(facts: Facts, presence: Presence, since: float | None, why: str, cure: str) -> Outage:
    return Outage(
        service=facts.service, environment=facts.environment, presence=presence, since=since, why=why, cure=cure
    )


def _elsewhere(facts: Facts, home: Home, now: float) -> Outage | None:
    if not home.is_silent:
        return None
    since = None if home.heard is None else now - home.heard
    adopt = replace(facts.spelled, environment="").command(f"adopt {facts.environment}")  # an argument, no option
    cure = f"Start the worker there, or move the environment here: {adopt}"
    return _outage(facts, Presence.UNKNOWN, since, f"its worker on {home.place.name} gives no sign", cure)


def _why_down(facts: Facts, seen: Sighting) -> str:
    named = f" of {facts.version}" if facts.version else ""
    if not seen.router_up:
        return "its router is not running"
    if seen.running:
        return f"none of its {seen.instances or seen.running} instances{named} is healthy"
    return f"no instance{named} is running"


def _cure(facts: Facts, under_way: RolloutSummary | None) -> str:
    if under_way is None and facts.setback:
        return _accept(facts)
    if facts.worker:
        return f"The worker is starting it again. If that takes long, run {facts.spelled.command('doctor')}"
    if under_way is not None:
        return f"{under_way.version} is {under_way.status}. Start it again with {facts.spelled.command('watch')}"
    return f"Start it again with {facts.spelled.command(f'deploy {facts.version}')}"


def _accept(facts: Facts) -> str:
    return (
        "Its records are older than what was done there, so Pilotage leaves it alone. Look what runs, then run "
        f"{facts.spelled.command('store accept')}"
    )


def _unseen(facts: Facts, since: float | None, under_way: RolloutSummary | None) -> Outage:
    if under_way is None and facts.setback:
        return _outage(facts, Presence.UNKNOWN, since, "whether users are served is unknown", _accept(facts))
    if facts.worker:
        why = "its router or its instances do not answer the worker, so whether users are served is unknown"
        return _outage(facts, Presence.UNKNOWN, since, why, f"Run {facts.spelled.command('doctor')}")
    why = "no worker is running, so whether users are served is unknown"
    words = "watch" if under_way is not None else f"deploy {facts.version}"
    cure = f"Start a worker: `systemctl start pilotage-worker`, or {facts.spelled.command(words)}"
    return _outage(facts, Presence.UNKNOWN, since, why, cure)


# ── everywhere ─────────────────────────────────────────────────────────────────────────────────────────────


def outages(project: Project) -> tuple[Outage, ...]:
    """Of every place of pilotage.yaml, those offline first; of every place of the store while that cannot be read."""
    now = project.clock.now()
    found = [one for facts in _every(project, now) if (one := outage_of(facts, now)) is not None]
    return tuple(sorted(found, key=lambda one: (one.presence is not Presence.OFFLINE, one.service, one.environment)))


def _every(project: Project, now: float) -> Iterator[Facts]:
    from pilotage.engine.placement.lock import worker_pid
    from pilotage.engine.placement.places import homes
    from pilotage.engine.placement.sighting import sighting
    from pilotage.engine.records.grid import every_place
    from pilotage.engine.records.setbacks import standing

    engine, worker = project.store.engine, worker_pid(project.directory) is not None
    at_home, known = homes(engine, project.directory), _configured(project)
    setbacks = {(one.service, one.environment): one.sentence for one in standing(engine)}
    rows = [row for row in every_place(engine) if known is None or (row.service, row.environment) in known]
    under_way = [row.newest.id for row in rows if row.newest is not None and not row.newest.status.final]
    seen = project.store.live_views(under_way) if under_way else {}
    for row in rows:
        place, newest = (row.service, row.environment), row.newest
        home = at_home.get(place)
        live = seen.get(newest.id) if newest else None
        yield Facts(
            service=row.service, environment=row.environment, version=row.serving[0] if row.serving else "",
            newest=newest, looked=live.at if live and live.at else None, home=home, worker=worker,
            sighting=sighting(project.directory, *place, now) if home is None or home.is_here else None,
            setback=setbacks.get(place, ""), spelled=spelled(project, *place),
        )  # fmt: skip


def _configured(project: Project) -> set[tuple[str, str]] | None:
    try:
        return {(service, name) for service, names in project.names.environments.items() for name in names}
    except Invalid:
        return None


def spelled(project: Project, service: str, environment: str) -> Spelled:
    """How commands name a place; in full while the configuration cannot be read, unless the store knows no other."""
    try:
        names = project.names
    except Invalid:
        alone = project.records.places() == ((service, environment),)
        return Spelled() if alone else Spelled(service=service, environment=environment)
    several = len(names.environments.get(service, ())) > 1
    return Spelled(service=service if names.several else "", environment=environment if several else "")
