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
    ("team_size", TeamSize, "small", "How large is the team? Small is 2–5 people, medium 6–15, large more."),
    ("release_frequency", ReleaseFrequency, "weekly", "How often do you release?"),
    (
        "risk_tolerance",
        RiskTolerance,
        "medium",
        "How much risk do you accept? Steps are analysed for 24 h with low, 4 h with medium, 1 h with high.",
    ),
    (
        "stakeholder_complexity",
        Stakeholder,
        "customer-facing",
        "Who does a release affect? Separate several with commas.",
    ),
)
"""Of each: its name, the answers it has, the one that is proposed, and the question."""
