"""The values of the six answers, and what a type of release means for planning (R1, R4)."""

from __future__ import annotations

from enum import StrEnum

import pytest

from pilotage.model.answers import (
    DeploymentStrategy,
    ReleaseFrequency,
    ReleaseType,
    RiskTolerance,
    Stakeholder,
    TeamSize,
)
from tests.plans import planned as plan


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        (ReleaseType, "major minor patch hotfix feature-flag"),
        (DeploymentStrategy, "blue-green canary rolling big-bang feature-toggle"),
        (TeamSize, "small medium large distributed"),
        (ReleaseFrequency, "continuous weekly monthly quarterly"),
        (RiskTolerance, "low medium high zero-downtime"),
        (Stakeholder, "internal-only customer-facing enterprise multi-tenant"),
    ],
)
def test_r1_the_answers_are_these(kind: type[StrEnum], allowed: str) -> None:
    assert list(kind) == allowed.split()


# ── B. Readiness ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "scope", "impact", "planning", "execution"),
    [
        ("major", "breaking changes", "high", "4–8 weeks", "2–4 weeks"),
        ("minor", "without breaking changes", "medium", "2–4 weeks", "1–2 weeks"),
        ("patch", "fixes", "low", "1–2 weeks", "1 week"),
        ("hotfix", "critical fix", "critical", "1–3 days", "same day"),
        ("feature-flag", "progressive rollout", "variable", "1–2 weeks", "continuous"),
    ],
)
def test_r4_planning_facts(kind: str, scope: str, impact: str, planning: str, execution: str) -> None:
    facts = plan(release_type=kind).facts
    assert scope in facts.scope
    assert facts.impact.startswith(impact)
    assert (facts.planning, facts.execution) == (planning, execution)
