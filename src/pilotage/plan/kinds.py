"""What a release of each type is, and what follows from that (R4): its impact, its planning, and what its changes may
not contain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from pilotage.model.answers import Answers, ReleaseType
from pilotage.model.calendar import Calendar
from pilotage.model.impact import Facts, Impact
from pilotage.model.risk import Assessment
from pilotage.model.schedule import Conflict, Phase

_WEEK = 5
"""Open days."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """planning, execution: open days, at least and at most; None for as long as the steps take."""

    scope: str
    impact: Impact
    testing: str
    planning: tuple[int, int]
    execution: tuple[int, int] | None


KINDS = {
    ReleaseType.MAJOR: Kind(
        scope="breaking changes and major features", impact=Impact.HIGH,
        testing="comprehensive testing and a migration plan", planning=(4 * _WEEK, 8 * _WEEK),
        execution=(2 * _WEEK, 4 * _WEEK),
    ),
    ReleaseType.MINOR: Kind(
        scope="new features without breaking changes", impact=Impact.MEDIUM, testing="standard testing and validation",
        planning=(2 * _WEEK, 4 * _WEEK), execution=(_WEEK, 2 * _WEEK),
    ),
    ReleaseType.PATCH: Kind(
        scope="fixes and minor improvements", impact=Impact.LOW, testing="focused testing of what is affected",
        planning=(_WEEK, 2 * _WEEK), execution=(_WEEK, _WEEK),
    ),
    ReleaseType.HOTFIX: Kind(
        scope="a critical fix, needed at once", impact=Impact.CRITICAL, testing="expedited, with focused validation",
        planning=(1, 3), execution=(0, 0),
    ),
    ReleaseType.FEATURE_FLAG: Kind(
        scope="a progressive rollout behind a flag", impact=Impact.VARIABLE, testing="controlled exposure, watched",
        planning=(_WEEK, 2 * _WEEK), execution=None,
    ),
}  # fmt: skip
"""R4."""


def impact_of(answers: Answers, risk: Assessment | None) -> Impact:
    """That of the type, and at least high for a change that breaks its callers."""
    usual = KINDS[answers.release_type].impact
    if risk is None or not risk.breaking or usual in (Impact.HIGH, Impact.CRITICAL):
        return usual
    return Impact.HIGH


def facts_of(answers: Answers, risk: Assessment | None) -> Facts:
    """Without days; `begun` adds them."""
    kind, impact = KINDS[answers.release_type], impact_of(answers, risk)
    words = f"{impact}: {kind.testing}"
    if risk is not None and impact is not kind.impact:
        words = f"{impact}: {KINDS[ReleaseType.MAJOR].testing}, because {risk.breaking!r} breaks callers"
    return Facts(kind.scope, words, _words(kind.planning), _words(kind.execution), level=impact.value)


def begun(facts: Facts, answers: Answers, phases: tuple[Phase, ...], release: date | None, calendar: Calendar) -> Facts:
    """The same, with the days between which planning begins: by the phases, and without phases by the type's weeks."""
    if release is None:
        return facts
    if phases:
        return replace(facts, planning_from=phases[0].start, planning_by=phases[0].latest_start)
    kind = KINDS[answers.release_type]
    least, most = ((kind.planning[end] + (kind.execution or (0, 0))[end]) for end in (0, 1))
    emergency = answers.release_type is ReleaseType.HOTFIX
    return replace(
        facts,
        planning_from=calendar.open_days_back(release, most + 1, emergency=emergency),
        planning_by=calendar.open_days_back(release, least + 1, emergency=emergency),
    )


def late(facts: Facts, answers: Answers, today: date | None) -> Iterator[str]:
    """A note where less is left than planning and execution take. Phases have a conflict of their own for that."""
    if today is not None and facts.planning_by is not None and facts.planning_by < today:
        yield (
            f"a {answers.release_type} release takes {facts.planning} of planning and {facts.execution} of execution: "
            f"for this date planning should have begun by {facts.planning_by}"
        )


def out_of_scope(risk: Assessment | None, answers: Answers) -> Iterator[Conflict]:
    """Changes that a release of this type does not contain."""
    if risk is None:
        return
    kind, scope = answers.release_type, KINDS[answers.release_type].scope
    if risk.breaking and kind in (ReleaseType.MINOR, ReleaseType.PATCH, ReleaseType.HOTFIX):
        yield _beyond(
            "breaking-change", answers, f"{risk.breaking!r} breaks callers; a {kind} release is {scope}", "major"
        )
    if risk.feature and kind in (ReleaseType.PATCH, ReleaseType.HOTFIX):
        yield _beyond("new-feature", answers, f"{risk.feature!r} is a feature; a {kind} release is {scope}", "minor")


def _beyond(name: str, answers: Answers, explanation: str, other: str) -> Conflict:
    between = (f"release_type: {answers.release_type}", "risk: the changes")
    return Conflict(name, between, explanation, f"release_type: {other}", blocking=False, source="R4")


def _words(days: tuple[int, int] | None) -> str:
    """`4–8 weeks`, `1–3 days`, `same day`, or `continuous`."""
    if days is None:
        return "continuous"
    least, most = days
    if most == 0:
        return "same day"
    size, unit = (_WEEK, "week") if least % _WEEK == most % _WEEK == 0 else (1, "day")
    least, most = least // size, most // size
    return f"{least}–{most} {unit}s" if least != most else f"{most} {unit}{'s' * (most > 1)}"
