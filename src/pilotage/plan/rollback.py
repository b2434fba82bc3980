"""How a release is rolled back, what starts it, and what is done after it (R18, R21)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pilotage.model.plan import Rollback
from pilotage.plan.steps import Numbers

_AFTER = (
    "at once: open an incident and notify everyone who was informed of the release",
    "at once: validate the version that serves; if that fails, escalate and list what is left to do",
    "within 24 hours: document the incident with its duration and the numbers behind it",
    "within 5 working days: hold a blameless review",
    "before the next release: put the review's actions into its plan",
)

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
    triggers: tuple[str, ...] = ()
    """What else undoes it."""
    seconds: int | float = 0
    """How long it may take at least."""


def rollback_of(undoing: Undoing, n: Numbers) -> Rollback:
    """The plan's words and deadline for a strategy's way back."""
    deadline = max(n.value("rollback.timeout"), undoing.seconds)
    return Rollback(undoing.steps, tuple(_triggers(undoing, n)), deadline, _AFTER, undoing.source)


def _triggers(undoing: Undoing, n: Numbers) -> Iterator[str]:
    old, harm, past = undoing.compared, _on_harm(undoing, n), " in the past" if undoing.alone else ""
    yield f"error rate above {n.shown('rollback_triggers.error_rate')} and above that of {old}: at once"
    yield f"an instance of {undoing.new} exits: at once"
    yield f"error rate above {n.shown('analysis.max_ratio')} that of {old}{past}: {harm}"
    yield f"p95 latency above {n.shown('rollback_triggers.response_time_factor')} that of {old}{past}: {harm}"
    yield f"memory above {n.shown('rollback_triggers.memory_factor')} that of a {old} instance{past}: {harm}"
    yield from undoing.triggers
    if not undoing.alone and not undoing.to_the_end:
        yield f"at 100 %, worse than {old} in the past, with no comparison side by side: {_ASKED}"
    yield _without_answer(undoing, n)


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
