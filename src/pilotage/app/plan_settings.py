"""The settings of a plan, explained for `pilotage docs` and the reference page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from pilotage.model.answers import DeploymentStrategy, RiskTolerance
from pilotage.model.plan import Unit
from pilotage.model.renamed import SETTINGS as RENAMED
from pilotage.plan.rows import ROWS, Row
from pilotage.plan.toggle_stages import PERCENTAGES, SEGMENTS, STAGES
from pilotage.plan.values import show_value

TAKES: Mapping[Unit, str] = {
    Unit.SECONDS: "duration",
    Unit.PERCENT: "percentage, such as 0.1%",
    Unit.WEIGHTS: "list of percentages that ends at 100%",
    Unit.SEGMENTS: "list of segments",
    Unit.FACTOR: "number of at least 1",
    Unit.COUNT: "whole number",
    Unit.SWITCH: "true or false",
    Unit.CHOICE: "rollback or pause",
    Unit.NAME: "name, or none",
    Unit.COHORT: "header=value, or none",
    Unit.PORTION: "number of instances, or a percentage",
}
"""What a setting of each unit takes."""


@dataclass(frozen=True, kw_only=True)
class PlanSetting:
    """defaults: by risk tolerance, as they would are in `overrides` · strategy: the only one whose plans have the
    setting with these defaults; None for all."""

    name: str
    takes: str
    defaults: Mapping[RiskTolerance, str]
    description: str
    strategy: DeploymentStrategy | None

    @property
    def default(self) -> str:
        """Of every risk tolerance; empty where they differ."""
        found = set(self.defaults.values())
        return found.pop() if len(found) == 1 else ""


def plan_settings(name: str = "") -> tuple[PlanSetting, ...]:
    """The setting of this name, those of a group such as `canary`, or all; empty if there is none."""
    every = [_setting(row) for row in ROWS]
    every.insert([one.name for one in every].index(SEGMENTS), _stages(every))
    return tuple(one for one in every if not name or one.name == name or one.name.startswith(f"{name}."))


def _stages(every: list[PlanSetting]) -> PlanSetting:
    """The list of which a plan has the two parts."""
    of = {one.name: one for one in every}
    parts = [of[path].default.strip("[]") for path in (SEGMENTS, PERCENTAGES)]
    return PlanSetting(
        name=STAGES, takes="list of segments, then percentages that end at 100%",
        defaults=dict.fromkeys(RiskTolerance, f"[{', '.join(parts)}]"),
        description=f"Who gets the flag, in order; sets `{SEGMENTS}` and `{PERCENTAGES}`.",
        strategy=of[SEGMENTS].strategy,
    )  # fmt: skip


def _setting(row: Row) -> PlanSetting:
    return PlanSetting(
        name=row.path,
        takes=TAKES[row.unit],
        defaults={tolerance: _as_written(row, tolerance) for tolerance in RiskTolerance},
        description=row.why[:1].upper() + row.why[1:] + ("" if row.why.endswith(".") else "."),
        strategy=row.only,
    )


def _as_written(row: Row, tolerance: RiskTolerance) -> str:
    value = row.value(tolerance)
    if row.unit is Unit.FACTOR:
        return f"{value:g}"
    shown = show_value(row.unit, value)
    return f"[{shown.replace(' → ', ', ')}]" if row.unit in (Unit.WEIGHTS, Unit.SEGMENTS) else shown


def renamed_setting(name: str) -> str:
    """What the setting of an earlier name is called today; empty where none had that name."""
    return RENAMED.get(name, "")


def close_to(name: str) -> str:
    """The setting whose name looks most like this one; empty where none does."""
    return next(iter(get_close_matches(name, [STAGES, *(row.path for row in ROWS)], n=1, cutoff=0.75)), "")
