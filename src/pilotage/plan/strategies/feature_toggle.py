"""Feature toggle (R16): deploy dark, try the kill switch, then ramp the flag up and watch."""

from __future__ import annotations

from collections.abc import Iterator

from pilotage.model import step_ids as ids
from pilotage.model.plan import Derived, Step, StepKind
from pilotage.model.quantity import format_share
from pilotage.model.traffic import WHOLE, percent
from pilotage.plan.rollback import Undoing
from pilotage.plan.steps import WATCHED, Numbers, function_checks, production_gate, schema_check, watch_step

_WATCHED = ("application_error_rate", "response_time_p95")
_ACTIVITIES = {"internal": "internal_testing", "beta": "beta_testing"}


def steps(n: Numbers, full: int, checks: frozenset[str] = frozenset()) -> Iterator[Step]:
    off, deadline = "turn the flag off for everyone", n.value("feature_toggle.flag_timeout")
    yield from schema_check(n, checks, "feature_toggle", "R16")
    yield from production_gate(n)
    yield Step(
        ids.DEPLOY_DARK, StepKind.SCALE, "deploy the code with its flag off", 0, full, 0,
        n.value("feature_toggle.health_check_timeout"), "redeploy the earlier version",
        needs=("the flag exists and is off",),
        judged=WATCHED, activities=("feature-toggle_deployment",),
        derived=(Derived("timeout", "feature_toggle.health_check_timeout"),), source="R16",
    )  # fmt: skip
    yield from function_checks(
        n, checks, "the dark code", "feature_toggle", full, "redeploy the earlier version", "R16"
    )
    yield _check_kill(deadline, full)
    for name in n.names("feature_toggle.segments"):
        audience = f"{name} users"
        yield Step(
            f"flag-{name}", StepKind.FLAG_RAMP, f"turn the flag on for {audience}",
            0, full, 0, deadline, off, audience=audience, activities=(_ACTIVITIES.get(name, "gradual_rollout"),),
            derived=(
                Derived("audience", "feature_toggle.segments"), Derived("timeout", "feature_toggle.flag_timeout"),
            ), source="R16",
        )  # fmt: skip
        yield watch_step(
            n, StepKind.ANALYSE, "feature_toggle.phase_duration", name, 0, full, off, _WATCHED, "R16", audience=audience
        )
    for weight in n.weights("feature_toggle.percentages"):
        share, everyone = format_share(weight / WHOLE), weight == WHOLE
        yield Step(
            f"flag-{share}", StepKind.FLAG_RAMP, f"turn the flag on for {share} of users",
            percent(weight), full, 0, deadline, off, needs=("flag-on is not worse than flag-off",),
            activities=("full_release" if everyone else "gradual_rollout",),
            derived=(
                Derived("weight_percent", "feature_toggle.percentages"),
                Derived("timeout", "feature_toggle.flag_timeout"),
            ),
            source="R16",
        )  # fmt: skip
        kind, path = (
            _watch_kind(everyone),
            "feature_toggle.bake_duration" if everyone else "feature_toggle.phase_duration",
        )
        yield watch_step(n, kind, path, share, weight, full, off, _WATCHED, "C22" if everyone else "R16")


def _check_kill(deadline: int | float, full: int) -> Step:
    return Step(
        ids.CHECK_KILL_SWITCH, StepKind.CHECK, "the kill switch works for a test user", 0, full,
        0, deadline, "nothing to undo", activities=("kill_switches",),
        derived=(Derived("timeout", "feature_toggle.flag_timeout"),), source="R16",
    )  # fmt: skip


def _watch_kind(everyone: bool) -> StepKind:
    return StepKind.BAKE if everyone else StepKind.ANALYSE


def undoing(_n: Numbers, _full: int) -> Undoing:
    return Undoing(
        steps=(
            "turn the flag off for everyone",
            "leave the code deployed with its flag off",
        ),
        first="the flag goes off for everyone at once",
        source="R16",
        compared="flag-off",
        resources=False,
        triggers=("a probe or a check of the dark code fails: at once, and the earlier version is redeployed",),
    )
