"""From measures and findings to an assessment: a probability, a level, reasons, and what to do about them (R17)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from pilotage.model.answers import DeploymentStrategy, RiskTolerance
from pilotage.model.change import Change, FileKind
from pilotage.model.file_kind import LONGEST_PATH
from pilotage.model.quantity import percent_of
from pilotage.model.risk import CONTEXT, Assessment, ChangeRisk, FactorRisk, Finding, Horizon, RiskFactor, RiskLevel
from pilotage.model.wording import counted
from pilotage.risk import people
from pilotage.risk.levels import Released, as_usual, factor_level, level_of, standing_of
from pilotage.risk.measured import Measured
from pilotage.risk.model import DAY, RiskModel
from pilotage.risk.reading import read_first
from pilotage.risk.sizes import lines_of, passing_of, sizes_of, to_read

HORIZON = Horizon.DAYS_30
"""Of every probability that a person reads: what a release engineer has to answer for."""

MOST_AGE = 14.0
"""Days that a change proves itself at most before its release: those who develop run the trunk, and users do not."""

_LONG = 42.0
"""Days after which a reader is told so."""

_HARM = (
    RiskFactor.MIGRATIONS, RiskFactor.COMPLEXITY, RiskFactor.INFRASTRUCTURE, RiskFactor.DEPENDENCIES,
    RiskFactor.EXPERIENCE, RiskFactor.TIMING,
)  # fmt: skip
"""Findings of one level in the order of what they can cost: lost data and locks first."""


@dataclass(frozen=True)
class Earlier:
    """What this project released before, newest first. unmeasured: older releases that were not · notes: why
    there is none, where that is not the project's doing · unknown: whether there was no time to measure them."""

    releases: tuple[Released, ...] = ()
    unmeasured: int = 0
    notes: tuple[str, ...] = ()
    unknown: bool = False


def of_changes(measured: Sequence[Measured], model: RiskModel) -> tuple[ChangeRisk, ...]:
    """Each change of a release, which is made when the last change of source lands."""
    made = _made(measured)
    return tuple(_of_change(one, model, min(MOST_AGE, max(0.0, made - one.change.landed) / DAY)) for one in measured)


def _made(measured: Sequence[Measured]) -> float:
    """When a release is made: an empty commit, or one of a version number, proves nothing of the code before it."""
    source = [one.change.landed for one in measured if one.source]
    return max(source or [one.change.landed for one in measured], default=0.0)


def lain(measured: Sequence[Measured]) -> tuple[str, ...]:
    """A note where changes of source waited for the last one for long."""
    made = _made(measured)
    old = [age for one in measured if one.source and (age := (made - one.change.landed) / DAY) > _LONG]
    if not old:
        return ()
    what = "1 change of source has" if len(old) == 1 else f"{len(old)} changes of source have"
    words = f"{what} waited for this release for up to {max(old) / 7:.0f} weeks. Users have not met"
    return (f"{words} {'it' if len(old) == 1 else 'them'} yet, so only {MOST_AGE:g} days of that count as proof.",)


def _of_change(measured: Measured, model: RiskModel, age: float) -> ChangeRisk:
    change, files = measured.change, to_read(measured.change)
    return ChangeRisk(
        change.commit,
        change.title,
        change.author,
        round(model.probability_from(measured, age, HORIZON), 6),
        sum(map(lines_of, files)),
        len(files),
        tuple(file.path for file in files[:3]),
    )


def released(measured: Sequence[Measured], model: RiskModel) -> Released:
    """A release as the next ones are compared with it."""
    return Released(together(of_changes(measured, model)), sizes_of(m.change for m in measured))


def together(changes: Sequence[ChangeRisk]) -> float:
    """1 − Π (1 − p), as if changes failed independently of one another."""
    return round(1 - math.prod(1 - change.score for change in changes), 6)


