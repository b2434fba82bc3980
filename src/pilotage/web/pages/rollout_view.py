"""What the page of a rollout draws: its state in a word, its steps, and each metric as a ratio against its limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pilotage.app.rollout_choices import Choice
from pilotage.model.live import LiveView, SeenInstance
from pilotage.model.plan import Step, StepKind
from pilotage.model.quantity import spoken_share
from pilotage.model.record import Recorded, Rollout
from pilotage.model.rollout import HoldCause, RolloutState
from pilotage.model.status import Mode, Status
from pilotage.model.traffic import WHOLE
from pilotage.render.pills import STATUS
from pilotage.web.pages.page_clock import PageClock
from pilotage.web.pages.spoken import spoken

MOST_CELLS = 120
"""Instances that a page draws one by one."""


@dataclass(frozen=True, kw_only=True)
class Pill:
    """kind: the class that colours it."""

    kind: str
    word: str


def pill_of(status: Status) -> Pill:
    look, words = STATUS[status]
    return Pill(kind=look, word=words)


def state_word(status: str) -> str:
    """Of a status by its name, as it stands within a sentence; any other word as it is."""
    return Status(status).word.lower() if status in set(Status) else status


def pill_of_state(state: RolloutState) -> Pill:
    """The same, with what it waits for where that is a person."""
    if state.hold and state.hold.cause is HoldCause.APPROVAL and state.status is Status.HOLDING:
        return Pill(kind="wait", word=f"{state.status.word} for approval")
    if state.status is Status.WITHDRAWN and not state.excuse:
        return Pill(kind="bad", word=f"{state.status.word}, decide")
    return pill_of(state.status)


def at_hand(choices: Sequence[Choice]) -> tuple[Choice, ...]:
    """Those that stay at the foot of a narrow screen: what answers a question, and the way back; three at most."""
    first = sorted(choices[:-1], key=lambda one: not one.asked)[:2]
    return (*first, *choices[-1:])


# ── traffic ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Shares of the new version, in percent; None where nobody could read it. shown: as the router says, or else as the
    last requests were split · unread: why it is not known, as two sentences; empty where it is."""

    shown: float | None
    wanted: float | None
    observed: float | None
    words: str
    aside: str
    unread: tuple[str, str] = ("", "")


def traffic_of(rollout: Rollout) -> Traffic:
    live = rollout.live
    shown = live.routed if live.routed is not None else live.observed
    if shown is None:
        return Traffic(
            shown=None, wanted=_percent(live.wanted), observed=None, words="Not known", aside="no look yet",
            unread=_unread(rollout),
        )  # fmt: skip
    notes = []
    if live.wanted is not None and live.wanted != shown:
        notes.append(f"{spoken_share(live.wanted / WHOLE)} wanted")
    if live.observed is not None and not rollout.state.status.final:
        notes.append(f"{spoken_share(live.observed / WHOLE)} of the last requests")
    if live.closed:
        notes.append("users see the maintenance page")
    return Traffic(
        shown=_percent(shown), wanted=_percent(live.wanted), observed=_percent(live.observed),
        words=spoken_share(shown / WHOLE), aside=", ".join(notes),
    )  # fmt: skip


def _unread(rollout: Rollout) -> tuple[str, str]:
    """A first deployment has no router yet that could be read."""
    state = rollout.state
    if state.mode is Mode.INITIAL and not state.reached and not state.status.final:
        return f"{rollout.version} has no users yet.", "It is the first version here."
    looked = "No router could be read." if rollout.live.at else "Nobody has looked yet."
    return "It is not known how traffic is split.", looked


def _percent(per_mille: int | None) -> float | None:
    return None if per_mille is None else per_mille / 10


# ── steps ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class RailEntry:
    """state: `done`, `on`, `bad` or empty for what is to come."""

    state: str
    title: str
    small: str


_SHOWN = (
    StepKind.GATE, StepKind.ANALYSE, StepKind.BAKE, StepKind.RETIRE, StepKind.SWITCH, StepKind.KEEP, StepKind.BATCH,
    StepKind.MAINTENANCE, StepKind.REPLACE,
)  # fmt: skip
"""Steps that people wait for."""

_MOST = 12
_NOW = 5.0
"""Seconds below which a forecast is no time: it comes as soon as the present step passes."""


