"""A plan as the comment on a pull or merge request: what the request changes, its risk, and the plan, within a limit.

The text goes where mentions call people, and where GitLab carries out lines that begin with a slash. Texts of commits
and of `pilotage.yaml` must do neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pilotage.model.document import Section
from pilotage.model.plan import Plan
from pilotage.model.plan_change import PlanChange
from pilotage.model.risk import Assessment
from pilotage.model.text import plain
from pilotage.render.markdown import literal, section_to_markdown
from pilotage.render.risk_words import actions, reading
from pilotage.render.sections import headline, sections, summary

MOST = 65_536
"""Characters of a comment at GitHub."""
_SHOWN_CHANGES, _MOST_CHANGES = 12, 80
"""Rows that are shown, and those that a click unfolds as well."""
_MOST_CELL = 300
_MOST_FINDINGS = 12
_FOLDED = ("conflicts", "steps", "rollback", "timeline", "readiness", "communication")
"""The parts of the plan that are shown folded, in this order, as far as the limit reaches."""
_MENTION = re.compile(r"@(?=[\w-])")
_SLASH = re.compile(r"^([ \t]*)/", re.MULTILINE)
_APART = "\u200b"
"""A space without width: it ends a mention and a command, and nobody sees it."""


@dataclass(frozen=True, kw_only=True)
class RequestComment:
    """base: the name of what the plan is compared with · changes: from the plan of the base; None if it has none ·
    no_base: why it has none · risk: of the request's commits, None if unknown · no_risk: why."""

    plan: Plan
    base: str
    changes: tuple[PlanChange, ...] | None
    no_base: str = ""
    risk: Assessment | None = None
    no_risk: str = ""


def mark_of(plan: Plan) -> str:
    """The hidden first line by which the comment is found again."""
    return f"<!-- pilotage plan {plan.service}/{plan.environment} -->"


def comment_text(comment: RequestComment, most: int) -> str:
    """Markdown of at most so many characters, beginning with the mark. What does not fit is left out, and a sentence
    says so."""
    plan = comment.plan
    head = [mark_of(plan), f"### {literal(headline(plan))}", "", f"{literal(summary(plan))}.", "", *_blocked(plan)]
    head += [*_changes(comment), *_risk(comment)]
    foot = _foot(plan)
    text, left = harmless("\n".join(head)), list[str]()
    reserve = most - len(foot) - 400
    if len(text) > reserve:
        text = text[:reserve].rpartition("\n")[0]
        text += "\n\n</details>" * (text.count("<details>") - text.count("</details>"))
        text += "\n\n… the rest is too long for a comment.\n"
    for section in _folded(plan):
        part = harmless("\n".join(_details(section)))
        if len(text) + len(part) <= reserve:
            text += f"\n{part}"
        else:
            left.append(section.title)
    if left:
        text += f"\n\nToo long for a comment: {', '.join(left)}. `pilotage plan` shows them.\n"
    return f"{text}\n{foot}"


def harmless(text: str) -> str:
    """Markdown that mentions nobody, and commands nothing."""
    return _SLASH.sub(rf"\1{_APART}/", _MENTION.sub(f"@{_APART}", text))


def _blocked(plan: Plan) -> Iterator[str]:
    if plan.stopped_by:
        names = ", ".join(f"`{one.name}`" for one in plan.stopped_by)
        yield from (f"⛔ **Blocked by {names}** until somebody accepts it with a reason.", "")
    for note in plan.notes:
        yield from (f"> {literal(note)}", "")


def _changes(comment: RequestComment) -> Iterator[str]:
    yield from ("#### What this request changes", "")
    if comment.changes is None:
        yield from (f"Unknown: {literal(comment.no_base)}.", "")
    elif not comment.changes:
        yield from (f"Nothing: the plan is the same as at `{comment.base}`.", "")
    else:
        yield from _table(comment.changes, comment.base)


def _table(found: Sequence[PlanChange], base: str) -> Iterator[str]:
    # Most of the numbers follow from an answer: what users meet comes before them.
    changes = sorted(found, key=lambda one: one.part == "settings")
    yield from _rows(changes[:_SHOWN_CHANGES], base)
    folded, left = changes[_SHOWN_CHANGES:_MOST_CHANGES], len(changes) - _MOST_CHANGES
    if folded:
        yield from (f"<details><summary>{len(folded)} more</summary>", "", *_rows(folded, base), "</details>", "")
    if left > 0:
        yield from (f"… and {left} more. `pilotage plan diff` shows them all.", "")


def _rows(changes: Sequence[PlanChange], base: str) -> Iterator[str]:
    yield f"| | What | At `{base}` | Now | Affects | Because of |"
    yield "|---|---|---|---|---|---|"
    part = ""
    for one in changes:
        cells = ("" if one.part == part else one.part, one.what, one.before, one.after, one.whom, one.reason)
        part = one.part
        yield f"| {' | '.join(literal(plain(cell, _MOST_CELL)) for cell in cells)} |"
    yield ""


def _risk(comment: RequestComment) -> Iterator[str]:
    yield from ("#### Risk", "")
    found = comment.risk
    if found is None:
        yield from (f"Unknown: {literal(comment.no_risk)}.", "")
        return
    yield from (f"**{found.level.value.capitalize()}**: {literal(found.lead)}.", "")
    said = [*actions(found), *reading(found)]
    yield from (f"- {literal(one)}" for one in said[:_MOST_FINDINGS])
    if len(said) > _MOST_FINDINGS:
        yield f"- … and {len(said) - _MOST_FINDINGS} more"
    yield ""


def _folded(plan: Plan) -> Iterable[Section]:
    parts = {part.id: part for part in sections(plan)}
    return (parts[name] for name in _FOLDED if name in parts)


def _details(section: Section) -> Iterator[str]:
    """A part of the plan that a click unfolds. GitHub reads Markdown in HTML only after an empty line."""
    _title, *rest = section_to_markdown(section)
    yield from (f"<details><summary>{literal(section.title)}</summary>", "", *rest[1:], "</details>", "")


def _foot(plan: Plan) -> str:
    return f"<sub>Plan `{plan.hash[:12]}`, made by Pilotage. This comment is updated with every commit.</sub>\n"
