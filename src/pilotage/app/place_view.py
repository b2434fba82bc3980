"""One environment of a service, as its page shows it: what serves, what waits, what holds it, its flag and its home."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pilotage.app.grid import Cell, Sees, grid_of
from pilotage.app.project import Project
from pilotage.app.status import EnvironmentStatus, status_of
from pilotage.model.calendar import Freeze
from pilotage.model.errors import Invalid
from pilotage.model.record import RolloutSummary

PAGE = 20
"""Rollouts on a page of the history."""


@dataclass(frozen=True, kw_only=True)
class HistoryPage:
    """rollouts: newest first · more: whether there are older ones."""

    rollouts: Sequence[RolloutSummary]
    more: bool
    number: int


@dataclass(frozen=True, kw_only=True)
class Held:
    """A freeze that holds or will hold. declared: by a person, who can lift it; else it is in pilotage.yaml."""

    freeze: Freeze
    declared: bool

    def holds(self, now: float) -> bool:
        return self.freeze.begins.timestamp() <= now < self.freeze.ends.timestamp()


@dataclass(frozen=True, kw_only=True)
class PlaceFlag:
    """The flag that releases of the environment turn on. Who has it is asked of its provider elsewhere."""

    key: str
    owner: str
    expires: str
    purpose: str


@dataclass(frozen=True, kw_only=True)
class PlaceView:
    """status: None while the configuration cannot be read."""

    cell: Cell
    status: EnvironmentStatus | None
    history: HistoryPage
    freezes: tuple[Held, ...]
    flag: PlaceFlag | None

    def holding(self, now: float) -> tuple[Held, ...]:
        """Freezes that hold now, the last to end last."""
        return tuple(sorted((one for one in self.freezes if one.holds(now)), key=lambda one: one.freeze.ends))


def history_of(project: Project, service: str, environment: str = "", page: int = 1) -> HistoryPage:
    """page: from 1."""
    from pilotage.engine.records.grid import history_page

    number = max(1, page)
    found = history_page(project.store.engine, service, environment, (number - 1) * PAGE, PAGE + 1)
    return HistoryPage(rollouts=found[:PAGE], more=len(found) > PAGE, number=number)


def place_view(project: Project, service: str, environment: str, sees: Sees, page: int = 1) -> PlaceView:
    """project: of the service."""
    row = grid_of(project, sees, service).rows.get(service, {})
    status = _status(project, environment)
    cell = row.get(environment, Cell(service=service, environment=environment))
    return PlaceView(
        cell=replace(cell, outage=status.outage if status else None), status=status,
        history=history_of(project, service, environment, page),
        freezes=held(project, service, environment), flag=_flag(project, environment),
    )  # fmt: skip


def held(project: Project, service: str, environment: str) -> tuple[Held, ...]:
    """Freezes that are not over, soonest first."""
    now = project.clock.now()
    found = [Held(freeze=one, declared=True) for one in project.store.freezes.of(service, environment, now)]
    try:
        from pilotage.config.calendars import calendar_of

        configured = calendar_of(project.loaded, project.today).freezes
    except Invalid:
        configured = ()
    found += [Held(freeze=one, declared=False) for one in configured if one.ends.timestamp() > now]
    return tuple(sorted(found, key=lambda one: one.freeze.begins))


def _status(project: Project, environment: str) -> EnvironmentStatus | None:
    try:
        return status_of(project, environment)
    except Invalid:
        return None


def _flag(project: Project, environment: str) -> PlaceFlag | None:
    try:
        section = project.loaded.configuration.environments[environment].flag
    except (Invalid, KeyError):
        return None
    if section is None:
        return None
    return PlaceFlag(
        key=section.key, owner=section.owner, expires=str(section.expires or ""), purpose=section.purpose.value
    )