def rail_of(rollout: Rollout, started: Sequence[Recorded], clock: PageClock) -> tuple[RailEntry, ...]:
    """started: events of steps that started. A long rail is cut around the present step."""
    if rollout.state.mode is Mode.INITIAL and not rollout.plan.first:
        return ()
    began = {str(event.data.get("step", "")): event.at for event in started}
    entries = list(_entries(rollout, began, clock))
    here = next((at for at, one in enumerate(entries) if one.state in ("on", "bad")), len(entries) - 1)
    first = max(0, min(here - _MOST // 2, len(entries) - _MOST))
    return tuple(entries[first : first + _MOST])


def _entries(rollout: Rollout, began: dict[str, float], clock: PageClock) -> Iterator[RailEntry]:
    state, over = rollout.state, rollout.state.status.final
    undone = state.status in (Status.ROLLING_BACK, Status.ROLLED_BACK, Status.FAILED, Status.WITHDRAWN)
    reached, due = False, None if over else expected(rollout, clock.now)
    first = rollout.plan.first
    for index, step in enumerate(rollout.plan.steps):
        if step.kind not in _SHOWN and not first:
            continue
        title = step.title[:1].upper() + step.title[1:] if first else _short(step)
        if index < state.step or state.status is Status.COMPLETED:
            yield RailEntry(state="done", title=title, small=_when(began.get(step.id), clock))
        elif not reached:
            reached = True
            watched = f"{spoken(state.watched)} of {spoken(step.duration)}" if step.duration else ""
            small = "" if undone else watched if index == state.step else "next"
            yield RailEntry(state="bad" if undone else "on", title=title, small=small)
        else:
            at = due.get(step.id) if due else None
            yield RailEntry(state="", title=title, small="" if at is None or undone else _to_come(at, clock))


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """Something that comes if every step passes. at: Unix seconds; None as soon as the present step passes, whose time
    is over · earliest: the time that is over makes this one a lower bound."""

    what: str
    at: float | None
    earliest: bool = False


def expected(rollout: Rollout, now: float) -> dict[str, float]:
    """When each step to come begins, in Unix seconds, if all holds; up to the next approval, which nobody can
    predict."""
    state, found = rollout.state, dict[str, float]()
    if state.status is not Status.PROGRESSING or state.mode is not Mode.FULL:
        return found
    steps = rollout.plan.steps
    at = now + _left(rollout)
    for step in steps[state.step + 1 :]:
        found[step.id] = at
        if step.kind is StepKind.GATE:
            break
        at += step.duration
    return found


def _left(rollout: Rollout) -> float:
    """Seconds that the present step still watches; none where it only waits for evidence."""
    return max(0.0, rollout.plan.steps[rollout.state.step].duration - rollout.state.watched)


def ahead_of(rollout: Rollout, now: float) -> tuple[Ahead, ...]:
    """What comes next and how it ends."""
    due, found = expected(rollout, now), list[Ahead]()
    over = _left(rollout) < _NOW
    coming = [step for step in rollout.plan.steps if step.id in due]
    here = rollout.plan.steps[rollout.state.step].weight
    shift = next((step for step in coming if step.weight > here), None)
    if shift is not None:
        found.append(_ahead(f"{_users(shift)} of users", due[shift.id], now, over))
    if coming:
        last = coming[-1]
        gate = last.kind is StepKind.GATE
        at = due[last.id] + (0 if gate else last.duration)
        found.append(_ahead("Next approval" if gate else "Complete", at, now, over))
    return tuple(found)


def _ahead(what: str, at: float, now: float, over: bool) -> Ahead:
    return Ahead(what=what, at=at if at - now >= _NOW else None, earliest=over)


def _short(step: Step) -> str:
    match step.kind:
        case StepKind.GATE:
            return f"Approval for {_users(step)}" if step.weight else "Approval"
        case StepKind.ANALYSE | StepKind.BATCH:
            return _users(step)
        case StepKind.BAKE:
            return f"Bake at {_users(step)}"
        case _:
            return step.title[:1].upper() + step.title[1:]


def _users(step: Step) -> str:
    return step.audience or spoken_share(step.weight / WHOLE)


def _to_come(at: float, clock: PageClock) -> str:
    return "next" if at - clock.now < _NOW else f"about {clock.words(at)}"


def _when(at: float | None, clock: PageClock) -> str:
    return "" if at is None else clock.words(at)


# ── instances ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Crew:
    """Instances of one version. left: how many are not drawn."""

    version: str
    new: bool
    healthy: int
    count: int
    cells: tuple[SeenInstance, ...]
    left: int


def crews_of(rollout: Rollout) -> tuple[Crew, ...]:
    """The new version first."""
    live: LiveView = rollout.live
    by_version: dict[str, list[SeenInstance]] = {}
    for instance in live.instances:
        by_version.setdefault(instance.version, []).append(instance)
    ordered = sorted(by_version.items(), key=lambda each: (each[0] != rollout.version, each[0]))
    return tuple(
        Crew(
            version=version, new=version == rollout.version, count=len(found),
            healthy=sum(one.health == "healthy" for one in found),
            # What is not healthy comes first, so that no limit hides it.
            cells=tuple(sorted(found, key=lambda one: one.health == "healthy")[:MOST_CELLS]),
            left=max(0, len(found) - MOST_CELLS),
        )
        for version, found in ordered
    )  # fmt: skip
