"""The public interface as its users write it: the project's type check fails where a name or a type of it changes."""

from __future__ import annotations

from datetime import date
from typing import assert_type

import pilotage
from pilotage import (
    Acceptance,
    Answers,
    BadOverride,
    Calendar,
    Override,
    PilotageError,
    Plan,
    PlanRefused,
    Service,
    Traffic,
    difference,
    make_plan,
    why,
)

assert_type(pilotage.__version__, str)

answers = Answers("minor", "canary", "medium", "weekly", "low", ["customer-facing"])
service = Service(
    "shop",
    instances=4,
    overrides={"canary.phase_duration": Override("30m", "pilotage.yaml:12")},
    traffic=Traffic(100.0, 0.001),
)
plan = make_plan(
    answers,
    version="2.4.0",
    release_date=date(2027, 5, 12),
    service=service,
    calendar=Calendar(zone="Europe/Berlin"),
)
assert_type(Acceptance("it cannot wait", by="ada").reason, str)
assert_type(plan, Plan)
assert_type(plan.hash, str)
assert_type([step.weight for step in plan.steps], list[int])
assert_type([change.what for change in difference(plan, plan)], list[str])
assert_type(why(plan, "canary.weights").because, tuple[str, ...])


def refused() -> str:
    """Errors have one root, with what the shell and HTTP make of them."""
    try:
        make_plan(answers, version="")
    except (PlanRefused, BadOverride) as error:
        assert_type(error.exit_status, int)
        return error.code
    except PilotageError as error:
        assert_type(error.http_status, int)
    return ""
