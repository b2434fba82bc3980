"""What a person sees first: what rolls out, what waits for them, what ended lately, and the days ahead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pilotage.app.failures import failed_lately
from pilotage.app.permissions import Permission, Thing
from pilotage.app.project import Project
from pilotage.app.roles import Eyes
from pilotage.app.rollout_choices import choices, why_not
from pilotage.engine.records import overview, setbacks, ways
from pilotage.engine.records.overview import Dated
from pilotage.model.calendar import Freeze
from pilotage.model.live import LiveView
from pilotage.model.record import Rollout, RolloutSummary
from pilotage.model.schedule import Role
from pilotage.model.status import Status
from pilotage.rollout.deadlines import awaited

_ATTENTION = (Status.WITHDRAWN, Status.PAUSED, Status.HOLDING)
"""Statuses in which a person may be waited for, the most urgent first."""

_MOST_ASKED = 25
"""Rollouts of which the page works out whom they wait for."""

MOST_SHOWN = 40
"""Rollouts under way in the list; the page says how many more there are."""

_SOON = timedelta(days=3)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Something that this person can decide or do. path: where, without the server's root; empty where there is no page
    for it · until: Unix seconds, after which it is decided without them · due: ISO day · urgent: users have harm, or
    the day is over."""

    title: str
    detail: str
    action: str
    path: str = ""
    until: float | None = None
    due: str = ""
    urgent: bool = False


@dataclass(frozen=True, kw_only=True)
class Rolling:
    """A rollout under way. whole: None where only its columns were read."""

    summary: RolloutSummary
    live: LiveView
    whole: Rollout | None = None


@dataclass(frozen=True, kw_only=True)
class Day:
    """One of the days ahead, with what is planned on it. frozen: name of a freeze of the calendar."""

    day: date
    releases: tuple[Dated, ...]
    frozen: str = ""


@dataclass(frozen=True, kw_only=True)
class Now:
    """more: rollouts under way beyond the listed ones."""

    rolling: tuple[Rolling, ...]
    more: int
    queued: tuple[RolloutSummary, ...]
    waiting: tuple[Waiting, ...]
    lately: tuple[RolloutSummary, ...]
    failed: tuple[RolloutSummary, ...]
    ahead: tuple[Day, ...]


def now_of(project: Project, eyes: Eyes, zone: ZoneInfo, freezes: Sequence[Freeze]) -> Now:
    """project: for the person · freezes: of the calendar."""
    store = project.store
    active = sorted((one for one in store.active() if eyes.sees(one.service, one.environment)), key=_urgency)
    asked = [one.id for one in active if one.status in _ATTENTION][:_MOST_ASKED]
    whole = {one.id: one for one in overview.whole_ones(store.engine, asked)}
    live = store.live_views([one.id for one in active[:MOST_SHOWN]])
    services = _services(project, eyes)
    today = datetime.fromtimestamp(project.clock.now(), zone).date()
    good = _seen(eyes, overview.ended_lately(store.engine, (Status.COMPLETED,), 20, services))
    return Now(
        rolling=tuple(
            Rolling(summary=one, live=live[one.id], whole=whole.get(one.id)) for one in active[:MOST_SHOWN]
        ),
        more=max(0, len(active) - MOST_SHOWN),
        queued=tuple(one for one in store.queued() if eyes.sees(one.service, one.environment))[:20],
        waiting=(
            *_left_alone(project, eyes), *_decisions(project, eyes, whole), *_stages(project, eyes),
            *_duties(project, today),
        ),
        lately=good[:8], failed=failed_lately(store, eyes, services)[:5],
        ahead=_ahead(project, eyes, today, freezes),
    )  # fmt: skip


def _urgency(one: RolloutSummary) -> tuple[int, float]:
    place = _ATTENTION.index(one.status) if one.status in _ATTENTION else len(_ATTENTION)
    return place, one.created_at


def _services(project: Project, eyes: Eyes) -> tuple[str, ...] | None:
    """Those of which this person sees anything; None where they see everything."""
    if eyes.sees(""):
        return None
    return tuple(
        dict.fromkeys(service for service, place in overview.places(project.store.engine) if eyes.sees(service, place))
    )


def _seen(eyes: Eyes, found: Sequence[RolloutSummary]) -> tuple[RolloutSummary, ...]:
    return tuple(one for one in found if eyes.sees(one.service, one.environment))


def _left_alone(project: Project, eyes: Eyes) -> Iterator[Waiting]:
    """Environments whose records are older than what was done there, as after a restore."""
    for one in setbacks.standing(project.store.engine):
        if eyes.may(Permission.ADOPT, Thing(service=one.service, environment=one.environment)):
            yield Waiting(
                title=f"{one.service} in {one.environment} is left as it is", detail=one.sentence, action="Look",
                path=f"/services/{quote(one.service, safe='')}/{quote(one.environment, safe='')}", urgent=True,
            )  # fmt: skip


