"""Judges in addition to the release's own: each watches one thing, such as alerts, and returns verdicts of its own.

A counsel never delays a look: its calls run in the crew's threads, and a verdict is that of the last answer. Only the
release's judge compares versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, Protocol, TypeVar

from pilotage.adapters.series import series_of
from pilotage.config.stored import read_analysis, read_monitoring
from pilotage.engine.execution.crew import Crew
from pilotage.engine.execution.targets import Target
from pilotage.engine.records.store import Store
from pilotage.model.clock import Clock
from pilotage.model.json import JsonObject
from pilotage.model.observation import Reading, Verdict, VerdictKind
from pilotage.model.record import Rollout


class Counsel(Protocol):
    """One judge of one rollout. It must return immediately, and may fail: then the look says that the analysis
    failed."""

    name: str
    """Unique among the counsels of a rollout; what it saves is kept under this name."""

    def observe(self, reading: Reading) -> None:
        """Take in what the metrics source counted since the last reading."""

    def ask(self) -> None:
        """Start calls that are due, and collect answers."""

    def verdicts(self) -> Iterable[Verdict]:
        """What it says at this look."""

    def begin_again(self) -> None:
        """Forget the evidence: the version has a second try."""

    def saved(self) -> JsonObject:
        """What the next worker needs to continue; empty for a counsel without a memory."""

    def restore(self, saved: JsonObject) -> None:
        """Continue with what was saved. May raise LookupError, TypeError and ValueError."""


class Book(Protocol):
    """What a judge knows of one thing."""

    def verdicts(self) -> tuple[Verdict, ...]:
        """What it says now."""

    def forget(self) -> None:
        """The version has a second try."""

    def to_dict(self) -> JsonObject:
        """What it knows as plain JSON; empty if nothing."""

    def restore(self, saved: JsonObject) -> None:
        """Continue with what was saved."""


_Book = TypeVar("_Book", bound=Book)


class OfBook(Generic[_Book]):
    """A counsel whose book is filled by the readings alone: `observe` is what differs."""

    def __init__(self, book: _Book) -> None:
        self._book = book

    def ask(self) -> None:
        """What counts comes with the readings."""

    def verdicts(self) -> tuple[Verdict, ...]:
        return self._book.verdicts()

    def begin_again(self) -> None:
        self._book.forget()

    def saved(self) -> JsonObject:
        return self._book.to_dict()

    def restore(self, saved: JsonObject) -> None:
        self._book.restore(saved)


class Counsels:
    """All counsels of a rollout as one."""

    def __init__(self, members: Iterable[Counsel]) -> None:
        self._members = tuple(members)

    def observe(self, reading: Reading) -> None:
        for member in self._members:
            member.observe(reading)

    def verdicts(self) -> tuple[Verdict, ...]:
        """Ask each, and return what all say."""
        for member in self._members:
            member.ask()
        return tuple(verdict for member in self._members for verdict in member.verdicts())

    def begin_again(self) -> None:
        for member in self._members:
            member.begin_again()

    def saved(self) -> Mapping[str, JsonObject]:
        return {member.name: kept for member in self._members if (kept := member.saved())}

    def restore(self, saved: Mapping[str, JsonObject]) -> None:
        for member in self._members:
            if kept := saved.get(member.name):
                member.restore(kept)


def counsels_of(store: Store, rollout: Rollout, crew: Crew) -> Counsels:
    """The counsels that a rollout's plan and configuration require."""
    return Counsels((*_members(rollout, crew, store.clock), *_of_users(store, rollout, crew)))


def _of_users(store: Store, rollout: Rollout, crew: Crew) -> Iterator[Counsel]:
    from pilotage.engine.execution.complaints import Complaints, Satisfaction

    # Plans of earlier versions have no numbers for them.
    known = {setting.path for setting in rollout.plan.settings}
    if "complaints.max_ratio" in known:
        yield Complaints(store, rollout, crew)
    analysis = read_analysis(rollout.snapshot.environment)
    if analysis is not None and analysis.takes_feedback and "success_criteria.min_answers" in known:
        yield Satisfaction(store, rollout, crew)


def _members(rollout: Rollout, crew: Crew, clock: Clock) -> Iterator[Counsel]:
    from pilotage.engine.execution.refusals import Refusals, says_what_fails
    from pilotage.engine.execution.success import SuccessRate

    if any(alert.id == "low_success_rate" for alert in rollout.plan.alerts):
        yield SuccessRate(rollout.plan)
    if not says_what_fails(rollout.snapshot.environment):
        yield Refusals(rollout)
    monitoring = read_monitoring(rollout.snapshot.environment)
    if monitoring is not None and monitoring.tells_alerts:
        from pilotage.engine.execution.alerts import FiringAlerts, LoadedRules

        yield FiringAlerts(rollout, monitoring, crew, clock)
        if monitoring.rules_folder and series_of(rollout.plan) is not None:
            yield LoadedRules(rollout, monitoring, crew, clock)


def lost_guards(target: Target) -> tuple[Verdict, ...]:
    """A configured analysis that can no longer be read holds the rollout for an operator."""
    if not target.trouble:
        return ()
    return (Verdict("configuration", VerdictKind.SOURCE_ERROR, "; ".join(target.trouble)),)
