"""Which answers demand that a person approves a release before any user has it, and of which role (C17)."""

from __future__ import annotations

from pilotage.model.answers import Answers, ReleaseType, RiskTolerance, Stakeholder


def needs_approval(answers: Answers) -> tuple[str, ...]:
    """The answers that demand it; zero-downtime is as strict as low. Empty where none does."""
    found = []
    if answers.release_type in (ReleaseType.MAJOR, ReleaseType.HOTFIX):
        found.append(f"release_type: {answers.release_type}")
    if answers.risk_tolerance in (RiskTolerance.LOW, RiskTolerance.ZERO_DOWNTIME):
        found.append(f"risk_tolerance: {answers.risk_tolerance}")
    if Stakeholder.ENTERPRISE in answers.stakeholders:
        found.append("stakeholder_complexity: enterprise")
    return tuple(found)


def approving_role(answers: Answers) -> str:
    """The role that approvers need, as `approval.role` writes it; empty where any person may approve."""
    return "business-stakeholder" if Stakeholder.ENTERPRISE in answers.stakeholders else ""
