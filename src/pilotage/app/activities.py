"""Phases of a scheduled release as people work through them: tracked, assigned, done, reopened, dropped.

A plan has the days; what happens to them is kept beside it. What a readiness item decides, no person does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pilotage.app.permissions import Permission
from pilotage.app.project import Project, Unclear
from pilotage.app.snapshot import channels_of
from pilotage.engine.records import activities as rows
from pilotage.model.activity import (
    FACTS,
    DecidedByGate,
    Fact,
    ItemState,
    MetBy,
    NoPhases,
    NotTracked,
    TrackedItem,
    TrackedPhase,
    TrackedRelease,
    UnknownPhaseItem,
)
from pilotage.model.answers import ReleaseFrequency, ReleaseType
from pilotage.model.plan import Plan
from pilotage.model.schedule import Phase, Role
from pilotage.plan.activities import GO_NO_GO, every_activity

if TYPE_CHECKING:
    from pilotage.plan.progress import Forecast

_BY_PEOPLE_TOO = frozenset((Fact.RISK_ASSESSED, Fact.ITS_DAY, Fact.ANNOUNCED, Fact.REVIEW_INVITED))
"""Facts that a person may know before Pilotage does."""

CONTINUOUS = "continuous releases have no phases: they go through the stages of a pipeline"
"""C6."""


@dataclass(frozen=True, kw_only=True)
class WorkRequest:
    """An action on an activity, a milestone, or all that is open in a phase. environment: None for the only one · note:
    kept with it · go: the decision, of the go/no-go decision alone."""

    version: str
    names: tuple[str, ...]
    environment: str | None = None
    note: str = ""
    go: bool | None = None


# ── a schedule ─────────────────────────────────────────────────────────────────────────────────────────────


def schedule_of(plan: Plan) -> TrackedRelease:
    """The phases of a plan, nothing done. Raises NoPhases."""
    if plan.answers.release_frequency is ReleaseFrequency.CONTINUOUS:
        raise NoPhases(CONTINUOUS)
    if plan.release_date is None:
        raise NoPhases("phases have days only with a release date: add --date YYYY-MM-DD")
    return TrackedRelease(
        service=plan.service, environment=plan.environment, version=plan.version, release_date=plan.release_date,
        zone=plan.zones[0] if plan.zones else "UTC", emergency=plan.answers.release_type is ReleaseType.HOTFIX,
        phases=tuple(_phase(phase) for phase in plan.timeline.phases),
        items=tuple(item for phase in plan.timeline.phases for item in _items(phase)),
    )  # fmt: skip


def _phase(phase: Phase) -> TrackedPhase:
    assert phase.start
    assert phase.end
    return TrackedPhase(
        id=phase.id, title=phase.title, shortest=phase.shortest, longest=phase.longest, start=phase.start, end=phase.end
    )


def _items(phase: Phase) -> tuple[TrackedItem, ...]:
    """Activities, due on the phase's last day, then milestones, each on its own day."""
    assert phase.end
    state, met_by, note = ItemState.OPEN, MetBy.NOTHING, ""
    if phase.done:
        state, met_by, note = ItemState.DONE, MetBy.PERSON, "the phase was done when it was planned"
    activities = [
        TrackedItem(
            id=one.id, title=one.id.replace("_", " ").capitalize(), phase=phase.id, milestone=False,
            owner=str(one.owner), gates=one.gates, due=str(phase.end), state=state, met_by=met_by, note=note,
        )
        for one in phase.activities
    ]  # fmt: skip
    milestones = [
        TrackedItem(
            id=one.id, title=one.title, phase=phase.id, milestone=True, owner=str(one.owner), gates=one.gates,
            due=str(one.due), state=state, met_by=met_by, note=note,
        )
        for one in phase.milestones
    ]  # fmt: skip
    return (*activities, *milestones)


