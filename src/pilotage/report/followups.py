"""Follow-up actions on their day (R26): each week their progress, each month their effect, each quarter whether the
process works, each year what to improve next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pilotage.model.cadence import Cadence, Span
from pilotage.model.document import Document, Section
from pilotage.model.followup import FollowUp
from pilotage.report.dora import Dora, Figure
from pilotage.report.dora_section import shown

GROWS = frozenset({"deployment-frequency"})
"""Figures of which more is better."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A figure in equally long times before an action was decided and after it was done. days: their length."""

    action: FollowUp
    before: Figure
    after: Figure
    days: int


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What a look at follow-ups is made of. effects: of those that are done and name a figure · dora, dora_before: of
    the period and of the one before; None where they play no part."""

    service: str
    cadence: Cadence
    span: Span
    today: str
    actions: tuple[FollowUp, ...]
    effects: tuple[Effect, ...] = ()
    dora: Dora | None = None
    dora_before: Dora | None = None


def look_at(looked: Looked) -> Document:
    """The document of a cadence."""
    match looked.cadence:
        case Cadence.WEEKLY:
            return _weekly(looked)
        case Cadence.MONTHLY:
            return _monthly(looked)
        case _:
            return _longer(looked)


def _weekly(looked: Looked) -> Document:
    return Document(
        f"{looked.service}: follow-ups, {looked.span.name}", (_counted(looked),), (_open(looked), _closed(looked))
    )


def _monthly(looked: Looked) -> Document:
    title = f"{looked.service}: effect of follow-ups, {looked.span.name}"
    return Document(title, (_counted(looked), _verdict(looked)), (_effects(looked), _closed(looked), _open(looked)))


def _longer(looked: Looked) -> Document:
    quarterly = looked.cadence is Cadence.QUARTERLY
    what = "effectiveness of the process" if quarterly else "a year of follow-ups, and what to improve next"
    sections = [_process(looked), _figures(looked), _effects(looked)]
    return Document(
        f"{looked.service}: {what}, {looked.span.name}", (_counted(looked), _verdict(looked)),
        tuple([*sections, _next(looked)] if not quarterly else sections),
    )  # fmt: skip


# ── the parts ──────────────────────────────────────────────────────────────────────────────────────────────


def _within(looked: Looked, day: str) -> bool:
    return looked.span.first.isoformat() <= day <= looked.span.last.isoformat()


def _still_open(looked: Looked) -> list[FollowUp]:
    return [one for one in looked.actions if not one.done]


def _ended(looked: Looked) -> list[FollowUp]:
    return [one for one in looked.actions if one.done and _within(looked, one.done)]


def _counted(looked: Looked) -> str:
    open_ = _still_open(looked)
    late = sum(one.overdue(looked.today) for one in open_)
    return f"{len(open_)} open, {late} of them overdue; {len(_ended(looked))} done in {looked.span.name}."


def _open(looked: Looked) -> Section:
    rows = tuple(
        (str(one.id), one.description, one.owner, one.due + (" (overdue)" if one.overdue(looked.today) else ""),
         one.criterion)
        for one in _still_open(looked)
    )  # fmt: skip
    if not rows:
        return Section("open", "Open", ("None.",))
    return Section("open", "Open", (), ("follow-up", "what", "owner", "due", "done when"), rows)


def _closed(looked: Looked) -> Section:
    rows = tuple((str(one.id), one.description, one.owner, one.done, one.outcome) for one in _ended(looked))
    if not rows:
        return Section("done", "Done", ("None.",))
    return Section("done", "Done", (), ("follow-up", "what", "owner", "on", "result"), rows)


def _effects(looked: Looked) -> Section:
    rows = tuple(
        (f"{one.action.id}: {one.action.description}", one.after.title, _value(one.before), _value(one.after),
         f"{one.days} d", effect_in_words(one))
        for one in looked.effects
    )  # fmt: skip
    if not rows:
        words = "No follow-up that is done names a figure: `pilotage followup add --figure change-fail-rate`."
        return Section("effects", "Effect", (words,))
    headers = ("follow-up", "figure", "before", "after", "each", "effect")
    return Section("effects", "Effect", (), headers, rows)


def _value(figure: Figure) -> str:
    return f"{shown(figure, figure.value)} (n = {figure.n})"


def effect_in_words(effect: Effect) -> str:
    """Better or worse, as far as intervals part; two values alone prove nothing."""
    before, after = effect.before, effect.after
    if before.value is None or after.value is None:
        return "too few deployments"
    if before.value == after.value:
        return "unchanged"
    better = (after.value > before.value) is (after.id in GROWS)
    lows, highs = (before.low, after.low), (before.high, after.high)
    parted = None not in lows and None not in highs and _part(before, after)
    return f"{'better' if better else 'worse'}{'' if parted else ', within chance'}"


def _part(one: Figure, other: Figure) -> bool:
    """Whether the intervals do not overlap."""
    assert one.low is not None
    assert one.high is not None
    assert other.low is not None
    assert other.high is not None
    return one.high < other.low or other.high < one.low


def _verdict(looked: Looked) -> str:
    words = [effect_in_words(one) for one in looked.effects]
    if not words:
        return "No effect can be measured yet."
    sure = sum(word == "better" for word in words)
    return f"{sure} of {len(words)} follow-ups with a figure have improved it beyond chance."


def _process(looked: Looked) -> Section:
    """Whether what was decided gets done, and in time."""
    made = [one for one in looked.actions if _within(looked, one.made)]
    ended = _ended(looked)
    on_time = sum(one.done <= one.due for one in ended)
    rows = (
        ("decided", str(len(made))),
        ("done", str(len(ended))),
        ("done by their day", f"{on_time} of {len(ended)}" if ended else "–"),
        ("open today", str(len(_still_open(looked)))),
        ("of rollbacks", str(sum(bool(one.release) for one in made))),
    )
    return Section("process", "Process", (), ("measure", "value"), rows)


def _figures(looked: Looked) -> Section:
    if looked.dora is None or looked.dora_before is None:
        return Section("figures", "DORA metrics", ("No deployments.",))
    rows = tuple(
        (figure.title, _value(looked.dora_before.figure(figure.id)), _value(figure)) for figure in looked.dora.figures
    )
    return Section("figures", "DORA metrics", (), ("figure", "period before", looked.span.name), rows)


def _next(looked: Looked) -> Section:
    """What to improve next year: figures that got worse, and actions that recur."""
    found = []
    if looked.dora is not None and looked.dora_before is not None:
        for figure in looked.dora.figures:
            before = looked.dora_before.figure(figure.id)
            if _worse(before, figure):
                found.append(f"{figure.title}: {_value(before)} in the period before, {_value(figure)} now")
    found += [f"“{what}” came up {count} times" for what, count in _recurring(looked.actions) if count > 1]
    late = [one for one in _still_open(looked) if one.overdue(looked.today)]
    found += [f"overdue: {one.description} ({one.owner}, due {one.due})" for one in late]
    words = () if found else ("Nothing stands out in the figures: choose with the team.",)
    return Section("next", "Improve next", words, bullets=tuple(found))


def _worse(before: Figure, now: Figure) -> bool:
    if before.value is None or now.value is None or before.value == now.value:
        return False
    return (now.value > before.value) is not (now.id in GROWS)


def _recurring(actions: Sequence[FollowUp]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for one in actions:
        counts[one.description] = counts.get(one.description, 0) + 1
    return sorted(counts.items(), key=lambda item: -item[1])
