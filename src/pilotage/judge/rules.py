"""Thresholds with counted failures, exactly as Argo Rollouts counts them (its analysis controller).

A measurement is a success, a failure, inconclusive, or an error. Failures and inconclusives are counted in total,
errors only in a row; a limit of N tolerates N. If one measurement crosses several limits, the later check wins: error
over inconclusive over failed. `count` measurements end the metric; without `count` it runs until it is stopped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.condition import Condition
from pilotage.model.observation import Verdict, VerdictKind


class Phase(StrEnum):
    """The phase of a metric or a run, in Argo Rollouts' words; the worst of several comes last."""

    SUCCESSFUL = "Successful"
    RUNNING = "Running"
    PENDING = "Pending"
    INCONCLUSIVE = "Inconclusive"
    ERROR = "Error"
    FAILED = "Failed"


_WORSE = tuple(Phase)


@dataclass(frozen=True)
class Rule:
    """One metric of an analysis. -1 switches a limit off; `consecutive_success_limit` 0 does."""

    name: str
    success: Condition | None = None
    failure: Condition | None = None
    count: int | None = None
    interval: float | None = None
    initial_delay: float = 0.0
    failure_limit: int = 0
    inconclusive_limit: int = 0
    consecutive_error_limit: int = 4
    consecutive_success_limit: int = 0
    query: str = ""
    source: str = ""
    dry_run: bool = False


@dataclass(frozen=True)
class Tally:
    """What a metric has measured so far."""

    measured: int = 0
    successes: int = 0
    failures: int = 0
    inconclusives: int = 0
    errors_in_a_row: int = 0
    successes_in_a_row: int = 0
    last: tuple[float, ...] = ()
    message: str = ""


def measure(rule: Rule, tally: Tally, result: tuple[float, ...] | None, trouble: str = "") -> Tally:
    """The tally after one measurement; None is a measurement that could not be made, `trouble` says why."""
    outcome = _outcome(rule, result)
    if outcome is Phase.ERROR:
        message = trouble or "the measurement has no value"
        return Tally(
            tally.measured, tally.successes, tally.failures, tally.inconclusives, tally.errors_in_a_row + 1,
            tally.successes_in_a_row, tally.last, message,
        )  # fmt: skip
    good = outcome is Phase.SUCCESSFUL
    return Tally(
        tally.measured + 1, tally.successes + good, tally.failures + (outcome is Phase.FAILED),
        tally.inconclusives + (outcome is Phase.INCONCLUSIVE), 0, tally.successes_in_a_row + 1 if good else 0,
        result or (), "",
    )  # fmt: skip


def _outcome(rule: Rule, result: tuple[float, ...] | None) -> Phase:
    if result is None:
        return Phase.ERROR
    try:
        failed = rule.failure is not None and rule.failure.holds(result)
        succeeded = rule.success is not None and rule.success.holds(result)
    except LookupError:
        return Phase.ERROR
    match rule.success, rule.failure:
        case None, None:
            return Phase.SUCCESSFUL
        case _, None:
            return Phase.SUCCESSFUL if succeeded else Phase.FAILED
        case None, _:
            return Phase.FAILED if failed else Phase.SUCCESSFUL
        case _:
            return Phase.FAILED if failed else Phase.SUCCESSFUL if succeeded else Phase.INCONCLUSIVE


def assess(rule: Rule, tally: Tally) -> Phase:
    """The phase of the metric."""
    found = None
    if 0 <= rule.failure_limit < tally.failures:
        found = Phase.FAILED
    if 0 <= rule.inconclusive_limit < tally.inconclusives:
        found = Phase.INCONCLUSIVE
    if 0 <= rule.consecutive_error_limit < tally.errors_in_a_row:
        found = Phase.ERROR
    if found is not None:
        return found
    if 0 < rule.consecutive_success_limit <= tally.successes_in_a_row:
        return Phase.SUCCESSFUL
    wanted = rule.count if rule.count is not None else (None if rule.interval else 1)
    if wanted is None or tally.measured < wanted:
        return Phase.RUNNING if tally.measured or tally.errors_in_a_row else Phase.PENDING
    if rule.consecutive_success_limit <= 0:
        return Phase.SUCCESSFUL
    return Phase.INCONCLUSIVE if rule.failure_limit >= 0 else Phase.FAILED


def worst(phases: Iterable[Phase]) -> Phase:
    """The phase of a run: the worst of its metrics, those of a dry run left out by the caller."""
    return max(phases, key=_WORSE.index, default=Phase.SUCCESSFUL)


_KIND = {
    Phase.SUCCESSFUL: VerdictKind.PASS,
    Phase.RUNNING: VerdictKind.INCONCLUSIVE,
    Phase.PENDING: VerdictKind.INSUFFICIENT_DATA,
    Phase.INCONCLUSIVE: VerdictKind.INCONCLUSIVE,
    Phase.ERROR: VerdictKind.SOURCE_ERROR,
    Phase.FAILED: VerdictKind.FAIL,
}


def verdict(rule: Rule, tally: Tally) -> Verdict:
    """The rule's answer in the judge's words."""
    phase = assess(rule, tally)
    counted = (
        f"{tally.measured} measured: {tally.failures} failed of {rule.failure_limit} allowed, "
        f"{tally.inconclusives} inconclusive of {rule.inconclusive_limit}, {tally.errors_in_a_row} errors in a row of "
        f"{rule.consecutive_error_limit}"
    )
    last = f"; last {', '.join(f'{value:g}' for value in tally.last)}" if tally.last else ""
    trouble = f"; {tally.message}" if tally.message else ""
    return Verdict(rule.name, _KIND[phase], f"{phase}: {counted}{last}{trouble}", samples=tally.measured)
