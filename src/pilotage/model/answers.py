"""The six answers (R1) that, with a service's `pilotage.yaml`, become a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ReleaseType(StrEnum):
    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"
    HOTFIX = "hotfix"
    FEATURE_FLAG = "feature-flag"


class DeploymentStrategy(StrEnum):
    BLUE_GREEN = "blue-green"
    CANARY = "canary"
    ROLLING = "rolling"
    BIG_BANG = "big-bang"
    FEATURE_TOGGLE = "feature-toggle"


class TeamSize(StrEnum):
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"
    DISTRIBUTED = "distributed"


class ReleaseFrequency(StrEnum):
    CONTINUOUS = "continuous"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"


class RiskTolerance(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    ZERO_DOWNTIME = "zero-downtime"


class Stakeholder(StrEnum):
    INTERNAL_ONLY = "internal-only"
    CUSTOMER_FACING = "customer-facing"
    ENTERPRISE = "enterprise"
    MULTI_TENANT = "multi-tenant"


@dataclass(frozen=True)
class Answers:
    """The six answers of R1. Values may be given as their strings; anything else raises ValueError."""

    release_type: ReleaseType
    deployment_strategy: DeploymentStrategy
    team_size: TeamSize
    release_frequency: ReleaseFrequency
    risk_tolerance: RiskTolerance
    stakeholder_complexity: tuple[Stakeholder, ...] = field(default=())

    def __init__(
        self,
        release_type: ReleaseType | str,
        deployment_strategy: DeploymentStrategy | str,
        team_size: TeamSize | str,
        release_frequency: ReleaseFrequency | str,
        risk_tolerance: RiskTolerance | str,
        stakeholder_complexity: Iterable[Stakeholder | str] | Stakeholder | str = (),
        *,
        stakeholders: Iterable[Stakeholder | str] | Stakeholder | str = (),
    ) -> None:
        given = stakeholder_complexity or stakeholders
        named = (given,) if isinstance(given, str) else tuple(given)
        if not named:
            raise ValueError(f"stakeholder_complexity: name at least one of {', '.join(Stakeholder)}")
        wanted = {Stakeholder(name) for name in named}
        set_once = object.__setattr__
        set_once(self, "release_type", ReleaseType(release_type))
        set_once(self, "deployment_strategy", DeploymentStrategy(deployment_strategy))
        set_once(self, "team_size", TeamSize(team_size))
        set_once(self, "release_frequency", ReleaseFrequency(release_frequency))
        set_once(self, "risk_tolerance", RiskTolerance(risk_tolerance))
        # In a fixed order, whatever order they were named in: same answers, same plan (R2).
        set_once(self, "stakeholder_complexity", tuple(s for s in Stakeholder if s in wanted))

    @property
    def stakeholders(self) -> tuple[Stakeholder, ...]:
        """Short name of `stakeholder_complexity`."""
        return self.stakeholder_complexity


SHORT_NAMES: Mapping[str, str] = {"stakeholders": "stakeholder_complexity"}
"""An answer's short name, accepted wherever people give answers, and its full name."""
