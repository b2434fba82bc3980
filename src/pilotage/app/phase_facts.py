"""What shows by itself that activities and milestones are done: readiness items, rollouts, files, the tracker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from pilotage.adapters.ports import AdapterError
from pilotage.config.loading import Loaded
from pilotage.config.phases import MetBySection
from pilotage.engine.records import activities as rows
from pilotage.engine.records.meetings import meetings_of
from pilotage.engine.records.store import Store
from pilotage.model.activity import FACTS, Fact, ItemState, MetBy, TrackedItem, TrackedRelease
from pilotage.model.clock import day_of
from pilotage.model.meeting import MeetingKind, MeetingState
from pilotage.model.plan import Plan
from pilotage.model.readiness import Evidence, Gate, GateStatus, Signature
from pilotage.model.schedule import Requirement, Role, hyphened
from pilotage.plan.activities import GO_NO_GO
from pilotage.readiness.gates import PHASE, ReleaseContext, gate


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is known when items are looked at. gates: readiness items by name, as they were just found · risk: the
    assessment of the change in words, empty without one."""

    gates: Mapping[str, Gate]
    risk: str = ""


NOTHING = Seen(gates={})


def refreshed(loaded: Loaded, store: Store, release: TrackedRelease, seen: Seen = NOTHING) -> TrackedRelease:
    """The release as it is now; what changed is kept. A person's word stays until a person takes it back."""
    now = store.clock.now()
    words = {
        item.id: replace(word, at=now)
        for item in release.items
        if (word := _word(loaded, store, release, item, seen)) is not None
        and (word.state, word.note) != (item.state, item.note)
    }
    if not words:
        return release
    rows.say(store.engine, release, words)
    changed = (
        replace(item, **{name: getattr(words[item.id], name) for name in ("state", "met_by", "note", "actor", "at")})
        if item.id in words
        else item
        for item in release.items
    )
    return replace(release, items=tuple(changed))


def _word(loaded: Loaded, store: Store, release: TrackedRelease, item: TrackedItem, seen: Seen) -> rows.Word | None:
    """None where nothing new is known."""
    if item.met_by is MetBy.PERSON:
        return None
    if configured := loaded.configuration.phases.met_by.get(item.id):
        return _configured(loaded, configured)
    said = [_gate(store, release, item, name, seen) for name in item.gates]
    if not said:
        return None
    if missing := [words for met, words in said if met is False]:
        return _said(False, MetBy.GATE, "; ".join(missing))
    if all(met for met, _ in said):
        return _said(True, MetBy.GATE, "; ".join(words for _, words in said))
    return None


def _said(met: bool, by: MetBy, note: str) -> rows.Word:
    return rows.Word(
        state=ItemState.DONE if met else ItemState.OPEN, met_by=by if met else MetBy.NOTHING, note=note[:500],
        actor=rows.BY_ITSELF if met else "", at=0.0,
    )  # fmt: skip


def _configured(loaded: Loaded, wanted: MetBySection) -> rows.Word:
    if wanted.file is not None:
        there = (loaded.folder / wanted.file).is_file()
        return _said(there, MetBy.FILE, f"{wanted.file} is there" if there else f"{wanted.file} is not there")
    assert wanted.milestone is not None
    try:
        closed = _closed(loaded, wanted.milestone)
    except AdapterError as error:
        return _said(False, MetBy.MILESTONE, str(error))
    return _said(closed, MetBy.MILESTONE, f"milestone {wanted.milestone} is {'closed' if closed else 'open'}")


def _closed(loaded: Loaded, title: str) -> bool:
    from pilotage.adapters.milestones import is_closed
    from pilotage.adapters.secrets import resolve

    notes = loaded.configuration.notes
    tracker = loaded.configuration.phases.tracker or (notes.milestone if notes else None)
    if tracker is None:
        raise AdapterError("no tracker is configured: add phases.tracker")
    token = resolve(tracker.token).reveal() if tracker.token else ""
    return is_closed(tracker.code_host, tracker.repository, tracker.url, token, title)


# ── gates ──────────────────────────────────────────────────────────────────────────────────────────────────


def _gate(store: Store, release: TrackedRelease, item: TrackedItem, name: str, seen: Seen) -> tuple[bool | None, str]:
    """Whether a gate is met, and in words why; None where it is not known now."""
    if name in FACTS:
        return _FACTS[Fact(name)](store, release, item, seen)
    found = seen.gates.get(name)
    if found is None:
        return None, ""
    if found.standing is GateStatus.NOT_READY:
        return False, f"{name} is not ready: {found.reason}"
    return True, f"{name} is {found.standing}"


_Known = tuple[bool | None, str]


def _risk(_store: Store, _release: TrackedRelease, _item: TrackedItem, seen: Seen) -> _Known:
    return (True, seen.risk) if seen.risk else (None, "")


