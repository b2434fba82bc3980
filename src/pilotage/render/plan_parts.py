"""What of a plan is shown: the parts asked for, and a line that names the others."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.model.document import Section
from pilotage.model.plan import Plan
from pilotage.render.sections import sections

SHOWN = ("conflicts", "steps", "rollback")
"""What a person looks at first; of a plan with a release day, its timeline as well."""


@dataclass(frozen=True)
class Parts:
    """left: says how to see the other parts; empty where there is none."""

    shown: tuple[Section, ...]
    left: str


def parts_of(plan: Plan, wanted: tuple[str, ...] = ()) -> Parts:
    """The parts asked for, or those a person looks at first. `all` asks for every part."""
    parts = sections(plan)
    first = (*SHOWN, "timeline") if plan.release_date else SHOWN
    chosen = {part.id for part in parts} if "all" in wanted else set(wanted or first)
    others = ", ".join(f"{part.id} ({len(part.rows)})" for part in parts if part.id not in chosen)
    left = f"More sections: {others}. Show them with --section NAME or --section all." if others else ""
    return Parts(tuple(part for part in parts if part.id in chosen), left)
