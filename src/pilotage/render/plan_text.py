"""A plan, and the difference between two, as lines for a pipe: nothing is folded, a row is a line."""

from __future__ import annotations

from collections.abc import Iterator

from pilotage.model.plan import Plan
from pilotage.model.plan_change import PlanChange
from pilotage.render.plain_table import lines_of
from pilotage.render.plan_parts import parts_of
from pilotage.render.sections import headline, summary


def plan_lines(plan: Plan, wanted: tuple[str, ...] = ()) -> Iterator[str]:
    """The parts asked for, or those a person looks at first. `all` asks for every part."""
    parts = parts_of(plan, wanted)
    yield f"{headline(plan)}   {summary(plan)}   plan {plan.hash[:12]}"
    yield from _bullets(plan.notes)
    for section in parts.shown:
        yield f"\n{section.title}"
        yield from section.sentences
        if section.rows:
            yield from lines_of(section.headers, section.rows, section.numbers)
        yield from _bullets(section.bullets)
    if parts.left:
        yield f"\n{parts.left}"


def changes_lines(changes: tuple[PlanChange, ...]) -> Iterator[str]:
    """The changes by part: what, from what to what, whom it concerns and why."""
    from pilotage.plan.difference import by_part

    for part, found in by_part(changes).items():
        yield f"\n{part.capitalize()}"
        rows = [(one.what, one.before, one.after, one.whom, one.reason) for one in found]
        yield from lines_of(("what", "before", "after", "affects", "because of"), rows)


def _bullets(texts: tuple[str, ...]) -> Iterator[str]:
    yield from (f"• {text}" for text in texts)
