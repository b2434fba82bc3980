"""How a release is undone, what starts it, and what is done after it (R18, R21)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pilotage.model.plan import Rollback
from pilotage.plan.steps import Numbers

_AFTER = (
    "at once: an incident is raised and everyone told of the release is told of its end",
    "at once: the state that serves is validated; a failed validation escalates and says what is left (C15)",
    "within 24 hours: the incident is documented with its duration and the numbers that led to it",
    "within 5 working days: a blameless review",
    "before the next release: the review's actions are in its plan",
)

_ASKED = "a person is asked, nothing is undone by itself"


@dataclass(frozen=True, kw_only=True)
class Undoing:
    """What is particular to the way back of one strategy."""

    moves: tuple[str, ...]
    source: str
    new: str = "the new version"
    """What people call the new version."""
    compared: str = "stable"
    """What it is compared with."""
    alone: bool = False
    """Whether no stable version serves users beside it: what is left to compare with is the past."""
    to_the_end: bool = False
    """Whether it is compared with stable until its last watch ends."""
    first: str = "users return at once"
    """What sure harm brings in every tolerance."""
    then: str = "and it is rolled back"
    """What follows where nobody is asked."""
    triggers: tuple[str, ...] = ()
    """What else undoes it."""
    seconds: int | float = 0
    """How long it may take at least."""


def rollback_of(undoing: Undoing, n: Numbers) -> Rollback:
    """The plan's words and deadline for a strategy's way back."""
    deadline = max(n.value("rollback.deadline"), undoing.seconds)
    return Rollback(undoing.moves, tuple(_triggers(undoing, n)), deadline, _AFTER, undoing.source)


def _triggers(undoing: Undoing, n: Numbers) -> Iterator[str]:
    old, harm, past = undoing.compared, _on_harm(undoing, n), " in the past" if undoing.alone else ""
    yield f"error rate above {n.shown('limits.error_rate')}, {old}'s not as high: at once (R18, C1)"
    yield f"an instance of {undoing.new} dies: at once"
    yield f"errors more than {n.shown('judge.tolerated_ratio')} {old}'s{past}: {harm} (R18, C1)"
    yield f"95th percentile above {n.shown('limits.latency_factor')} {old}'s{past}: {harm} (R18, C1)"
    yield f"memory above {n.shown('limits.memory_factor')} a {old} instance's{past}: {harm} (R19, C1)"
    yield from undoing.triggers
    if not undoing.alone and not undoing.to_the_end:
        yield f"at full exposure, worse than {old} in the past, with nothing beside to compare with: {_ASKED}"
    yield _without_answer(undoing, n)


def _on_harm(undoing: Undoing, n: Numbers) -> str:
    """What harm that is sure and below the critical limit brings: users first, in every tolerance (C1)."""
    auto, answer = n.value("limits.rollback_auto"), n.shown("hold.answer_deadline")
    if undoing.alone:
        return _ASKED
    if auto:
        return f"{undoing.first}, {undoing.then}"
    return f"{undoing.first}, then a person decides within {answer}, or it is rolled back"


def _without_answer(undoing: Undoing, n: Numbers) -> str:
    full = "a pause, or completed unwatched, never a rollback"
    waited = f"no data or no clear answer for {n.shown('hold.duration')}"
    if undoing.alone:
        return f"{waited}: {full} (rule 5)"
    return f"{waited}: {n.shown('hold.then')}; at full exposure: {full} (rule 5)"
