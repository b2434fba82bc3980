"""A release as its page shows it: its way, its rollouts, who signed what, and all that happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pilotage.app.grid import Sees
from pilotage.app.project import Project
from pilotage.app.way.viewing import WayView, view_of
from pilotage.engine.records import releases as rows
from pilotage.engine.records import ways
from pilotage.engine.records.signatures import signatures_of
from pilotage.engine.records.ways import StoredWay
from pilotage.model.errors import Invalid
from pilotage.model.readiness import Signature
from pilotage.model.record import Recorded, RolloutSummary
from pilotage.model.way import EnvironmentStage

LOOKED_AT = 150
"""Rollouts that one page of the list looks at."""
LISTED = 60
"""Versions on a page of the list."""

_MOST = 100
_TOLD = 6
"""Rollouts of which events are shown."""
_EVENTS = 80


@dataclass(frozen=True, kw_only=True)
class ReleaseLine:
    """One version in a list. places: its last rollout by environment · at: Unix seconds of the newest."""

    service: str
    version: str
    places: tuple[RolloutSummary, ...]
    at: float


@dataclass(frozen=True, kw_only=True)
class ReleasePage:
    """older: Unix seconds before which the next page begins; None on the last one."""

    lines: tuple[ReleaseLine, ...]
    older: float | None


@dataclass(frozen=True, kw_only=True)
class Happened:
    """One event. of: the environment of its rollout, or the way · path: of its page."""

    event: Recorded
    of: str
    path: str


@dataclass(frozen=True, kw_only=True)
class ReleaseView:
    """serving: environments in which all users have it · days: for which it is scheduled · signatures: by environment,
    in the order they were given · ways: newest first · events: newest first."""

    service: str
    version: str
    rollouts: tuple[RolloutSummary, ...]
    serving: tuple[str, ...]
    days: tuple[tuple[str, date], ...]
    signatures: tuple[tuple[str, Signature], ...]
    ways: tuple[WayView, ...]
    events: tuple[Happened, ...]

    @property
    def known(self) -> bool:
        return bool(self.rollouts or self.days or self.signatures or self.ways)


def releases(project: Project, sees: Sees, text: str = "", before: float | None = None) -> ReleasePage:
    """Newest first, with what the reader sees of each. before: Unix seconds, for older pages."""
    newest = rows.newest_releases(project.store.engine, text.strip()[:100], LOOKED_AT, before)
    found: dict[tuple[str, str], list[RolloutSummary]] = {}
    for one in newest.rollouts:
        if sees(one.service, one.environment):
            found.setdefault((one.service, one.version), []).append(one)
    lines = tuple(
        ReleaseLine(service=service, version=version, places=tuple(places), at=places[0].created_at)
        for (service, version), places in found.items()
    )
    return ReleasePage(lines=lines[:LISTED], older=lines[LISTED - 1].at if len(lines) > LISTED else newest.older)


def release_view(project: Project, service: str, version: str, sees: Sees) -> ReleaseView:
    """project: of the service."""
    engine = project.store.engine
    shown = tuple(one for one in rows.rollouts_of(engine, service, version, _MOST) if sees(service, one.environment))
    stored = [one for one in ways.listed(engine, service, 5, version) if sees_way(one, sees)]
    days = tuple(one for one in rows.days_of(engine, service, version) if sees(service, one[0]))
    places = dict.fromkeys(
        (
            *(name for one in stored for name in ways.environments_in(one.way)),
            *(one.environment for one in shown), *(name for name, _ in days), *_environments(project, service),
        )
    )  # fmt: skip
    seen = [name for name in places if sees(service, name)]
    return ReleaseView(
        service=service, version=version, rollouts=shown, days=days,
        serving=tuple(name for name in seen if project.store.serving(service, name)[:1] == (version,)),
        signatures=tuple(
            (name, one) for name in seen for one in signatures_of(engine, service, name, version)
        ),
        ways=_views(project, stored), events=_events(project, shown, stored),
    )  # fmt: skip


def sees_way(stored: StoredWay, sees: Sees) -> bool:
    """Whether the reader sees any place that it leads to."""
    there = ways.environments_in(stored.way)
    return any(sees(stored.way.service, name) for name in there) or (not there and sees(stored.way.service, ""))


def _environments(project: Project, service: str) -> Sequence[str]:
    try:
        return project.names.environments.get(service, ())
    except Invalid:
        return ()


def _views(project: Project, stored: Sequence[StoredWay]) -> tuple[WayView, ...]:
    """None while the configuration, which says how long stages usually take, cannot be read."""
    try:
        return tuple(view_of(project, one) for one in stored)
    except Invalid:
        return ()


def _events(project: Project, shown: Sequence[RolloutSummary], stored: Sequence[StoredWay]) -> tuple[Happened, ...]:
    store = project.store
    found = [
        Happened(event=event, of=one.environment, path=f"/rollouts/{one.id}")
        for one in shown[:_TOLD]
        for event in store.events(one.id)[-_EVENTS:]
    ]
    found += [
        Happened(event=event, of="way", path=f"/ways/{one.way.id}")
        for one in stored for event in ways.events(store.engine, one.way.id)[-_EVENTS:]
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda one: (one.event.at, one.event.number), reverse=True)[:_EVENTS])


def stage_environments(stored: StoredWay, name: str) -> tuple[str, ...]:
    """That a stage of this name rolls out to, or tests."""
    for stage in stored.way.stages:
        if stage.name == name:
            if isinstance(stage, EnvironmentStage):
                return stage.environments
            return (stage.tests,) if stage.tests else ()
    return ()
