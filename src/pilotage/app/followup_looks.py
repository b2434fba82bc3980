"""Looks at follow-up actions on their day: messages, and documents that stay. Each goes out once, by its key.

A look is due on the first working day of its period, when work begins, in the zone of the service's calendar. A worker
that was down then catches up within the period.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pilotage.adapters.files import write_durably
from pilotage.app.periods import Report
from pilotage.app.project import Project
from pilotage.app.reports import deployments_of, period_of, rollouts_of
from pilotage.app.repository import git_here
from pilotage.app.snapshot import channels_of
from pilotage.config.calendars import calendar_of
from pilotage.engine.placement.location import made
from pilotage.engine.records import outbox
from pilotage.engine.records.followups import actions_of
from pilotage.model.cadence import Cadence, Span, completed, current
from pilotage.model.calendar import Calendar
from pilotage.model.document import Document
from pilotage.model.followup import FollowUp
from pilotage.model.medium import Attachment
from pilotage.model.message import Message, Severity
from pilotage.model.output.reports import RetrospectiveOutput
from pilotage.render.document import to_html, to_markdown
from pilotage.render.report_outputs import document_output
from pilotage.report.dora import Deployment, dora_of
from pilotage.report.followups import Effect, Looked, look_at

_LONGEST = 90
"""Days before and after that an effect is measured over at most."""


class FollowUpLooks:
    """Of one service, for a worker."""

    def __init__(self) -> None:
        self._done: set[str] = set()

    def look(self, project: Project) -> None:
        """Send what is due."""
        service, today = project.loaded.configuration.service, project.today
        keys = {cadence: key_of(service, cadence, current(cadence, today)) for cadence in Cadence}
        left = {cadence: key for cadence, key in keys.items() if key not in self._done}
        calendar = calendar_of(project.loaded, today) if left else None  # which takes a while
        for cadence, key in left.items():
            if calendar is not None and is_due(cadence, calendar, project.clock.now()):
                send(project, cadence, key)
                self._done.add(key)


def is_due(cadence: Cadence, calendar: Calendar, now: float) -> bool:
    """Whether the first working day of the present period has begun."""
    here = datetime.fromtimestamp(now, ZoneInfo(calendar.zone))
    first = calendar.working_day_after(current(cadence, here.date()).first - timedelta(days=1), 1)
    return here.date() > first or (here.date() == first and here.time() >= calendar.opens)


def key_of(service: str, cadence: Cadence, span: Span) -> str:
    """What identifies a look for ever, such as `digest/shop/2026-W48`."""
    return f"{'digest' if cadence is Cadence.WEEKLY else cadence.value}/{service}/{span.name}"


def send(project: Project, cadence: Cadence, key: str) -> None:
    """Send a look, and keep the document of a longer period; nothing about a time before the first follow-up."""
    service = project.loaded.configuration.service
    actions = actions_of(project.store.engine, service)
    if cadence is Cadence.WEEKLY:
        worth_it = _is_lively(actions, project.today)
    else:
        last = completed(cadence, project.today).last.isoformat()
        worth_it = any(one.made <= last for one in actions)
    if not worth_it:
        return
    document = looked_at(project, cadence, project.today)
    facts: tuple[tuple[str, str], ...] = ()
    if cadence in (Cadence.QUARTERLY, Cadence.YEARLY):
        facts = (("document", str(_kept(project, key, document))),)
    text = to_markdown(replace(document, title="")).lstrip("# \n")
    page = Attachment(name=f"{key.replace('/', '-')}.html", type="text/html", content=to_html(document))
    now = project.clock.now()
    message = Message(
        key, f"followups/{service}", f"followups-{cadence}", Severity.INFO, document.title, text, now, service,
        "", "", facts=facts, attachments=(page,),
    )  # fmt: skip
    everywhere = [{**section, "environments": []} for section in channels_of(project.loaded)]
    outbox.post_once(project.store.engine, message, everywhere, now)


def _is_lively(actions: tuple[FollowUp, ...], today: date) -> bool:
    """Whether a weekly digest has anything to say."""
    week_ago = (today - timedelta(days=7)).isoformat()
    return any(not one.done or one.done >= week_ago for one in actions)


def _kept(project: Project, key: str, document: Document) -> Path:
    """The document's file: written once, so that people can add to it."""
    path = made(project.store.directory) / "reviews" / f"{key.replace('/', '-')}.md"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        write_durably(path, to_markdown(document).encode(), shared=True)
    return path


def look_report(project: Project, cadence: str) -> Report:
    """The same on demand."""
    document = looked_at(project, Cadence(cadence), project.today)
    return Report(document=document, output=RetrospectiveOutput(retrospective=document_output(document)))


def looked_at(project: Project, cadence: Cadence, today: date) -> Document:
    """The document of the period that was over before today; a weekly one is about this week."""
    service = project.loaded.configuration.service
    span = current(cadence, today) if cadence is Cadence.WEEKLY else completed(cadence, today)
    actions = actions_of(project.store.engine, service)
    looked = Looked(service=service, cadence=cadence, span=span, today=today.isoformat(), actions=actions)
    if cadence is Cadence.WEEKLY:
        return look_at(looked)
    zone = project.loaded.configuration.calendar.timezone
    rollouts = rollouts_of(project.store, service, _environment(project))
    deployments = deployments_of(project.store, rollouts, git_here(project))
    effects = tuple(found for one in actions if (found := _effect(one, deployments, today, zone)))
    now, then = (dora_of(deployments, *period_of(one.first, one.last, zone)) for one in (span, span.before))
    return look_at(replace(looked, effects=effects, dora=now, dora_before=then))


def _environment(project: Project) -> str:
    """Where users are: production, or the last environment of the file."""
    known = list(project.loaded.configuration.environments)
    return "production" if "production" in known else known[-1]


def _effect(action: FollowUp, deployments: tuple[Deployment, ...], today: date, zone: str) -> Effect | None:
    """Its figure before it was decided and after it was done, over equally many days."""
    if not action.figure or not action.done:
        return None
    done, decided = date.fromisoformat(action.done), date.fromisoformat(action.made)
    days = min(_LONGEST, (today - done).days)
    if days < 1:
        return None
    length = timedelta(days=days - 1)
    before = dora_of(deployments, *period_of(decided - timedelta(days=1) - length, decided - timedelta(days=1), zone))
    after = dora_of(deployments, *period_of(done + timedelta(days=1), done + timedelta(days=1) + length, zone))
    return Effect(action=action, before=before.figure(action.figure), after=after.figure(action.figure), days=days)
