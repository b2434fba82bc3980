"""After a restore: which environments Pilotage leaves alone, and the word that it may go on from the records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pilotage.app.homes import home_elsewhere
from pilotage.app.project import Project
from pilotage.model.errors import Conflict, Invalid

if TYPE_CHECKING:
    from pilotage.engine.records.at_once import AtOnce
    from pilotage.engine.records.reader import Reader
    from pilotage.engine.records.setbacks import Setback
    from pilotage.engine.records.store import Store
    from pilotage.model.events import RecordsWentBack
    from pilotage.model.record import RolloutSummary


class RecordsNotAccepted(Conflict):
    """After a restore, the records of the environment are older than what was done there, and nobody accepted them."""


class NothingToAccept(Invalid):
    """The records of the environment are not older than what was done there."""


def setback_of(project: Project, last: RolloutSummary | None, records: Reader | Store | AtOnce | None = None) -> str:
    """That the records of an environment are older than what was done there, in a sentence, whether a worker has found
    that out yet or not; empty where they are not, or somebody accepted them. last: its rollout that started
    last · records: where they were read already."""
    if last is None or not last.status.final:
        return ""
    if recorded := (records or project.records).setback(last.id):
        return recorded
    found = _seen_here(project, last)
    return found.sentence if found else ""


def _seen_here(project: Project, last: RolloutSummary) -> RecordsWentBack | None:
    from pilotage.engine.rescue.witnessed import unaccepted

    found = unaccepted(project.records, project.directory, last)
    elsewhere = found is not None and home_elsewhere(project, last.service, last.environment) is not None
    return None if elsewhere else found


def refuse_unaccepted(project: Project, service: str, environment: str) -> None:
    """Before any release begins: it would start what the records call stable, and bury what they lack. Raises
    RecordsNotAccepted."""
    if setback := setback_of(project, project.records.newest(service, environment)):
        raise RecordsNotAccepted(f"nothing begins in {environment}: {setback}")


def find_setbacks(project: Project) -> tuple[Setback, ...]:
    """Every environment that waits for a person's word. What no worker has found out yet is recorded, so that pages and
    messages have it, too."""
    from pilotage.engine.records import setbacks

    for last in _last_ones(project):
        if not project.store.setback(last.id) and (event := _seen_here(project, last)) is not None:
            setbacks.tell(project.store, last.id, event)
    return setbacks.standing(project.store.engine)


def _last_ones(project: Project) -> Iterator[RolloutSummary]:
    for service, environment in project.store.places():
        if (last := project.store.newest(service, environment)) is not None and last.status.final:
            yield last


def left_alone(project: Project, environment: str | None = None) -> tuple[Setback, ...]:
    """Environments whose records are older than what was done there; of one service and environment where they are
    named. Raises NothingToAccept where a named one is not among them."""
    found = tuple(
        one for one in find_setbacks(project)
        if project.service in (None, one.service) and environment in (None, one.environment)
    )  # fmt: skip
    if not found and (environment or project.service):
        named = "/".join(filter(None, (project.service, environment)))
        raise NothingToAccept(f"Pilotage leaves nothing alone in {named}: there is nothing to accept")
    return found


def accept(project: Project, actor: str, found: Sequence[Setback], reason: str) -> None:
    """Go on from the records as they are: what is given up stays in them as an event. Of two people at once, the first
    is recorded. Raises Forbidden."""
    from pilotage.app.auditing import act_of
    from pilotage.app.permissions import Permission, Thing
    from pilotage.engine.records import setbacks

    persons = [project.for_service(one.service).require(actor, Permission.ADOPT, one.environment) for one in found]
    for one, person in zip(found, persons, strict=True):
        asked = act_of(project, person.name, Permission.ADOPT, Thing(service=one.service))
        act = replace(
            asked, action="accept-records", object=one.rollout, environment=one.environment, reason=reason
        )  # fmt: skip
        setbacks.accept(project.store, one, act)
    if found:
        project.ensure_worker()
