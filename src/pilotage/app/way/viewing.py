"""What people see of a way: its stages with their state, what it waits for, and the command that is next."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from pilotage.app.project import Project
from pilotage.app.way.control import meant
from pilotage.app.way.places import places_of
from pilotage.engine.records import ways
from pilotage.engine.records.ways import StoredWay
from pilotage.model.answers import DeploymentStrategy
from pilotage.model.record import Recorded, Unreadable
from pilotage.model.traffic import percent
from pilotage.model.way import EnvironmentStage, StageState, StageStatus, WayStage, WayStatus
from pilotage.plan.stages import band_of
from pilotage.way.seen import PlaceStatus


@dataclass(frozen=True, kw_only=True)
class RegionView:
    """One of several environments of a stage. place: None before its rollout was requested."""

    environment: str
    place: PlaceStatus | None

    @property
    def status(self) -> StageStatus:
        """How far it is, in the words of a stage."""
        return _REGION[self.place][0]

    @property
    def words(self) -> str:
        return _REGION[self.place][1]


_REGION = {
    None: (StageStatus.WAITING, "not begun"),
    PlaceStatus.NOTHING: (StageStatus.WAITING, "requested"),
    PlaceStatus.UNDER_WAY: (StageStatus.RUNNING, "under way"),
    PlaceStatus.COMPLETE: (StageStatus.PASSED, "complete"),
    PlaceStatus.RETURNING: (StageStatus.RUNNING, "returning"),
    PlaceStatus.RETURNED: (StageStatus.FAILED, "returned"),
    PlaceStatus.STUCK: (StageStatus.FAILED, "needs a person"),
    PlaceStatus.REPLACED: (StageStatus.PASSED, "has had another version since"),
}


@dataclass(frozen=True, kw_only=True)
class StageView:
    """took: seconds from its start to its end, or to now; None before it began · least, most: seconds that such a stage
    usually takes · regions: its environments in order, if it has several and has begun · planned: seconds of watching
    and waiting that the plan of its rollout has, the longest of several; None before there is one."""

    stage: WayStage
    state: StageState
    took: float | None
    least: int
    most: int
    regions: tuple[RegionView, ...] = ()
    planned: float | None = None

    @property
    def environments(self) -> tuple[str, ...]:
        """Those it rolls out to, or the one that it tests."""
        if isinstance(self.stage, EnvironmentStage):
            return self.stage.environments
        return (self.stage.tests,) if self.stage.tests else ()


@dataclass(frozen=True, kw_only=True)
class WayView:
    """next: the command that a person gives next, empty where nobody is waited for."""

    stored: StoredWay
    stages: tuple[StageView, ...]
    next: str

    @property
    def current(self) -> StageView | None:
        index = self.stored.state.current
        return None if index is None else self.stages[index]


def view_of(project: Project, stored: StoredWay) -> WayView:
    """A way as it is now."""
    strategy = project.loaded.configuration.answers.deployment_strategy
    now = project.clock.now()
    stages = tuple(
        replace(
            _stage(stored, index, strategy, now),
            regions=_regions(project, stored, index),
            planned=_planned(project, stored.state.stages[index]),
        )
        for index in range(len(stored.way.stages))
    )
    current = stored.state.current
    return WayView(stored=stored, stages=stages, next=_next(stored, () if current is None else stages[current].regions))


def _regions(project: Project, stored: StoredWay, index: int) -> tuple[RegionView, ...]:
    stage, at = stored.way.stages[index], stored.state.stages[index]
    if not isinstance(stage, EnvironmentStage) or len(stage.environments) == 1 or not at.after:
        return ()
    places = places_of(project.store, stored.way, stored.state)
    return tuple(
        RegionView(environment=name, place=places[name].status if name in at.after else None)
        for name in stage.environments
    )


def _planned(project: Project, at: StageState) -> float | None:
    """Of the rollouts that run."""
    if at.status is not StageStatus.RUNNING:
        return None
    found = list[float]()
    for identity in at.rollouts.values():
        with suppress(Unreadable, KeyError):
            found.append(project.store.get(identity).plan.watched)
    return max(found, default=None)


def _stage(stored: StoredWay, index: int, strategy: DeploymentStrategy, now: float) -> StageView:
    state, band = stored.state.stages[index], band_of(stored.way.stages, index, strategy)
    until = state.ended or stored.finished_at or now
    took = until - state.began if state.began and state.status is not StageStatus.CARRIED else None
    return StageView(
        stage=stored.way.stages[index], state=state, took=took, least=band.least, most=band.most
    )  # fmt: skip


def _next(stored: StoredWay, regions: Sequence[RegionView]) -> str:
    state, index = stored.state, stored.state.current
    if person := _asked(stored):
        return person
    if state.status is not WayStatus.UNDER_WAY or index is None:
        return ""
    stage, at = stored.way.stages[index], state.stages[index]
    if not isinstance(stage, EnvironmentStage):
        return ""
    if at.waiting in ("readiness", "refused"):
        refused = _first(regions, PlaceStatus.NOTHING) or stage.environments[0]
        return f"pilotage ready {stored.way.version} -e {refused}"
    if at.status is StageStatus.RUNNING and at.rollouts:
        under_way = _first(regions, PlaceStatus.UNDER_WAY) if regions else stage.environments[0]
        return f"pilotage watch -e {under_way}" if under_way else ""
    return ""


def _asked(stored: StoredWay) -> str:
    """The command that a person gives before the way goes on; empty where nobody is waited for."""
    state, version, index = stored.state, stored.way.version, stored.state.current
    if state.status is WayStatus.HELD:
        return f"pilotage way resume {version}"
    if state.status is not WayStatus.UNDER_WAY or index is None:
        return ""
    words = {"approval": "approve", "promotion": "promote", "cut-off": "retry"}
    asked = words.get(state.stages[index].waiting, "")
    return f"pilotage way {asked} {version}" if asked else ""


def _first(regions: Sequence[RegionView], place: PlaceStatus) -> str:
    return next((one.environment for one in regions if one.place is place), "")


def all_ways(project: Project, limit: int = 20) -> tuple[WayView, ...]:
    """Of the service, newest first."""
    if not project.has_store:
        return ()
    found = ways.listed(project.store.engine, project.service_name, limit)
    return tuple(view_of(project, stored) for stored in found)


@dataclass(frozen=True, kw_only=True)
class PlaceView:
    """What an environment has. serving: the version that all users have, empty for none · arriving: the one that rolls
    out or goes back, empty where nothing does · percent: of users who have that one."""

    environment: str
    serving: str
    arriving: str = ""
    status: str = ""
    percent: float = 0.0


def grid(project: Project) -> tuple[PlaceView, ...]:
    """Where each version is: the environments of the service, those of the way first, in its order."""
    known = list(project.loaded.configuration.environments)
    section = project.loaded.configuration.way
    ordered = [name for stage in section.stages for name in stage.places] if section else []
    names = dict.fromkeys((*(name for name in ordered if name in known), *known))
    return tuple(_place(project, name) for name in names)


def _place(project: Project, environment: str) -> PlaceView:
    service = project.service_name
    serving = (project.records.serving(service, environment) or ("",))[0]
    newest = project.records.newest(service, environment)
    if newest is None or newest.status.final:
        return PlaceView(environment=environment, serving=serving)
    return PlaceView(
        environment=environment, serving=serving, arriving=newest.version, status=newest.status.value,
        percent=percent(newest.weight),
    )  # fmt: skip


def one_way(project: Project, version: str) -> WayView:
    """The way of a version that was started last. Raises Unclear."""
    return view_of(project, meant(project, version))


def events_of(project: Project, version: str) -> tuple[StoredWay, tuple[Recorded, ...]]:
    """A way and its events. version: empty for the way that was started last. Raises Unclear."""
    stored = meant(project, version)
    return stored, ways.events(project.store.engine, stored.way.id)


@dataclass(frozen=True, kw_only=True)
class WayLook:
    """events: since the look before · ended: how it ended, None while it is under way · person: the command that a
    person gives next, empty where the way goes on by itself."""

    stored: StoredWay
    events: Sequence[Recorded]
    ended: WayStatus | None
    person: str = ""


def follow_way(project: Project, identity: str, *, every: float, timeout: float | None = None) -> Iterator[WayLook]:
    """A look every `every` seconds, until the way has ended, or `timeout` seconds are over."""
    began, shown = time.monotonic(), 0
    while True:
        stored = ways.get(project.store.engine, identity)
        events = ways.events(project.store.engine, identity, shown)
        shown = events[-1].number if events else shown
        ended = stored.state.status if stored.state.status.final and shown >= stored.events else None
        yield WayLook(stored=stored, events=events, ended=ended, person=_asked(stored))
        if ended or (timeout is not None and time.monotonic() - began >= timeout):
            return
        time.sleep(every)
