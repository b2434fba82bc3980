"""After a restore: which environments Pilotage leaves alone, and the word that it may go on from the records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pilotage.app.auditing import act_of
from pilotage.app.permissions import Permission, Thing
from pilotage.app.project import Project
from pilotage.engine.records import audit, setbacks
from pilotage.engine.records.setbacks import Setback
from pilotage.model.errors import Invalid
from pilotage.model.events import RecordsAccepted


class NothingToAccept(Invalid):
    """The records of the environment are not older than what was done there."""


def left_alone(project: Project, environment: str | None = None) -> tuple[Setback, ...]:
    """Environments whose records are older than what was done there; of one service and environment where they are
    named. Raises NothingToAccept where a named one is not among them."""
    found = tuple(
        one for one in setbacks.standing(project.store.engine)
        if project.service in (None, one.service) and environment in (None, one.environment)
    )  # fmt: skip
    if not found and (environment or project.service):
        named = "/".join(filter(None, (project.service, environment)))
        raise NothingToAccept(f"Pilotage leaves nothing alone in {named}: there is nothing to accept")
    return found


def accept(project: Project, actor: str, found: Sequence[Setback], reason: str) -> None:
    """Go on from the records as they are: what is given up stays in them as an event. Raises Forbidden."""
    store, now = project.store, project.clock.now()
    for one in found:
        person = project.require(actor, Permission.ADOPT, one.environment)
        store.note_after(one.rollout, RecordsAccepted(head=one.head, actor=person.name, reason=reason).record(), now)
        asked = act_of(project, person.name, Permission.ADOPT, Thing(service=one.service))
        act = replace(
            asked, action="accept-records", object=one.rollout, environment=one.environment, reason=reason
        )  # fmt: skip
        audit.write(store.engine, act, now, before={"head": one.head})
    if found:
        project.ensure_worker()
