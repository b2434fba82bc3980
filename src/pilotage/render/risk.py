"""The risk of a change as the JSON that `risk` prints."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.model.output.risk import (
    CommitRiskOutput,
    ComparisonOutput,
    RiskFactorOutput,
    RiskFindingOutput,
    RiskOutput,
)
from pilotage.model.quantity import percent_of
from pilotage.model.risk import Assessment, ChangeRisk, FactorRisk, Finding, Standing


def risk_output(found: Assessment, changes: Sequence[ChangeRisk] | None) -> RiskOutput:
    """changes: each of the range, in any order; None to leave them out."""
    return RiskOutput(
        revisions=found.revisions,
        changes=found.changes,
        probability_percent=found.probability_percent,
        horizon_days=found.horizon_days,
        comparison=_comparison(found.standing),
        level=found.level,
        factors=tuple(map(_factor, found.factors)),
        findings=tuple(map(_finding, found.findings)),
        read_first=tuple(map(_commit, found.read_first)),
        notes=found.notes,
        mitigations=found.mitigations,
        strategy=found.strategy,
        settings=dict(found.settings),
        reason=found.why,
        model=found.model,
        commits=None if changes is None else tuple(map(_commit, sorted(changes, key=lambda one: -one.score))),
    )


def _comparison(found: Standing | None) -> ComparisonOutput | None:
    if found is None:
        return None
    return ComparisonOutput(releases=found.releases, riskier_than=found.riskier_than, unmeasured=found.unmeasured)


def _factor(found: FactorRisk) -> RiskFactorOutput:
    return RiskFactorOutput(factor=found.factor, level=found.level if found.scored else None, reason=found.sentence)


def _finding(found: Finding) -> RiskFindingOutput:
    return RiskFindingOutput(
        factor=found.factor,
        level=found.level,
        sentence=found.sentence,
        place=found.place,
        mitigation=found.mitigation,
        link=found.link,
    )


def _commit(change: ChangeRisk) -> CommitRiskOutput:
    return CommitRiskOutput(
        commit=change.commit,
        subject=change.subject,
        author=change.author,
        probability_percent=percent_of(change.score),
        lines=change.lines,
        files=change.files,
        paths=change.paths,
    )
