"""Derives a rollout's row, commands, messages and verdicts from its events, and reports deviations.

It works on stored rows, so that undecodable content can still be compared. Events written before there were seals cover
less; what they cover is compared all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pilotage.engine.integrity.chain import broken_link
from pilotage.engine.integrity.sealing import COMMAND, ENTRY, RENAMED_COLUMNS, digest, sealed_in, text_digest
from pilotage.model.event_names import data_today
from pilotage.model.events import Completed, Failed, InterventionRequired, RolledBack, RolloutCancelled, RolloutStarted
from pilotage.model.json import Json, JsonObject, each, find, object_at, optional, text_at, whole_at
from pilotage.model.record import Recorded
from pilotage.model.rollout import Status
from pilotage.model.text import clean

_ENDS = {
    Completed.type: Status.COMPLETED, RolledBack.type: Status.ROLLED_BACK, Failed.type: Status.FAILED,
    RolloutCancelled.type: Status.CANCELLED,
}  # fmt: skip
"""By the type of event: the status in which a rollout ends."""

FINAL = tuple(status.value for status in Status if status.final)
_UPGRADED = "another rollout had begun in its environment"
"""Reason for the end of rollouts that the upgrade to ordering by start ended without an event."""

_CALLED = {
    "old": "earlier version", "created_at": "creation time", "started_at": "start time", "finished_at": "end time",
    "group_id": "group", "snapshot": "configuration", "plan_hash": "plan", "reached": "highest weight",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What `prune` leaves of a message."""

    digest: str


@dataclass(frozen=True, kw_only=True)
class StoredRollout:
    """A rollout as stored. row: columns, and `plan`, `target`, `judge`, `live`: the bodies as text, None where they are
    missing · commands: rows, by their id · letters: messages as plain data or `Pruned`, by event number and channel,
    None where one cannot be read · trouble: why events are left out."""

    row: JsonObject
    events: Sequence[Recorded]
    commands: Sequence[JsonObject]
    letters: Mapping[tuple[int, str], Json | Pruned]
    trouble: str = ""

    @property
    def id(self) -> str:
        return str(self.row["id"])

    @property
    def sealed(self) -> bool:
        """Whether its first and, once it has ended, its last events have seals."""
        seals = [sealed_in(event.data) for event in self.events]
        begun = any("entry" in seal for seal in seals)
        return begun and (self.row["status"] not in FINAL or any("end" in seal for seal in seals))


def differences(case: StoredRollout) -> list[str]:
    """What was changed, each in a sentence; empty when everything agrees."""
    row = case.row
    if case.trouble:
        return [case.trouble]
    if text_digest(_text(row, "plan")) != row["plan_hash"]:
        return [
            "the plan is missing" if row["plan"] is None else "the plan differs from the one the rollout started with"
        ]
    if broken := broken_link(text_at(row, "plan_hash"), text_at(row, "head"), whole_at(row, "events"), case.events):
        return [broken]
    return [*_columns(case), *_bodies(case), *_commands(case), *_letters(case)]


# ── columns ────────────────────────────────────────────────────────────────────────────────────────────────


def _columns(case: StoredRollout) -> Iterator[str]:
    row, said = case.row, _said(case)
    for name, value in said.items():
        if name == "actor" and "entry" not in _first(case):
            if not _names(case.events[0].sentence, text_at(row, "actor")):
                yield f"the actor is {row['actor']!r}, but its first event says: {case.events[0].sentence}"
        elif row[name] != value:
            yield f"the {_CALLED.get(name, name)} is {row[name]!r}, but its events say {value!r}"
    yield from _lifecycle(case, said)
    yield from _plan_and_state(row)


def _said(case: StoredRollout) -> JsonObject:
    """Columns by what the events say about them, the latest word last."""
    said: dict[str, Json] = {}
    for event in case.events:
        seal = sealed_in(event.data)
        if event.number == 1:
            said |= {"created_at": event.at, "actor": None}
            entry = {RENAMED_COLUMNS.get(name, name): value for name, value in _part(seal, "entry").items()}
            said |= {name: entry[name] for name in ENTRY if name in entry}
        type_, data = event.type_today, data_today(event.type, event.data)
        if type_ == RolloutStarted.type:
            said |= {"started_at": event.at, "old": data.get("stable_version") or None}
            said |= {"version": data["version"]} if "version" in data else {}
            said |= _part(seal, "start")
        if type_ == InterventionRequired.type and data.get("stable_version"):
            said["old"] = data["stable_version"]
        if type_ in _ENDS:
            said |= {"status": _ENDS[type_].value, "finished_at": event.at}
        said |= {name: value for name, value in _part(seal, "end").items() if name not in ("judge", "live")}
    return said


