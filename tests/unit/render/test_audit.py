"""R34: a row of the audit log in words."""

from __future__ import annotations

from pilotage.model.audit import Entry
from pilotage.model.json import JsonObject
from pilotage.render.audit import in_words


def _row(before: JsonObject | None, after: JsonObject | None, reason: str = "") -> Entry:
    return Entry(
        number=1, at=0.0, actor="ada", kind="person", proof="password", address="", action="freeze", object="x",
        service="", environment="", before=before, after=after, reason=reason, outcome="done", previous="",
    )  # fmt: skip


def test_r34_a_change_says_what_was_and_what_is() -> None:
    before, after = {"persons": [{"name": "bob", "email": "a@b.c"}]}, {"persons": [{"name": "bob", "email": ""}]}
    assert in_words(_row(before, after, "left")) == "email: a@b.c → nothing (left)"


def test_r34_a_reason_is_said_once() -> None:
    after: JsonObject = {"kind": "abort", "reason": "wrong prices"}
    assert in_words(_row(None, after, "wrong prices")) == "kind: abort; reason: wrong prices"
    assert in_words(_row(None, {"kind": "abort"}, "wrong prices")) == "kind: abort (wrong prices)"


def test_r34_times_grants_and_hashes_are_written_for_people() -> None:
    grant = {"role": "deployer", "service": "shop", "environment": "*"}
    after: JsonObject = {"tokens": [{"expires_at": 1795747307.0, "grants": [grant]}], "sha256": "a" * 64}
    said = in_words(_row(None, after))
    assert said == "ends: 2026-11-27 02:41 UTC; grants: deployer@shop; sha256: aaaaaaaaaaaa…"


def test_a_reason_that_says_no_more_than_the_outcome_is_left_out() -> None:
    assert in_words(_row(None, None, "done")) == ""
    assert in_words(_row(None, {"kind": "abort"}, "done")) == "kind: abort"