def _decisions(project: Project, eyes: Eyes, whole: Mapping[str, Rollout]) -> Iterator[Waiting]:
    """Rollouts that wait for an answer that this person may give, by the end of their patience."""
    found = [made for one in whole.values() if (made := _decision(project, eyes, one)) is not None]
    yield from sorted(found, key=lambda one: (not one.urgent, one.until or 0.0))


def _decision(project: Project, eyes: Eyes, rollout: Rollout) -> Waiting | None:
    thing = Thing(service=rollout.service, environment=rollout.environment)
    mine = [
        choice
        for choice in choices(rollout, newest=True)
        if choice.asked and eyes.may(choice.deed.permission, thing) and not why_not(project, rollout, choice)
    ]
    if not mine:
        return None
    due = awaited(rollout.plan, rollout.state)
    approval = mine[0].deed.value == "approve"
    name = f"{rollout.service} {rollout.version}"
    return Waiting(
        title=f"Approve {name} for {rollout.environment}" if approval else f"Decide on {name} in {rollout.environment}",
        detail=rollout.state.reason or (rollout.state.hold.sentence if rollout.state.hold else ""),
        action="Review" if approval else "Decide", path=f"/rollouts/{rollout.id}", until=due.until if due else None,
        urgent=rollout.state.status is Status.WITHDRAWN,
    )  # fmt: skip


_STAGES = {"approval": "Approve", "promotion": "Promote", "cut-off": "Retry"}


def _stages(project: Project, eyes: Eyes) -> Iterator[Waiting]:
    """Ways whose next stage a person begins."""
    for stored in ways.open_ways(project.store.engine):
        current, way = stored.state.current, stored.way
        if current is None or not eyes.sees(way.service):
            continue
        word = _STAGES.get(stored.state.stages[current].waiting)
        if word and (word != "Approve" or project.actor not in stored.state.stages[current].approved):
            yield Waiting(
                title=f"{word} {way.service} {way.version} for {way.stages[current].name}",
                detail=stored.state.stages[current].detail, action="Open",
                path=_release(way.service, way.version),
            )  # fmt: skip


def _release(service: str, version: str) -> str:
    return f"/releases/{quote(service, safe='')}/{quote(version, safe='')}"


def _duties(project: Project, today: date) -> Iterator[Waiting]:
    """Activities of releases and follow-up actions of this person."""
    me = project.people.identify(project.actor)
    names, day = (me.name, *me.aliases), today.isoformat()
    held = {word.lower() for word in me.roles or ()}
    roles = [role.value for role in Role if role.lower() in held]
    until = (today + _SOON).isoformat()
    for one in overview.errands(project.store.engine, names, roles, until, 20):
        yield Waiting(
            title=one.title, detail=f"{one.service} {one.version} for {one.environment}", action="Open",
            path=_release(one.service, one.version), due=one.due, urgent=one.due < day,
        )  # fmt: skip
    for action in overview.open_actions(project.store.engine, names, 20):
        yield Waiting(
            title=action.description, detail=f"Follow-up {action.number} of {action.service}", action="Open",
            path="/incidents#actions", due=action.due, urgent=action.due < day,
        )  # fmt: skip


def _ahead(project: Project, eyes: Eyes, today: date, freezes: Sequence[Freeze]) -> tuple[Day, ...]:
    days = [today + timedelta(days=number) for number in range(7)]
    found = overview.dated(project.store.engine, days[0].isoformat(), days[-1].isoformat(), 100)
    seen = [one for one in found if eyes.sees(one.service, one.environment)]
    return tuple(
        Day(
            day=day, releases=tuple(one for one in seen if one.day == day.isoformat()),
            frozen=next((one.name for one in freezes if _touches(one, day)), ""),
        )
        for day in days
    )  # fmt: skip


def calendar_freezes(project: Project, today: date) -> tuple[Freeze, ...]:
    """Freezes of the configured calendar in the days ahead. To work out holidays and recurrences takes a while: keep
    the answer for the day. Raises ConfigError."""
    from pilotage.config.calendars import calendar_of

    last = today + timedelta(days=7)
    found = calendar_of(project.whole, today).freezes
    return tuple(one for one in found if one.ends.date() >= today and one.begins.date() <= last)


def _touches(freeze: Freeze, day: date) -> bool:
    zone = freeze.begins.tzinfo
    return freeze.begins.date() <= day <= (freeze.ends.astimezone(zone) - timedelta(microseconds=1)).date()