def track(project: Project, actor: str, plan: Plan) -> TrackedRelease:
    """From now on the worker reminds of what is overdue, and `ready` shows it. What is done already stays done when the
    days move. Raises NoPhases, UnknownPhaseItem."""
    project.require(actor, Permission.WORK_PHASE, plan.environment)
    check_names(project)
    release = schedule_of(plan)
    rows.track(project.store.engine, release, channels_of(project.loaded), actor, project.clock.now())
    return tracked_here(project, plan.environment, plan.version)


def check_names(project: Project) -> None:
    """Raises UnknownPhaseItem for a name in `phases` that is no activity or milestone."""
    section, known = project.loaded.configuration.phases, every_activity()
    for key, names in (("gates", section.gates), ("met_by", [*section.met_by])):
        for name in names:
            if name not in known:
                place = project.loaded.place("phases", key)
                raise UnknownPhaseItem(f"{place}: no activity or milestone is called {name!r}")


def tracked_here(project: Project, environment: str | None, version: str) -> TrackedRelease:
    """Raises NotTracked, NoPhases."""
    service, place = project.loaded.configuration.service, project.environment(environment)
    found = rows.tracked(project.store.engine, service, place, version) if project.has_store else None
    if found is None:
        if project.loaded.configuration.answers.release_frequency is ReleaseFrequency.CONTINUOUS:
            raise NoPhases(CONTINUOUS)
        raise NotTracked(
            f"the phases of {version} in {place} are not tracked; run `pilotage phase track {version} -e {place} "
            "--date YYYY-MM-DD`"
        )
    return found


def all_tracked(project: Project, environment: str | None = None) -> tuple[TrackedRelease, ...]:
    """What people still work on, by release date."""
    if not project.has_store:
        return ()
    return rows.tracked_in(project.store.engine, project.loaded.configuration.service, environment)


def today_of(project: Project, release: TrackedRelease) -> date:
    return datetime.fromtimestamp(project.clock.now(), ZoneInfo(release.zone)).date()


def forecast_of(project: Project, release: TrackedRelease) -> Forecast:
    from pilotage.config.calendars import calendar_of
    from pilotage.plan.progress import forecast

    return forecast(release, today_of(project, release), calendar_of(project.loaded, release.release_date))


def progress_of(release: TrackedRelease) -> Mapping[str, tuple[int, int]]:
    """By phase, how many of its items are done, and how many there are."""
    from pilotage.plan.progress import progress

    return progress(release)


def overtaken(project: Project, releases: Sequence[TrackedRelease]) -> tuple[str, ...]:
    """A sentence for each release that would be out after the next one is planned: their trains collide (C13)."""
    found = []
    ordered = sorted((one for one in releases if not one.completed), key=lambda one: one.release_date)
    for one, following in pairwise(ordered):
        day = forecast_of(project, one).earliest
        if one.environment == following.environment and day >= following.release_date:
            found.append(
                f"{one.version} would be out on {day}, and {following.version} is planned for {following.release_date}"
            )
    return tuple(found)


def standing_of(project: Project, environment: str) -> tuple[str, ...]:
    """A sentence for each release that people work on in an environment."""
    found = []
    for release in all_tracked(project, environment):
        late = release.late(today_of(project, release).isoformat())
        if release.completed and not late:
            continue
        said = f"; {len(late)} overdue, first {late[0].title} (due {late[0].due})" if late else ""
        forecast = "is out" if release.completed else forecast_of(project, release).sentence
        found.append(f"{release.version}: {forecast}{said}")
    return tuple(found)


# ── what people do ─────────────────────────────────────────────────────────────────────────────────────────


def assign(project: Project, actor: str, request: WorkRequest, person: str) -> tuple[TrackedItem, ...]:
    """Somebody is to do items; returns these. Raises UnknownPhaseItem, Unclear for a person whom nobody knows."""
    release, items = _chosen(project, actor, request)
    people = project.people
    if people.by_name and people.identify(person).name not in people.by_name:
        raise Unclear(f"{person!r} is not one of the people of {people.where}: {', '.join(people.by_name)}")
    rows.assign(project.store.engine, release, [item.id for item in items], people.identify(person).name)
    return items


