"""The record of changes: who did what, how they proved who they are, and what it was before and after."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

from pilotage.model.canonical import canonical_json
from pilotage.model.json import JsonObject

FORMAT = 1


class Outcome(StrEnum):
    """What became of it."""

    DONE = "done"
    ALLOWED = "allowed"
    """Written before something that leaves no other trace in the store, such as a command on a host, and of a command
    to a rollout when it is asked; what the worker answers is a row of its own."""
    REFUSED = "refused"
    FAILED = "failed"
    """A login with a wrong password or code."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """What someone is doing. proof: how they proved who they are · address: where the request comes from, empty in a
    shell · action: the permission, or what was asked · object: what it is about, where that is known before."""

    actor: str
    kind: str
    proof: str
    action: str
    address: str = ""
    object: str = ""
    service: str = ""
    environment: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row. number: from 1, without gaps · at: Unix seconds · before, after: by table, what of its rows changed;
    None where nothing was there · previous: hash of the row before, empty for the first."""

    number: int
    at: float
    actor: str
    kind: str
    proof: str
    address: str
    action: str
    object: str
    service: str
    environment: str
    before: JsonObject | None
    after: JsonObject | None
    reason: str
    outcome: str
    previous: str
    hash: str = ""

    def sealed(self) -> str:
        """The hash of everything else in the row."""
        content = {name: value for name, value in vars(self).items() if name != "hash"}
        return hashlib.sha256(canonical_json({"format": FORMAT, **content}).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which rows; empty fields allow everything. begins, ends: Unix seconds."""

    actor: str = ""
    action: str = ""
    object: str = ""
    service: str = ""
    environment: str = ""
    outcome: str = ""
    begins: float | None = None
    ends: float | None = None


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a verification found. rows: how many were read · faults: a sentence each, the first bad row first · unsure:
    what could not be checked · signed: heads whose signature holds."""

    rows: int
    faults: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    signed: int = 0
    notes: tuple[str, ...] = field(default=())
