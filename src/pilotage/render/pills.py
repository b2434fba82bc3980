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


_LOOKS: Mapping[Status, str] = {
    Status.QUEUED: "plan",
    Status.PROGRESSING: "live",
    Status.HOLDING: "wait",
    Status.PAUSED: "wait",
    Status.WITHDRAWN: "bad",
    Status.ROLLING_BACK: "bad",
    Status.COMPLETED: "good",
    Status.ROLLED_BACK: "bad",
    Status.FAILED: "bad",
    Status.CANCELLED: "none",
}

STATUS: Mapping[Status, Pill] = {status: Pill(look, status.word) for status, look in _LOOKS.items()}
"""The words are those of the model, here as on the command line and in the API."""

_JUDGED: Mapping[VerdictKind, str] = {
    VerdictKind.PASS: "good",
    VerdictKind.FAIL: "bad",
    VerdictKind.INCONCLUSIVE: "wait",
    VerdictKind.INSUFFICIENT_DATA: "none",
    VerdictKind.SOURCE_ERROR: "none",
}
_VERDICTS: Mapping[str, Pill] = {
    kind: Pill(look, kind.value.replace("-", " ").capitalize()) for kind, look in _JUDGED.items()
}


def verdict_pill(kind: str) -> Pill:
    """kind: as it was recorded, maybe by another version of Pilotage."""
    return _VERDICTS.get(kind, Pill("none", kind))


def state_pill(word: str) -> Pill | None:
    """Of a rollout's status or a verdict by its name in reports; None of any other word."""
    return STATUS[Status(word)] if word in list(Status) else _VERDICTS.get(word)