def finish(project: Project, actor: str, request: WorkRequest) -> tuple[TrackedItem, ...]:
    """Items are done, by somebody's word; of a phase all that is open and that people decide. Returns them. Raises
    UnknownPhaseItem, DecidedByGate, Forbidden."""
    release, items = _chosen(project, actor, request)
    phases = {phase.id for phase in release.phases}
    if whole := phases.intersection(request.names):
        named = set(request.names)
        items = tuple(
            item for item in items
            if item.id in named or (item.phase in whole and _is_open_to_people(item))
        )  # fmt: skip
    for item in items:
        if because := _decided(item):
            raise DecidedByGate(because.replace("VERSION", release.version))
    state = _decision(project, actor, request, items)
    note, now = request.note, project.clock.now()
    word = rows.Word(state=state, met_by=MetBy.PERSON, note=note, actor=actor, at=now)
    rows.say(project.store.engine, release, {item.id: word for item in items})
    return items


def _decision(project: Project, actor: str, request: WorkRequest, items: tuple[TrackedItem, ...]) -> ItemState:
    """Raises Unclear where a decision is missing or out of place, Forbidden where it is somebody else's."""
    if all(item.id != GO_NO_GO for item in items):
        if request.go is not None:
            raise Unclear(f"--decision belongs to {GO_NO_GO} alone")
        return ItemState.DONE
    if request.go is None or len(items) > 1:
        raise Unclear(f"{GO_NO_GO} is a decision: name it alone, with --decision go or --decision no-go")
    project.require(actor, Permission.DECIDE, project.environment(request.environment), Role(items[0].owner))
    return ItemState.DONE if request.go else ItemState.REFUSED


def _is_open_to_people(item: TrackedItem) -> bool:
    return not item.done and not _decided(item) and item.id != GO_NO_GO


def _decided(item: TrackedItem) -> str:
    """Why nobody's word counts; empty where it does."""
    gates = [gate for gate in item.gates if gate not in _BY_PEOPLE_TOO]
    if not gates:
        return ""
    if all(gate in FACTS for gate in gates):
        return f"{item.id} is done when the rollout of VERSION is: nobody else says so"
    return (
        f"{item.id} is done when {' and '.join(gates)} {'is' if len(gates) == 1 else 'are'} ready: see `pilotage ready "
        "VERSION`, or waive it there"
    )


def reopen(project: Project, actor: str, request: WorkRequest) -> tuple[TrackedItem, ...]:
    """Items are not done after all. Raises UnknownPhaseItem, DecidedByGate."""
    release, items = _chosen(project, actor, request)
    for item in items:
        if because := _decided(item):
            raise DecidedByGate(because.replace("VERSION", release.version))
    word = rows.Word(
        state=ItemState.OPEN, met_by=MetBy.PERSON, note=request.note, actor=actor, at=project.clock.now()
    )  # fmt: skip
    rows.say(project.store.engine, release, {item.id: word for item in items})
    return items


def drop(project: Project, actor: str, request: WorkRequest) -> None:
    """Nobody works on a release any more: no reminder, no freeze."""
    release = tracked_here(project, request.environment, request.version)
    project.require(actor, Permission.WORK_PHASE, release.environment)
    rows.drop(project.store.engine, release, f"{actor}: {request.note}")


def _chosen(project: Project, actor: str, request: WorkRequest) -> tuple[TrackedRelease, tuple[TrackedItem, ...]]:
    release = tracked_here(project, request.environment, request.version)
    project.require(actor, Permission.WORK_PHASE, release.environment)
    known = {item.id for item in release.items} | {phase.id for phase in release.phases}
    for name in request.names:
        if name not in known:
            raise UnknownPhaseItem(
                f"{release.version} has no activity, milestone or phase {name!r}; list them with "
                f"`pilotage phase list {release.version}`"
            )
    wanted = set(request.names)
    return release, tuple(item for item in release.items if wanted.intersection((item.id, item.phase)))
