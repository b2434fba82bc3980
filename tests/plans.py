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


USUAL: Mapping[str, Any] = {
    "release_type": "minor",
    "deployment_strategy": "canary",
    "team_size": "medium",
    "release_frequency": "monthly",
    "risk_tolerance": "medium",
    "stakeholder_complexity": "internal-only",
}


def answers(**changes: Any) -> Answers:
    """A medium team's monthly minor canary of something internal, unless told otherwise."""
    return Answers(**{**USUAL, **changes})


def planned(service: Service | None = None, *, version: str = "2.4.0", **inputs: Any) -> Plan:
    """A plan of `answers`. `inputs` are answers, and what `make_plan` takes: `release_date`, `calendar`, `accept`…"""
    others = {name: inputs.pop(name) for name in tuple(inputs) if name not in USUAL}
    return make_plan(answers(**inputs), version=version, service=service, **others)


def a_plan(
    numbers: Mapping[str, object] = NO_NUMBERS,
    *,
    strategy: str = "canary",
    tolerance: str = "low",
    version: str = "new",
    instances: int | None = None,
    service: Service | None = None,
) -> Plan:
    """A plan to execute: of a small team's weekly release, with these numbers changed. Nobody needs to approve it or to
    configure checks, unless they say so."""
    of = service or Service()
    wanted = overrides({"approval.required": False, "checks.required": False, **numbers})
    whole = replace(of, instances=instances or of.instances, overrides={**of.overrides, **wanted})
    small = {"team_size": "small", "release_frequency": "weekly"}
    return planned(whole, version=version, deployment_strategy=strategy, risk_tolerance=tolerance, **small)