def assess(
    revisions: str,
    measured: Sequence[Measured],
    findings: Sequence[Finding],
    model: RiskModel,
    tolerance: RiskTolerance = RiskTolerance.MEDIUM,
    earlier: Earlier = Earlier(),
) -> Assessment:
    each = of_changes(measured, model)
    score = together(each)
    standing = standing_of(score, earlier.releases, earlier.unmeasured)
    sizes = sizes_of(m.change for m in measured)
    told = as_usual(findings, sizes, earlier.releases)
    by_harm = tuple(sorted(told, key=lambda one: (-one.level.rank, _HARM.index(one.factor))))
    level = level_of(score, standing, by_harm, is_compared=not earlier.unknown)
    by_chance = level_of(score, standing, (), is_compared=not earlier.unknown)
    strategy, settings, why = _recommended(level, by_chance, by_harm, tolerance)
    return Assessment(
        revisions=revisions,
        changes=len(each),
        probability_percent=float(percent_of(score)),
        level=level,
        factors=tuple(
            _factor(factor, sizes.get(factor, 0), measured, by_harm, earlier.releases) for factor in RiskFactor
        ),
        findings=by_harm,
        mitigations=tuple(dict.fromkeys(one.mitigation for one in by_harm if one.mitigation)),
        strategy=strategy,
        settings=settings,
        why=why,
        model=model.origin,
        standing=standing,
        read_first=read_first(each),
        horizon_days=HORIZON.value,
        notes=lain(measured),
    )


def _factor(
    factor: RiskFactor, size: int, measured: Sequence[Measured], findings: Sequence[Finding],
    earlier: Sequence[Released],
) -> FactorRisk:  # fmt: skip
    scored = factor not in CONTEXT
    mine = [finding for finding in findings if finding.factor is factor]
    if factor is RiskFactor.DEPENDENCIES and not mine:
        earlier = ()  # lines of a manifest say nothing by themselves
    level, compared = factor_level(factor, size, findings, earlier) if scored else (RiskLevel.LOW, "")
    if compared and factor is RiskFactor.DEPENDENCIES:
        compared = f"more lines of manifests and lock files {compared.removeprefix('more ')}"
    facts = [finding.sentence for finding in mine if not finding.mitigation]
    count = len(mine) - len(facts)
    said = counted(count, "finding") if count else ""
    size_words = "" if mine and factor is RiskFactor.DEPENDENCIES else _words(factor, size, measured)
    words = "; ".join(part for part in (size_words, compared, *facts[:3], said) if part)
    return FactorRisk(factor, level, words or _NOTHING[factor], scored)


_NOTHING: Mapping[RiskFactor, str] = {
    RiskFactor.COMPLEXITY: "no source file changes",
    RiskFactor.INFRASTRUCTURE: "no change",
    RiskFactor.MIGRATIONS: "no migration",
    RiskFactor.DEPENDENCIES: "no change",
    RiskFactor.EXPERIENCE: "everyone knows the files that they changed",
    RiskFactor.TIMING: "nothing unusual",
}


def _words(factor: RiskFactor, size: int, measured: Sequence[Measured]) -> str:
    match factor:
        case RiskFactor.COMPLEXITY:
            return _source(measured)
        case RiskFactor.EXPERIENCE:
            return people.in_words([(m.change, m.known) for m in measured]) if measured else "no change"
        case RiskFactor.TIMING:
            late = sum(_is_late(m.change) for m in measured)
            verb = "was" if late == 1 else "were"
            return f"{late} of {len(measured)} changes {verb} written at night or on a weekend" if late else ""
        case RiskFactor.MIGRATIONS:
            return counted(size, "migration file") if size else ""
        case RiskFactor.INFRASTRUCTURE:
            return _infrastructure(size, measured)
        case RiskFactor.DEPENDENCIES:
            return f"{counted(size, 'line')} of manifests, no locked package changes" if size else ""


