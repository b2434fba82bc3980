"""The six questions."""

from __future__ import annotations

from enum import StrEnum

from pilotage.model.answers import (
    DeploymentStrategy,
    ReleaseFrequency,
    ReleaseType,
    RiskTolerance,
    Stakeholder,
    TeamSize,
)

QUESTIONS: tuple[tuple[str, type[StrEnum], str, str], ...] = (
    ("release_type", ReleaseType, "minor", "What kind of change do you release?"),
    (
        "deployment_strategy",
        DeploymentStrategy,
        "canary",
        "How should it reach users?",
    ),
    ("team_size", TeamSize, "small", "How large is the team? small 2–5, medium 6–15, large >15, distributed"),
    ("release_frequency", ReleaseFrequency, "weekly", "How often do you release?"),
    (
        "risk_tolerance",
        RiskTolerance,
        "medium",
        "How much risk do you accept? low watches each step 24 h, medium 4 h, high 1 h",
    ),
    (
        "stakeholder_complexity",
        Stakeholder,
        "customer-facing",
        "Who does a release affect? Separate several with commas",
    ),
)
"""Of each: its name, the answers it has, the one that is proposed, and the question."""
