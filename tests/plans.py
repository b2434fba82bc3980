"""The plan that most tests begin with: each names what it cares about, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pilotage import Answers, Override, Plan, Service, make_plan

NO_NUMBERS: Mapping[str, object] = {}


def overrides(numbers: Mapping[str, object], source: str = "test") -> dict[str, Override]:
    """Numbers by path, such as `canary.weights`, as a configuration at `source` sets them."""
    return {path: Override(value, source) for path, value in numbers.items()}


def answers(strategy: str = "canary", tolerance: str = "low", **changes: Any) -> Answers:
    """A small team's weekly minor release of something internal, unless told otherwise."""
    usual: dict[str, Any] = {
        "release_type": "minor",
        "deployment_strategy": strategy,
        "team_size": "small",
        "release_frequency": "weekly",
        "risk_tolerance": tolerance,
        "stakeholders": "internal-only",
    }
    return Answers(**{**usual, **changes})


def a_plan(
    numbers: Mapping[str, object] = NO_NUMBERS,
    *,
    strategy: str = "canary",
    tolerance: str = "low",
    version: str = "new",
    instances: int | None = None,
    service: Service | None = None,
) -> Plan:
    """A plan of `answers` with these numbers changed."""
    of = service or Service()
    whole = replace(of, instances=instances or of.instances, overrides={**of.overrides, **overrides(numbers)})
    return make_plan(answers(strategy, tolerance), version=version, service=whole)
