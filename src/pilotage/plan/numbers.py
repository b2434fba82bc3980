"""Every number of a plan: the rows of the tables for its answers, and overrides on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from pilotage.model.answers import Answers, RiskTolerance
from pilotage.model.answers import DeploymentStrategy as S
from pilotage.model.errors import Invalid
from pilotage.model.plan import Setting
from pilotage.model.renamed import SETTINGS as RENAMED
from pilotage.plan.approval import approving_role, needs_approval
from pilotage.plan.rows import ROWS, Row
from pilotage.plan.toggle_stages import PERCENTAGES, SEGMENTS, STAGES, divided
from pilotage.plan.values import origin, read_value, show_value


@dataclass(frozen=True)
class Override:
    """A value as written in `pilotage.yaml`, and its place (`pilotage.yaml:31`). column: for errors; 0 if it is
    unknown."""

    value: object
    source: str
    column: int = 0

    @property
    def place(self) -> str:
        return f"{self.source}:{self.column}" if self.column else self.source


AUTO = "auto"
"""What is written as `canary.weights` for weights that the plan works out."""

_ENTERPRISE = "stakeholder_complexity: enterprise"

PATHS = tuple(dict.fromkeys(row.path for row in ROWS))

_BLUE_GREEN_TRIGGERS: Mapping[str, float] = {
    "rollback_triggers.error_rate": 1,
    "rollback_triggers.response_time_factor": 1.5,
}
"""In the units of the rows: R12's own triggers, which cap the limits of the risk tolerance (C2)."""


class BadOverride(Invalid):
    """Overrides have an unknown path or an invalid value. The message says where each one is, and what is valid."""


def settings(
    answers: Answers, overrides: Mapping[str, Override], *, rehearses: bool = False, prepares: bool = False
) -> tuple[Setting, ...]:
    """Every setting of the answers' strategy, with overrides in place. Raises BadOverride.

    An override of another strategy's number is checked too, and has no effect. rehearses: in this environment releases
    are rehearsed, which needs nobody's approval · prepares: the fleet brings a version to where it runs.
    """
    usual = _usual(
        answers.risk_tolerance, answers.deployment_strategy, needs_approval(answers), approving_role(answers), rehearses
    )
    usual = tuple(setting for setting in usual if prepares or setting.path != "prepare.timeout")
    if not overrides:
        return usual
    overrides = _with_stages(_with_ramp(overrides))
    if problems := [said for path, override in overrides.items() if (said := _trouble(path, override))]:
        many = f"{len(problems)} overrides are wrong\n" if len(problems) > 1 else ""
        raise BadOverride(many + "\n".join(problems))
    return tuple(
        _overridden(setting, overrides[setting.path]) if setting.path in overrides else setting for setting in usual
    )


def _trouble(path: str, override: Override) -> str:
    """The place of the override and what is wrong with it; empty if it is valid."""
    from difflib import get_close_matches

    if path in RENAMED:
        return f"{override.place}: {path} is now called {RENAMED[path]}"
    known = (*PATHS, STAGES)
    if path not in known:
        close = get_close_matches(path, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"
        return f"{override.place}: the plan has no number called {path}{hint}"
    try:
        if path == STAGES:
            divided(override.value)
        else:
            read_value(next(row.unit for row in ROWS if row.path == path), override.value)
    except ValueError as error:
        written = repr(override.value)
        return f"{override.place}: {path}: {error}".replace(
            written, f"{written[:57]}..." if len(written) > 60 else written
        )
    return ""


def wrong_value(path: str, value: object) -> str:
    """What is wrong with a value as it is written for a number of the plan, in words; empty if it is valid."""
    if path == "canary.weights" and value == AUTO:
        return ""
    return _trouble(path, Override(value, "")).removeprefix(f": {path}: ").removeprefix(": ")


def _with_ramp(overrides: Mapping[str, Override]) -> Mapping[str, Override]:
    """`canary.weights: auto` requests a ramp; its weights are computed later, from the traffic."""
    if ramp := overrides.get("canary.ramp"):
        raise BadOverride(f"{ramp.place}: canary.ramp cannot be set by itself; write canary.weights: auto")
    weights = overrides.get("canary.weights")
    if weights is None or weights.value != AUTO:
        return overrides
    return {
        **{path: o for path, o in overrides.items() if path != "canary.weights"},
        "canary.ramp": Override(True, weights.source, weights.column),
    }


def _with_stages(overrides: Mapping[str, Override]) -> Mapping[str, Override]:
    """`feature_toggle.stages` is segments and shares in one list; a wrong one is left for `_trouble` to name."""
    stages = overrides.get(STAGES)
    if stages is None or _trouble(STAGES, stages):
        return overrides
    if beside := next((path for path in (SEGMENTS, PERCENTAGES) if path in overrides), ""):
        raise BadOverride(f"{stages.place}: {STAGES} sets {beside}, too: write one of them")
    segments, shares = divided(stages.value)
    return {
        **{path: override for path, override in overrides.items() if path != STAGES},
        SEGMENTS: replace(stages, value=segments),
        PERCENTAGES: replace(stages, value=shares),
    }


@cache
def _usual(
    tolerance: RiskTolerance, strategy: S, demands: tuple[str, ...], role: str, rehearses: bool
) -> tuple[Setting, ...]:
    found = (_setting(row, tolerance, strategy) for row in ROWS if row.only in (None, strategy))
    return tuple(_by_approval(setting, demands, role, rehearses) for setting in found)


def _by_approval(usual: Setting, demands: tuple[str, ...], role: str, rehearses: bool) -> Setting:
    """What answers beside the risk tolerance say of approvals (C17). demands: the answers that demand one."""
    match usual.path:
        case "approval.required" if rehearses:
            why = f"{usual.why}; releases are only rehearsed here"
            return Setting(usual.path, False, usual.unit, "readiness.staging", why)
        case "approval.required" if demands:
            return Setting(usual.path, True, usual.unit, f"{', '.join(demands)} (R10, C17)", usual.why)
        case "approval.role" if role and not rehearses:
            return Setting(usual.path, role, usual.unit, f"{_ENTERPRISE} (C17)", usual.why)
        case _:
            return usual


def _setting(row: Row, tolerance: RiskTolerance, strategy: S) -> Setting:
    value = row.value(tolerance)
    source = f"risk_tolerance: {tolerance} ({row.source})" if row.varies else row.source
    cap = _BLUE_GREEN_TRIGGERS.get(row.path) if strategy is S.BLUE_GREEN else None
    if cap is not None and isinstance(value, int | float) and value > cap:
        capped = f"{row.why}; {show_value(row.unit, value)} by risk tolerance, lowered to the limit of blue-green"
        return Setting(row.path, cap, row.unit, "deployment_strategy: blue-green (R12, C2)", capped)
    return Setting(row.path, value, row.unit, source, row.why)


def _overridden(usual: Setting, override: Override) -> Setting:
    value = read_value(usual.unit, override.value)
    why = f"{usual.why}; without the override {show_value(usual.unit, usual.value)} ({origin(usual.source)})"
    return Setting(usual.path, value, usual.unit, override.source, why)
