"""A plan, and the difference between two, as lines for a pipe: a row is a line, unless someone named a width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pilotage.model.plan import Plan
from pilotage.model.plan_change import PlanChange
from pilotage.render.fitted import fitted, wrapped
from pilotage.render.plain_table import lines_of
from pilotage.render.plan_parts import parts_of
from pilotage.render.sections import headline, summary


def plan_lines(plan: Plan, wanted: tuple[str, ...] = (), width: int | None = None) -> Iterator[str]:
    """The named parts, or those shown by default. `all` stands for every part. width: columns of a line; None for one
    line per row, whatever its length."""
    parts = parts_of(plan, wanted)
    if width is None:
        yield f"{headline(plan)}   {summary(plan)}   plan {plan.hash[:12]}"
    else:
        yield from (line for part in (headline(plan), f"{summary(plan)}, plan {plan.hash[:12]}")
                    for line in wrapped(part, width))  # fmt: skip
    yield from _bullets(plan.notes, width)
    for section in parts.shown:
        yield f"\n{section.title}"
        yield from (line for sentence in section.sentences for line in _folded(sentence, width))
        if section.rows:
            yield from _table(section.headers, section.rows, width, section.numbers)
        yield from _bullets(section.bullets, width)
    if parts.left:
        yield ""
        yield from _folded(parts.left, width)


def changes_lines(changes: tuple[PlanChange, ...], width: int | None = None) -> Iterator[str]:
    """The changes by part: what changed, from what to what, whom it affects and why. width: as in `plan_lines`."""
    from pilotage.plan.difference import by_part

    for part, found in by_part(changes).items():
        yield f"\n{part.capitalize()}"
        rows = [(one.what, one.before, one.after, one.whom, one.reason) for one in found]
        yield from _table(("what", "before", "after", "affects", "because of"), rows, width)


def _table(
    titles: Sequence[str], rows: Sequence[Sequence[str]], width: int | None, numbers: Sequence[str] = ()
) -> Iterator[str]:  # fmt: skip
    if width is None:
        yield from lines_of(titles, rows, numbers)
    else:
        yield from (line.text for line in fitted(titles, rows, width, numbers))


def _bullets(texts: tuple[str, ...], width: int | None) -> Iterator[str]:
    yield from (line for text in texts for line in _folded(f"• {text}", width))


def _folded(text: str, width: int | None) -> list[str]:
    """A list item continues below its first word."""
    return [text] if width is None else wrapped(text, width, "", "  " if text.startswith("• ") else "")
