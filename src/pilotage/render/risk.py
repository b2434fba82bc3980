"""The risk of a change as the JSON that `risk` prints."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.model.output.risk import CommitRiskOutput, RiskFactorOutput, RiskFindingOutput, RiskOutput
from pilotage.model.quantity import percent_of
from pilotage.model.risk import Assessment, ChangeRisk, FactorRisk, Finding


def risk_output(found: Assessment, changes: Sequence[ChangeRisk] | None) -> RiskOutput:
    """changes: each of the range, in any order; None to leave them out."""
    return RiskOutput(
        revisions=found.revisions,
        changes=found.changes,
        probability_percent=found.probability_percent,
        level=found.level,
        factors=tuple(map(_factor, found.factors)),
        findings=tuple(map(_finding, found.findings)),
        mitigations=found.mitigations,
        strategy=found.strategy,
        settings=dict(found.settings),
        reason=found.why,
        model=found.model,
        commits=None if changes is None else tuple(map(_commit, sorted(changes, key=lambda one: -one.score))),
    )


def _factor(found: FactorRisk) -> RiskFactorOutput:
    return RiskFactorOutput(
        factor=found.factor, level=found.level, share_percent=found.share_percent, reason=found.sentence
    )


def _finding(found: Finding) -> RiskFindingOutput:
    return RiskFindingOutput(
        factor=found.factor,
        level=found.level,
        sentence=found.sentence,
        place=found.place,
        mitigation=found.mitigation,
    )


def _commit(change: ChangeRisk) -> CommitRiskOutput:
    return CommitRiskOutput(
        commit=change.commit,
        subject=change.subject,
        author=change.author,
        probability_percent=percent_of(change.score),
        log_odds={str(factor): round(part, 4) for factor, part in change.parts},
    )
