"""What is on board of the next train: changes since the last version, late ones, and those that missed it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pilotage.adapters.git import Git, repository_around
from pilotage.adapters.ports import AdapterError
from pilotage.app.notes import Ends, NotesRequest, changes_between, ends_of
from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.app.repository import git_here
from pilotage.app.trains import Station
from pilotage.engine.records.boardings import Boarding, board, boarded
from pilotage.model.errors import Conflict, Invalid
from pilotage.plan.trains import Departure
from pilotage.report.commits import Change
from pilotage.report.merges import reference
from pilotage.report.tags import version_named
from pilotage.report.versions import BadVersion, Scheme


class NotAboard(Invalid):
    """No change since the last version has this number or id, or it may not board this train."""


class TrainClosed(Conflict):
    """Late boarding has ended."""


@dataclass(frozen=True, kw_only=True)
class Passenger:
    """A change. request: such as #12, empty where it has none · tickets: that it names · at: when it was merged · late:
    the boarding after the cut-off, None for one in time · services: of several, those that it belongs to."""

    commit: str
    title: str
    kind: str
    request: str
    tickets: tuple[str, ...]
    authors: tuple[str, ...]
    at: datetime
    services: tuple[str, ...] = ()
    late: Boarding | None = None


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """since: the tags of the last versions, one of each service; none before a first one · aboard: of the train, newest
    first · missed: came after its cut-off, and go with a later one · why_not: why nothing is known."""

    since: tuple[str, ...] = ()
    aboard: tuple[Passenger, ...] = ()
    missed: tuple[Passenger, ...] = ()
    why_not: str = ""


def manifest(project: Project, station: Station, departure: Departure) -> Manifest:
    """What the train carries, by the repository as it is now."""
    try:
        if repository_around(project.folder) is None:
            return Manifest(why_not=f"{project.folder.name} is not in a git repository")
        since, found = _changes(project)
    except (AdapterError, BadVersion) as error:
        return Manifest(why_not=str(error))
    if station.now < departure.cutoff:
        return Manifest(since=since, aboard=tuple(found))
    late = {one.commit: one for one in _boarded(project, station, departure)}
    aboard = [replace(one, late=late.get(one.commit)) for one in found]
    in_time = [one for one in aboard if one.late or one.at <= departure.cutoff]
    return Manifest(since=since, aboard=tuple(in_time), missed=tuple(one for one in aboard if one not in in_time))


def _changes(project: Project) -> tuple[tuple[str, ...], list[Passenger]]:
    """The last versions, and the changes since. Of several services, each since its own version. Raises AdapterError,
    BadVersion."""
    since: list[str] = []
    found: dict[str, Passenger] = {}
    for one in _parts(project):
        git = git_here(one)
        version = _last_version(git)
        since += [version] if version else []
        for change in changes_between(git, Ends(version, "HEAD")).changes:
            there = found.get(change.id) or _passenger(change)
            mine = (one.service,) if one.service and project.service is None else ()
            found[change.id] = replace(there, services=(*there.services, *mine))
    return tuple(dict.fromkeys(since)), sorted(found.values(), key=lambda one: one.at, reverse=True)


def _parts(project: Project) -> Sequence[Project]:
    """Each service that has a part of the repository; the project itself where none has."""
    whole = project.whole.configuration
    if project.service is not None or not any(one.paths or one.tag_prefix for one in whole.services.values()):
        return [project]
    return [project.for_service(name) for name in whole.services]


def _last_version(git: Git) -> str:
    """The tag of the last final version; HEAD's own, where it has one."""
    for scheme in (Scheme.SEMVER, Scheme.PEP440):
        ends = ends_of(git, NotesRequest(scheme=scheme))
        here = version_named(ends.at) if ends.at else None
        if found := ends.at if here and here.final else ends.first:
            return found
    return ""


def _passenger(change: Change) -> Passenger:
    return Passenger(
        commit=change.id, title=change.summary, kind=change.kind.value,
        request=reference(change.request) if change.request else "", tickets=change.issues, authors=change.authors,
        at=datetime.fromtimestamp(change.at, UTC),
    )  # fmt: skip


def _boarded(project: Project, station: Station, departure: Departure) -> Sequence[Boarding]:
    if not project.has_store:
        return ()
    return boarded(project.store.engine, station.train.service, departure.day.isoformat())


def board_late(project: Project, station: Station, actor: str, named: str, reason: str) -> tuple[Departure, Passenger]:
    """Bring a change on board after the cut-off. named: its request or its commit. Raises NotAboard, TrainClosed,
    Forbidden."""
    departure = next(iter(station.upcoming), None)
    if departure is None:
        raise NotAboard("no train departs in the next two years: see `pilotage train`")
    passenger = _missed(project, station, departure, named)
    if station.now > departure.late_until:
        raise TrainClosed(
            f"late boarding of the train of {departure.day} ended at {departure.late_until:%Y-%m-%d %H:%M %Z}: the "
            "change goes with the next train, or as a hotfix"
        )
    train = station.train
    here = project.for_service(train.service)
    who = here.require(actor, Permission.BOARD_LATE, train.environment, train.late[0], train.late[1:])
    role = next((one for one in train.late if one.lower() in {word.lower() for word in who.roles or ()}), None)
    boarding = Boarding(
        train=departure.day.isoformat(), commit=passenger.commit, title=passenger.title, actor=who.name,
        role=str(role or ""), reason=reason, at=project.clock.now(),
    )  # fmt: skip
    board(project.store.engine, train.service, boarding)
    return departure, replace(passenger, late=boarding)


def _missed(project: Project, station: Station, departure: Departure, named: str) -> Passenger:
    """The one change that is meant. Raises NotAboard."""
    found = manifest(project, station, departure)
    if found.why_not:
        raise NotAboard(found.why_not)
    fitting = [one for one in (*found.aboard, *found.missed) if _is(one, named)]
    since = f"since {', '.join(found.since)}" if found.since else "in this repository"
    if not fitting:
        raise NotAboard(f"no change {since} is {named!r}: name its pull request, such as #12, or its commit")
    if len(fitting) > 1:
        raise NotAboard(f"{named!r} is {len(fitting)} changes: name the commit of one: {_shown(fitting)}")
    if fitting[0] in found.aboard:
        late, cutoff = fitting[0].late, f"the cut-off, {departure.cutoff:%Y-%m-%d %H:%M %Z}"
        in_time = f"boarding is open until {cutoff}" if station.now < departure.cutoff else f"it came before {cutoff}"
        how = f"{late.actor} boarded it late" if late else in_time
        raise NotAboard(f"{named} is on board of the train of {departure.day} already: {how}")
    return fitting[0]


_SHORTEST = 7
"""Digits of a commit's id that are enough to mean it."""


def _is(passenger: Passenger, named: str) -> bool:
    if passenger.request and named.lstrip("#!") == passenger.request.lstrip("#!"):
        return True
    return len(named) >= _SHORTEST and passenger.commit.startswith(named.lower())


def _shown(found: Sequence[Passenger]) -> str:
    return ", ".join(f"{one.commit[:_SHORTEST]} {one.title}" for one in found[:5])
