"""How states look: the class of a pill in `style/base.css`, and its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pilotage.model.observation import VerdictKind
from pilotage.model.status import Status


class Pill(NamedTuple):
    """state: good, wait, bad, live, plan or none, which give colour and shape."""

    state: str
    words: str


STATUS: Mapping[Status, Pill] = {
    Status.QUEUED: Pill("plan", "Queued"),
    Status.PROGRESSING: Pill("live", "In progress"),
    Status.HOLDING: Pill("wait", "Holding"),
    Status.PAUSED: Pill("wait", "Paused"),
    Status.WITHDRAWN: Pill("bad", "Withdrawn, decide"),
    Status.ROLLING_BACK: Pill("bad", "Rolling back"),
    Status.COMPLETED: Pill("good", "Completed"),
    Status.ROLLED_BACK: Pill("bad", "Rolled back"),
    Status.FAILED: Pill("bad", "Failed"),
    Status.CANCELLED: Pill("none", "Cancelled"),
}

_VERDICTS: Mapping[str, Pill] = {
    VerdictKind.PASS: Pill("good", "Pass"),
    VerdictKind.FAIL: Pill("bad", "Fail"),
    VerdictKind.INCONCLUSIVE: Pill("wait", "No clear result"),
    VerdictKind.INSUFFICIENT_DATA: Pill("none", "Not enough data"),
    VerdictKind.SOURCE_ERROR: Pill("none", "Not measured"),
}


def verdict_pill(kind: str) -> Pill:
    """kind: as it was recorded, maybe by another version of Pilotage."""
    return _VERDICTS.get(kind, Pill("none", kind))


def state_pill(word: str) -> Pill | None:
    """Of a rollout's status or a verdict by its name in reports; None of any other word."""
    return STATUS[Status(word)] if word in list(Status) else _VERDICTS.get(word)