def _day(store: Store, release: TrackedRelease, item: TrackedItem, _seen: Seen) -> _Known:
    today = day_of(store.clock.now(), release.zone).isoformat()
    return item.due <= today, f"in force since {item.due}" if item.due <= today else f"in force from {item.due} on"


def _started(store: Store, release: TrackedRelease, _item: TrackedItem, _seen: Seen) -> _Known:
    met = rows.rolled_out(store.engine, release)
    return met, "the rollout has started" if met else "no rollout has started"


def _completed(_store: Store, release: TrackedRelease, _item: TrackedItem, _seen: Seen) -> _Known:
    return release.completed, "the rollout is complete" if release.completed else "no rollout is complete"


def _announced(store: Store, release: TrackedRelease, _item: TrackedItem, _seen: Seen) -> _Known:
    sent, waiting = rows.announced(store.engine, release, store.clock.now())
    if not release.completed or not sent:
        return False, "no announcement was sent" if not sent else "no rollout is complete"
    return not waiting, f"{_counted(waiting)} overdue" if waiting else f"{_counted(sent, 'was', 'were')} sent"


def _counted(number: int, one: str = "is", several: str = "are") -> str:
    return f"1 announcement {one}" if number == 1 else f"{number} announcements {several}"


def _review(store: Store, release: TrackedRelease, _item: TrackedItem, _seen: Seen) -> _Known:
    wanted = (MeetingKind.RETROSPECTIVE, MeetingKind.REVIEW)
    for one in meetings_of(store.engine, release.service):
        mine = (one.environment, one.version) == (release.environment, release.version)
        if mine and one.kind in wanted and one.state is MeetingState.INVITED:
            return True, f"people are invited to meeting {one.id}, {one.title}"
    return False, "nobody is invited to a review"


_FACTS: Mapping[Fact, Callable[[Store, TrackedRelease, TrackedItem, Seen], _Known]] = {
    Fact.RISK_ASSESSED: _risk,
    Fact.ITS_DAY: _day,
    Fact.ROLLOUT_STARTED: _started,
    Fact.ROLLOUT_COMPLETED: _completed,
    Fact.ANNOUNCED: _announced,
    Fact.REVIEW_INVITED: _review,
}


# ── for `ready` ────────────────────────────────────────────────────────────────────────────────────────────


def phase_gates(
    loaded: Loaded, store: Store, plan: Plan, found: Mapping[str, Gate], given: tuple[Signature, ...],
    where: ReleaseContext,
) -> tuple[Gate, ...]:  # fmt: skip
    """Gates of a tracked release: those that `phases.gates` lists, and whatever else is overdue, which blocks nothing.
    What the readiness items show about activities is kept."""
    known = rows.tracked(store.engine, plan.service, plan.environment, plan.version)
    if known is None or known.dropped:
        return ()
    release = refreshed(loaded, store, known, Seen(gates=found, risk=plan.risk.lead if plan.risk else ""))
    today = day_of(store.clock.now(), release.zone).isoformat()
    return tuple(_gates_of(release, loaded.configuration.phases.gates, today, given, where))


def _gates_of(
    release: TrackedRelease, blocking: list[str], today: str, given: tuple[Signature, ...], where: ReleaseContext
) -> Iterator[Gate]:
    late = {item.id for item in release.late(today)}
    for item in release.items:
        blocks = item.id in blocking
        if not blocks and item.id not in late:
            continue
        words = _in_words(item, today)
        asked = Requirement(
            f"{PHASE}{item.id}", "phases", item.title, Role(item.owner), "done, and by whom", f"done by {item.due}",
            blocking=blocks, phase=item.phase, due=None, source="R9", note=f"{words}; it does not block",
        )  # fmt: skip
        yield gate(asked, (Evidence("phase", item.done, words),), given, _next(release, item), where)


def _in_words(item: TrackedItem, today: str) -> str:
    note = f": {item.note}" if item.note else ""
    if item.done:
        return f"done by {item.actor}{note}"
    who = item.assignee or f"the {item.owner}"
    if item.state is ItemState.REFUSED:
        return f"no-go, decided by {item.actor}{note}"
    return f"overdue since {item.due}, owned by {who}{note}" if item.due < today else f"due {item.due}, owned by {who}"


def _next(release: TrackedRelease, item: TrackedItem) -> str:
    if item.gates:
        return f"pilotage ready {release.version} -e {release.environment} names what is missing"
    decision = " --decision go" if item.id == GO_NO_GO else ""
    who = f" (as {hyphened(item.owner)})" if item.id == GO_NO_GO else ""
    return f"pilotage phase done {item.id} {release.version} -e {release.environment}{decision} -m …{who}"
