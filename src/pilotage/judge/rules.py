"""Thresholds with counted failures, for those who know them: exactly as Argo Rollouts counts (its analysis controller).

A measurement is a success, a failure, inconclusive, or an error. Failures and inconclusives are counted for ever,
errors only in a row; a limit of N tolerates N. When one measurement crosses several limits the later check rules: error
over inconclusive over failed. `count` measurements end the metric; without `count` it runs until it is stopped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.condition import Condition
from pilotage.model.observation import Verdict, VerdictKind


class Phase(StrEnum):
    """Where a metric or a run stands, in Argo Rollouts' words; the worst of several comes last."""

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
    """Where the metric stands."""
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
<<<<<<< HEAD


class BadAnalysisTemplate(Invalid):
    """The AnalysisTemplate contains something that Pilotage cannot import. The message says where and why."""


def rules_of(template: JsonObject) -> tuple[Rule, ...]:
    """The rules of an AnalysisTemplate or ClusterAnalysisTemplate (argoproj.io/v1alpha1), as plain data."""
    if template.get("kind") not in ("AnalysisTemplate", "ClusterAnalysisTemplate"):
        raise BadAnalysisTemplate(
            f"kind is {template.get('kind')!r}: use an AnalysisTemplate or ClusterAnalysisTemplate"
        )
    try:
        return _rules(object_at(template, "spec") if template.get("spec") else {})
    except (WrongJson, TypeError, OverflowError) as error:
        raise BadAnalysisTemplate(f"spec does not have the form of an AnalysisTemplate: {error}") from None


def _rules(spec: JsonObject) -> tuple[Rule, ...]:
    dry = [
        _pieces(str(find(entry, "metricName") or ""), at)
        for at, entry in enumerate(optional(list_at, spec, "dryRun") or ())
    ]
    metrics = [object_at(metric) for metric in optional(list_at, spec, "metrics") or ()]
    if not metrics:
        raise BadAnalysisTemplate("spec.metrics is empty: nothing to import")
    names = tuple(pieces for alternatives in dry for pieces in alternatives)
    arguments = {
        text_at(argument, "name"): find(argument, "value") for argument in optional(list_at, spec, "args") or ()
    }
    return tuple(_rule(metric, f"spec.metrics[{index}]", arguments, names) for index, metric in enumerate(metrics))


_Pieces = tuple[str, ...]


def _pieces(pattern: str, index: int) -> tuple[_Pieces, ...]:
    """Argo takes any regular expression here. Names, `.*` and `|` are what templates use; a stranger's expression is
    not run, since one of ten characters can run for hours."""
    alternatives = pattern.removeprefix("^").removesuffix("$").removeprefix("(").removesuffix(")").split("|")
    found = tuple(tuple(alternative.replace("\\.", ".").split(".*")) for alternative in alternatives)
    if any(set(piece) & set("\\^$*+?()[]{}") for pieces in found for piece in pieces):
        raise BadAnalysisTemplate(
            f"spec.dryRun[{index}].metricName: {pattern[:60]!r} is more than names, .* and |. Write the names out."
        )
    return found


def _named(name: str, pieces: _Pieces) -> bool:
    """Whether the name is the pieces in their order, with anything between them."""
    first, *rest = pieces
    if not rest:
        return name == first
    *middle, last = rest
    at = len(first)
    for piece in middle:
        found = name.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return name.startswith(first) and name.endswith(last) and at + len(last) <= len(name)


def _rule(metric: JsonObject, where: str, arguments: JsonObject, dry: Sequence[_Pieces]) -> Rule:
    name = str(metric.get("name") or "")
    provider = object_at(metric, "provider") if metric.get("provider") else {}
    if "prometheus" not in provider:
        kinds = ", ".join(provider) or "none"
        raise BadAnalysisTemplate(f"{where}.provider: {kinds} cannot be imported; prometheus can")
    try:
        return Rule(
            name=name,
            success=_condition(metric.get("successCondition"), arguments),
            failure=_condition(metric.get("failureCondition"), arguments),
            count=_whole(metric.get("count"), arguments),
            interval=_seconds(metric.get("interval")),
            initial_delay=_seconds(metric.get("initialDelay")) or 0.0,
            failure_limit=_whole(metric.get("failureLimit"), arguments) or 0,
            inconclusive_limit=_whole(metric.get("inconclusiveLimit"), arguments) or 0,
            consecutive_error_limit=_or(_whole(metric.get("consecutiveErrorLimit"), arguments), 4),
            consecutive_success_limit=_whole(metric.get("consecutiveSuccessLimit"), arguments) or 0,
            query=_filled(str(object_at(provider, "prometheus").get("query") or ""), arguments),
            dry_run=any(_named(name, pieces) for pieces in dry),
        )
    except (BadCondition, ValueError) as error:
        raise BadAnalysisTemplate(f"{where} ({name}): {error}") from None


def _condition(text: object, arguments: JsonObject) -> Condition | None:
    return Condition(_filled(str(text), arguments)) if text else None


def _whole(value: object, arguments: JsonObject) -> int | None:
    return None if value is None else int(_filled(str(value), arguments))


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _seconds(text: object) -> float | None:
    from pilotage.model.quantity import parse_duration

    return None if text in (None, "") else float(parse_duration(str(text)))


def _filled(text: str, arguments: JsonObject) -> str:
    """`{{args.name}}` replaced by the template's own value; one without a value stays for whoever runs it."""

    def value(match: re.Match[str]) -> str:
        found = arguments.get(match[1])
        return match[0] if found is None else str(found)

    return re.sub(r"\{\{\s*args\.([\w.-]+)\s*\}\}", value, text)
=======
>>>>>>> a427ccc (feat(analysis): conditions in the whole language of Argo Rollouts about numbers; arguments; what cannot be imported is named and left)