def _infrastructure(size: int, measured: Sequence[Measured]) -> str:
    """Of configuration too, which no earlier release is compared by; without that of tools, whose names begin with a
    dot."""
    files = (f for m in measured for f in m.change.files if f.kind is FileKind.CONFIGURATION)
    settings = sum(lines_of(f) for f in files if not _WORDS_OF_TOOLS.search(f.path[-LONGEST_PATH:]))
    said = ((size, "infrastructure"), (settings, "configuration"))
    return ", ".join(f"{counted(count, 'line')} of {what}" for count, what in said if count)


_WORDS_OF_TOOLS = re.compile(
    r"(^|/)\.|(^|/)(i18n|intl|l10n|locales?|langs?|languages?|translations?|messages)(/|$)|\.(xlf|arb|resx)$"
)
"""Settings of tools, and what is shown to users in their language."""


def _source(measured: Sequence[Measured]) -> str:
    lines: dict[str, int] = {}
    passing = passing_of(m.change for m in measured)
    for m in measured:
        for file in m.change.files:
            if file.kind is FileKind.SOURCE and file.path not in passing:
                folder = file.path.rpartition("/")[0]
                lines[folder] = lines.get(folder, 0) + lines_of(file)
    if not any(lines.values()):
        return _moved(measured)
    folder, most = max(lines.items(), key=lambda item: item[1])
    total = sum(lines.values())
    words = f"{counted(total, 'line')} of source"
    place = f"`{folder}/`" if folder else "the top folder"
    return f"{words}, {most:,} of them in {place}" if len(lines) > 1 else f"{words} in {place}"


def _moved(measured: Sequence[Measured]) -> str:
    files = {f.path for m in measured for f in m.change.files if f.kind is FileKind.SOURCE and f.path != f.before != ""}
    what = "source file moves" if len(files) == 1 else "source files move"
    return f"{len(files)} {what}, no line of source changes" if files else ""


def _is_late(change: Change) -> bool:
    local = datetime.fromtimestamp(change.at, timezone(timedelta(seconds=change.offset)) if change.offset else UTC)
    return local.hour >= 22 or local.hour < 6 or local.weekday() >= 5


_SMALL_STEPS = ("canary.weights", "[1%, 5%, 25%, 50%, 100%]")
_CAREFUL: Mapping[RiskLevel, tuple[DeploymentStrategy, tuple[tuple[str, str], ...], str]] = {
    RiskLevel.LOW: (DeploymentStrategy.ROLLING, (), "the risk is low: batches with an analysis after each are enough"),
    RiskLevel.MEDIUM: (
        DeploymentStrategy.CANARY,
        (),
        "harm should reach few users first, and be distinguished from chance",
    ),
    RiskLevel.HIGH: (
        DeploymentStrategy.CANARY,
        (_SMALL_STEPS,),
        "harm is likely enough to start with 1 % of users",
    ),
    RiskLevel.CRITICAL: (
        DeploymentStrategy.CANARY,
        (_SMALL_STEPS, ("canary.require_approval", "true")),
        "the findings can do lasting harm: start with 1 % of users, and require an approval for each weight",
    ),
}


def _recommended(
    level: RiskLevel, by_chance: RiskLevel, findings: Sequence[Finding], tolerance: RiskTolerance
) -> tuple[DeploymentStrategy, tuple[tuple[str, str], ...], str]:
    """The strategy that fits, and the numbers that go with it. Where data is destroyed no strategy takes it back.
    by_chance: the level without the findings."""
    strategy, settings, why = _CAREFUL[level]
    if level is RiskLevel.HIGH and by_chance is not level:
        why = "what was found can hurt everybody at once: start with 1 % of users"
    if level is RiskLevel.LOW and tolerance in (RiskTolerance.LOW, RiskTolerance.ZERO_DOWNTIME):
        strategy, settings, why = _CAREFUL[RiskLevel.MEDIUM]
        why = f"{why}, as a {tolerance} tolerance requires"
    if any(f.factor is RiskFactor.MIGRATIONS and f.level is RiskLevel.CRITICAL for f in findings):
        settings = (*settings, ("rollback.enabled", "false"))
        why = f"{why}; a migration destroys data, which no rollback restores"
    return strategy, settings, why
