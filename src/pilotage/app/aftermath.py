"""What follows the end of a rollout by itself: meetings after a release; after a rollback the incident document, its
evidence, follow-ups with owners and days, the review, and the message that names them all.

Each step finds what an earlier try has left, so a worker may die anywhere. The message goes out once, by its key.
"""

from __future__ import annotations

from datetime import date

from pilotage.app import flag_duties
from pilotage.app.drill import DRILL
from pilotage.app.incidents import Written, incident_here, write_down
from pilotage.app.meetings import cancel_meetings, facts_of, guests_of, keep_meetings, keep_review, mail_of
from pilotage.app.project import Project
from pilotage.app.risk_offer import offer
from pilotage.app.snapshot import channels_of
from pilotage.config.calendars import calendar_of
from pilotage.engine.records import followups, outbox
from pilotage.model.clock import day_of
from pilotage.model.followup import FollowUp
from pilotage.model.medium import Attachment
from pilotage.model.message import Message, Severity
from pilotage.model.record import Rollout
from pilotage.model.rollout import Status
from pilotage.model.schedule import Role
from pilotage.model.status import Mode
from pilotage.render.document import to_html
from pilotage.report.incident import incident_of, tasks_of
from pilotage.rollout.strategies import strategy_of


def follow(project: Project, rollout: Rollout) -> None:
    """Do what follows the end of a rollout; again is harmless. Raises PilotageError, OSError."""
    zone = project.loaded.configuration.calendar.timezone
    day = day_of(rollout.finished_at or project.clock.now(), zone)
    if _is_rehearsal(project, rollout):
        if rollout.state.status in (Status.ROLLED_BACK, Status.FAILED) and DRILL not in rollout.state.reason:
            write_down(project, rollout)
        return
    match rollout.state.status:
        case Status.COMPLETED if rollout.state.mode is Mode.FAST_RETURN and rollout.old:
            _after_return(project, rollout, rollout.old, day)
        case Status.COMPLETED:
            keep_meetings(project, rollout.plan, day)
            flag_duties.after_release(project, rollout, day)
        case Status.CANCELLED:
            cancel_meetings(project, rollout.plan)
        case Status.ROLLED_BACK | Status.FAILED if DRILL not in rollout.state.reason:
            cancel_meetings(project, rollout.plan)
            _after_harm(project, rollout, day)
        case _:
            pass


def _is_rehearsal(project: Project, rollout: Rollout) -> bool:
    """Whether it was in the environment in which releases are rehearsed: no user was harmed, nobody is called together,
    and nothing of it keeps production back."""
    readiness = project.loaded.configuration.readiness
    return readiness is not None and readiness.staging == rollout.environment


def _after_return(project: Project, rollout: Rollout, left: str, day: date) -> None:
    """A version that everyone had was left for an earlier one."""
    cancel_meetings(project, rollout.plan, left)
    why = f"{left} was left for {rollout.version}: {rollout.state.reason or 'no reason given'}"
    keep_review(project, rollout.plan, rollout.id, day, why, left)


def _met_nobody(rollout: Rollout) -> bool:
    """Whether no user had the version, and none lost an instance of the one before."""
    return rollout.state.reached == 0 and not strategy_of(rollout.plan).restarts_stable


def _after_harm(project: Project, rollout: Rollout, day: date) -> None:
    written = write_down(project, rollout)
    if _met_nobody(rollout):
        return  # the document stands; nobody was harmed, so nothing is owed for it
    tasks = _add_tasks(project, rollout, day)
    where = written.link or str(written.document)
    keep_review(
        project, rollout.plan, rollout.id, day, f"{rollout.state.reason}\n\nIncident document: {where}\n"
        "Blameless: what happened, why it was possible, what changes.",
    )  # fmt: skip
    message = _message(project, rollout, written, tasks)
    outbox.post_once(project.store.engine, message, channels_of(project.loaded), project.clock.now())
    if rollout.state.status is Status.ROLLED_BACK:
        offer(project, rollout)


def origin_of(rollout: str, task: str) -> str:
    """What the follow-up of a task after a rollback is known by."""
    return f"{rollout}/{task}"


def _add_tasks(project: Project, rollout: Rollout, day: date) -> int:
    """A follow-up for each task (R21); returns how many there are."""
    if not project.loaded.configuration.incidents.follow_ups:
        return 0
    calendar, now = calendar_of(project.loaded, day), project.clock.now()
    tasks = tasks_of(incident_here(project, rollout))
    for task in tasks:
        due = calendar.working_day_after(day, task.days).isoformat()
        owner = owner_of(project, task.owner)
        action = FollowUp(0, task.what, owner, due, task.criterion, task.priority, rollout.version)
        channels, origin = channels_of(project.loaded), origin_of(rollout.id, task.id)
        followups.add_once(project.store.engine, rollout.service, action, channels, now, origin)
    return len(tasks)


def owner_of(project: Project, role: Role) -> str:
    """The first person with the role; the role itself where nobody has it."""
    return next(iter(project.people.holders(role)), str(role))


def _message(project: Project, rollout: Rollout, written: Written, tasks: int) -> Message:
    document = incident_of(incident_here(project, rollout))
    key = f"aftermath/{rollout.id}"
    facts = [("document", written.link or str(written.document)), ("evidence", str(written.bundle))]
    if tasks:
        facts.append(("follow-ups", f"{tasks}: `pilotage followup list`"))
    facts += _review(project, rollout)
    page = Attachment(name=f"{written.document.stem}.html", type="text/html", content=to_html(document))
    return Message(
        key, key, "incident-documented", Severity.WARNING,
        f"{rollout.service} {rollout.version} → {rollout.environment}: incident document", "\n\n".join(document.lead),
        project.clock.now(), rollout.service, rollout.environment, rollout.version, facts=tuple(facts),
        final=True, old=rollout.old or "", attachments=(page,),
    )  # fmt: skip


def _review(project: Project, rollout: Rollout) -> list[tuple[str, str]]:
    """When the review is, and whether anybody is invited."""
    when = facts_of(project, f"review.{rollout.id}.{rollout.environment}.{rollout.service}@pilotage")
    wanted = rollout.plan.retrospective
    invited = mail_of(project.loaded, rollout.environment) and guests_of(
        project.loaded, wanted.required, wanted.optional
    )
    note = "" if invited else "; nobody is invited: give `people` an email, and have a channel of kind email"
    return [("review", f"{when}{note}")] if when else []
