"""How a release is rolled back, what starts it, and what is done after it (R18, R21)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pilotage.model.aftermath import TASKS
from pilotage.model.plan import Rollback
from pilotage.plan.steps import Numbers

_AFTER = (
    "at once: open an incident and notify everyone who was informed of the release",
    "at once: validate the version that serves and watch it; if that fails, escalate and list what is left to do",
    "at once: write the incident document with its duration and numbers, and bundle the evidence",
    "within 5 working days: hold a blameless review, to which its guests are invited",
    *(task.planned for task in TASKS),
    "before the next release: complete these tasks; an overdue one blocks it where readiness is enforced",
)

_SIGNALS = {
    "user_session_health": "more broken sessions",
    "business_conversion_rate": "fewer conversions",
    "external_service_latency": "slower external services",
    "database_connection_pool": "more database connections in use",
    "user_satisfaction": "less satisfied users",
}
"""What is worse of each signal."""

ANSWERS = "feedback"
"""Source of what users answer."""

_ASKED = "an operator decides; no automatic rollback"


@dataclass(frozen=True, kw_only=True)
class Undoing:
    """What is particular to the way back of one strategy."""

    steps: tuple[str, ...]
    source: str
    new: str = "the new version"
    """The new version's name in sentences."""
    compared: str = "stable"
    """What it is compared with."""
    alone: bool = False
    """Whether no stable version serves users next to it: what is left to compare with is the past."""
    to_the_end: bool = False
    """Whether it is compared with stable until its last watch ends."""
    first: str = "all traffic returns to stable at once"
    """What sure harm brings in every tolerance."""
    then: str = "and the release rolls back"
    """What follows if no decision is required."""
    resources: bool = True
    """Whether memory and processor time are compared: users with and without a flag share their instances."""
    triggers: tuple[str, ...] = ()
    """What else undoes it."""
    seconds: int | float = 0
    """How long it may take at least."""


def rollback_of(undoing: Undoing, n: Numbers, measured: Mapping[str, str], *, minds_alerts: bool) -> Rollback:
    """The plan's words and deadline for a strategy's way back. measured: source of each health metric · minds_alerts:
    Pilotage asks which alerts fire."""
    deadline = max(n.value("rollback.timeout"), undoing.seconds)
    triggers = (*_triggers(undoing, n), *_of_signals(undoing, n, measured), *_of_others(undoing, n, minds_alerts))
    return Rollback(undoing.steps, triggers, deadline, _AFTER, undoing.source)


def _triggers(undoing: Undoing, n: Numbers) -> Iterator[str]:
    old, harm, past = undoing.compared, _on_harm(undoing, n), _past(undoing)
    yield f"error rate above {n.shown('rollback_triggers.error_rate')} and above that of {old}: at once"
    yield f"an instance of {undoing.new} exits: at once"
    yield f"error rate above {n.shown('analysis.max_ratio')} that of {old}{past}: {harm}"
    yield f"p95 latency above {n.shown('rollback_triggers.response_time_factor')} that of {old}{past}: {harm}"
    if undoing.resources:
        yield f"memory above {n.shown('rollback_triggers.memory_factor')} that of a {old} instance{past}: {harm}"
    if undoing.resources and not undoing.alone:
        processor = n.shown("rollback_triggers.cpu_factor")
        yield f"processor time above {processor} that of {old}, for an instance and for a request: {harm}"
    yield "a critical function that `probes` names fails: at once"
    yield from undoing.triggers


def _of_signals(undoing: Undoing, n: Numbers, measured: Mapping[str, str]) -> Iterator[str]:
    """Of the metrics that the user has a source for (R19)."""
    for name, words in _SIGNALS.items():
        if measured.get(name, ANSWERS) != ANSWERS:  # too few answers only keep a release from going on
            yield f"{words} than {undoing.compared}{_past(undoing)}: {_on_harm(undoing, n)}"


def _of_others(undoing: Undoing, n: Numbers, minds_alerts: bool) -> Iterator[str]:
    """What people and other systems say, and what happens where nobody says anything."""
    if minds_alerts:
        yield "a critical alert that names the new version: at once"
        yield "a critical alert of the service: it holds until the alert ends or an operator decides"
    complaints = f"more than {n.shown('complaints.max_ratio')} as many users as usual report a problem"
    yield f"{complaints}: it holds until an operator decides"
    if n.value("complaints.withdraw"):
        yield f"the same of signed reports that name the new version: {_on_harm(undoing, n)}"
    yield "an operator confirms a reported problem: at once"
    if not undoing.alone and not undoing.to_the_end:
        yield f"at 100 %, worse than {undoing.compared} in the past, with no comparison side by side: {_ASKED}"
    yield _without_answer(undoing, n)


def _past(undoing: Undoing) -> str:
    return " in the past" if undoing.alone else ""


def _on_harm(undoing: Undoing, n: Numbers) -> str:
    """What harm that is sure and below the critical limit brings: users first, in every tolerance (C1)."""
    auto, answer = n.value("rollback_auto"), n.shown("hold.decision_timeout")
    if undoing.alone:
        return _ASKED
    if auto:
        return f"{undoing.first}, {undoing.then}"
    return f"{undoing.first}; an operator decides within {answer}, or it rolls back"


def _without_answer(undoing: Undoing, n: Numbers) -> str:
    full = "a pause or completion without analysis, never a rollback"
    waited = f"no data or no clear result for {n.shown('hold.timeout')}"
    if undoing.alone:
        return f"{waited}: {full}"
    return f"{waited}: {n.shown('hold.on_timeout')}; at 100 %: {full}"