def _first(case: StoredRollout) -> JsonObject:
    return sealed_in(case.events[0].data) if case.events else {}


def _names(sentence: str, actor: str) -> bool:
    """Whether a first event without a seal names this actor."""
    # Stores of earlier versions hold the older words.
    ways = (
        f", started by {actor};",
        f", started by {actor} as an emergency",
        f", started by {actor} with the glass broken",
    )
    return any(way in sentence for way in ways) or sentence.endswith((f", requested by {actor}", f", asked by {actor}"))


def _lifecycle(case: StoredRollout, said: JsonObject) -> Iterator[str]:
    """A row may not be further than its events."""
    status = case.row["status"]
    if "status" not in said and status in FINAL and case.row["reason"] != _UPGRADED:
        yield f"the status is {status!r}, but no event records its end"
    if "finished_at" not in said and case.row["finished_at"] is not None and case.row["reason"] != _UPGRADED:
        yield "it has an end time, but no event records its end"
    if "started_at" not in said:
        if case.row["started_at"] is not None or case.row["sequence"] is not None:
            yield "it has a start time, but no event records its start"
        if status not in (Status.QUEUED.value, Status.CANCELLED.value):
            yield f"the status is {status!r}, but no event records its start"
    elif status == Status.QUEUED.value:
        yield "the status is 'queued', but an event records its start"


def _plan_and_state(row: JsonObject) -> Iterator[str]:
    plan = _object(_text(row, "plan"))
    for name in ("service", "environment", "version"):
        if plan.get(name) != row[name]:
            yield f"the {name} is {row[name]!r}, but its plan says {plan.get(name)!r}"
    state = _object(_text(row, "state"))
    for name, column in (("status", "status"), ("new", "version"), ("old", "old"), ("reason", "reason")):
        if state and name in state and clean(str(state[name] or "")) != (row[column] or ""):
            yield f"the {_CALLED.get(column, column)} is {row[column]!r}, but its state says {state[name]!r}"


def _object(text: str | None) -> JsonObject:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _part(seal: JsonObject, name: str) -> JsonObject:
    """A part of what an event fixes; empty where the event fixes nothing of the kind."""
    return object_at(seal, name) if name in seal else {}


def _text(row: JsonObject, name: str) -> str | None:
    return optional(text_at, row, name)


# ── next to the row ────────────────────────────────────────────────────────────────────────────────────────


def _bodies(case: StoredRollout) -> Iterator[str]:
    """The configuration, and, once it has ended, the judge's sums and the last verdicts."""
    if text_digest(_text(case.row, "target")) != case.row["snapshot"]:
        yield "the configuration does not match its digest"
    for event in case.events:
        end = _part(sealed_in(event.data), "end")
        for name, called in (("judge", "the analysis data"), ("live", "the last verdicts")):
            if name in end and text_digest(_text(case.row, name)) != end[name]:
                changed = "are missing" if case.row[name] is None else "were changed"
                yield f"{called} {changed} after event {event.number} ({event.type_today})"


def _commands(case: StoredRollout) -> Iterator[str]:
    """Who gave which command."""
    there = {whole_at(row, "id"): {name: row[name] for name in COMMAND} for row in case.commands}
    sealed: dict[int, JsonObject] = {}
    ended = False
    for event in case.events:
        seal = sealed_in(event.data)
        ended = ended or "end" in seal
        sealed |= {
            whole_at(one, "id"): one for one in (each(object_at, seal, "commands") if "commands" in seal else ())
        }
    for identity, one in sealed.items():
        asked = f"command {identity} ({one['kind']} by {one['actor']})"
        if identity not in there:
            yield f"{asked} is missing"
        elif digest(there[identity]) != digest(one):
            yield f"{asked} was changed"
    if ended and (added := sorted(there.keys() - sealed.keys())):
        yield f"command {', '.join(map(str, added))} was added after it ended"


def _letters(case: StoredRollout) -> Iterator[str]:
    """Which messages were sent to whom."""
    for event in case.events:
        told = sealed_in(event.data).get("told")
        if not told:
            continue
        for channel in each(text_at, told, "channels"):
            if (event.number, channel) not in case.letters:
                yield f"the message to {channel} about event {event.number} ({event.type_today}) is missing"
                continue
            letter = case.letters[event.number, channel]
            if (letter.digest if isinstance(letter, Pruned) else digest(letter)) != find(told, "message"):
                yield f"the message to {channel} about event {event.number} ({event.type_today}) was changed"
