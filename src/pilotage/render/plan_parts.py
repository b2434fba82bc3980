"""Which parts of a plan are shown, and a line that names the others."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.model.document import Section
from pilotage.model.plan import Plan
from pilotage.render.sections import sections

SHOWN = ("conflicts", "steps", "rollback")
"""The parts shown by default; for a plan with a release day, its timeline as well."""


@dataclass(frozen=True)
class Parts:
    """left: how to see the other parts; empty if there are none."""

    shown: tuple[Section, ...]
    left: str


def parts_of(plan: Plan, wanted: tuple[str, ...] = ()) -> Parts:
    """The named parts, or those shown by default. `all` stands for every part."""
    parts = sections(plan)
    first = (*SHOWN, "timeline") if plan.release_date else SHOWN
    chosen = {part.id for part in parts} if "all" in wanted else set(wanted or first)
    others = ", ".join(f"{part.id} ({len(part.rows)})" for part in parts if part.id not in chosen)
    left = f"More sections: {others}. Show them with --section NAME or --section all." if others else ""
    return Parts(tuple(part for part in parts if part.id in chosen), left)
