"""The retrospective: its facts against the plan's targets, what surprised, an agenda that adds up (R25, R26)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pilotage.model.document import Document, Section
from pilotage.model.followup import FollowUp
from pilotage.model.look_back import Retrospective, Target
from pilotage.model.quantity import about
from pilotage.report.dora import Dora
from pilotage.report.dora_section import dora_section, key_figures
from pilotage.report.feedback import feedback_section, lessons_of
from pilotage.report.period import unusual
from pilotage.report.quality import PeriodFigures, Quality, actual, share, trends_section, yes
from pilotage.report.statistics import median_interval
from pilotage.report.told import Said, Told


@dataclass(frozen=True)
class Facts:
    """The input of the fact sheet. surprises: unusual events, in words · today: YYYY-MM-DD · periods: of equal
    length, oldest first, the last of them this one; empty for no trends · said: what users said, by version · asked:
    whether they have a form."""

    service: str
    environment: str
    span: str
    dora: Dora
    told: tuple[Told, ...]
    actions: tuple[FollowUp, ...]
    today: str
    quality: Quality = field(default_factory=Quality)
    periods: tuple[PeriodFigures, ...] = ()
    said: tuple[Said, ...] = ()
    asked: bool = False


def fact_sheet(facts: Facts, wanted: Retrospective) -> Document:
    lead = f"{wanted.minutes} minutes, {wanted.timing}; required: {', '.join(map(str, wanted.required))}."
    return Document(
        f"Retrospective: {facts.service} in {facts.environment}, {facts.span}",
        (lead, f"Optional: {', '.join(map(str, wanted.optional))}."),
        (
            _happened(facts), _targets(facts, wanted.targets),
            *((trends_section(wanted.targets, facts.periods),) if facts.periods else ()), dora_section(facts.dora),
            _surprises(facts), feedback_section(facts.said, facts.told, asked=facts.asked, words=True),
            _agenda(wanted), _open(facts), _new(wanted),
        ),
        key_figures(facts.dora),
    )  # fmt: skip


def _happened(facts: Facts) -> Section:
    rows = tuple(
        (one.version, one.day, one.status, about(one.seconds) if one.seconds is not None else "–",
         one.reason)
        for one in facts.told
    )  # fmt: skip
    if not rows:
        return Section("happened", "Releases", ("No deployments.",))
    return Section("happened", "Releases", (), ("version", "started", "status", "duration", "reason"), rows)


def _targets(facts: Facts, targets: Sequence[Target]) -> Section:
    rows = tuple((t.title, t.goal, *_found(t.id, facts)) for t in targets)
    return Section("targets", "Targets", (), ("figure", "target", "actual", "met"), rows)


def _found(identity: str, facts: Facts) -> tuple[str, str]:
    """The result, and whether it meets the target: certainly, as far as known, or unknown."""
    dora = facts.dora
    n, failed = dora.figure("change-fail-rate").n, len(dora.failed)
    match identity:
        case "deployment_success_rate" if n:
            return share(n - failed, n, 0.99, more=True)
        case "rollback_frequency" if n:
            undone = len([d for d in dora.deployments if d.id in dora.failed and d.end.value == "rolled-back"])
            return share(undone, n, 0.05, more=False)
        case "mean_time_to_recovery":
            figure = dora.figure("failed-deployment-recovery-time")
            if figure.value is None:
                return "no failures", "yes"
            return f"median {about(figure.value)}, n = {figure.n}", yes(figure.value < 1800)
        case "deployment_duration":
            times = [one.seconds for one in facts.told if one.seconds is not None and one.status == "completed"]
            if not times:
                return "–", "–"
            return f"median {about(median_interval(times)[0])}, n = {len(times)}", "–"
    return actual(identity, PeriodFigures(dora=dora, told=facts.told, quality=facts.quality))


def _surprises(facts: Facts) -> Section:
    found = [*unusual(facts.told), *lessons_of(facts.said)]
    late = [a for a in facts.actions if a.overdue(facts.today)]
    found += [f"action {a.id} is overdue since {a.due}, owned by {a.owner}: {a.description}" for a in late]
    words = () if found else ("Nothing.",)
    return Section("surprises", "Surprises", words, bullets=tuple(found))


def _agenda(wanted: Retrospective) -> Section:
    rows = tuple(
        (f"{item.minutes} min", item.title, "in writing, beforehand" if item.asynchronous else "together")
        for item in wanted.agenda
    )
    total = sum(item.minutes for item in wanted.agenda)
    return Section("agenda", f"Agenda, {total} minutes", (), ("time", "part", "how"), rows)


def _open(facts: Facts) -> Section:
    rows = tuple(
        (str(a.id), a.description, a.owner, a.due + (" (overdue)" if a.overdue(facts.today) else ""), a.criterion,
         a.priority)
        for a in facts.actions if not a.done
    )  # fmt: skip
    if not rows:
        return Section("actions", "Open actions", ("No open actions.",))
    headers = ("action", "description", "owner", "due", "done when", "priority")
    return Section("actions", "Open actions", (), headers, rows)


def _new(wanted: Retrospective) -> Section:
    words = f"Add each with `pilotage followup add`: {', '.join(wanted.action_fields)}."
    return Section("resolve", "New actions", (words,), bullets=wanted.follow_up)
