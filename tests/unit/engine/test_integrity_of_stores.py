"""Whoever can write into the database can change anything: what was changed, removed or set back is named."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pilotage.adapters.keys import known_keys, signer_of
from pilotage.cli.main import cli
from pilotage.engine.execution.sender import send_next
from pilotage.engine.integrity import heads
from pilotage.engine.integrity.chain import seal
from pilotage.engine.integrity.custody import Custody, note, noted
from pilotage.engine.integrity.notary import Notary
from pilotage.engine.integrity.sealing import sealed_in
from pilotage.engine.integrity.testimony import Grade
from pilotage.engine.integrity.verification import Place, Verified, verify
from pilotage.engine.records.store import Store
from pilotage.engine.rescue.journal import Journal, Witness
from pilotage.engine.rescue.stuck import tell_stuck
from pilotage.model.json import JsonObject, object_at
from pilotage.model.live import NOTHING_SEEN, JudgeState, LiveView, SeenVerdict
from pilotage.model.record import Recorded, Rollout
from pilotage.model.rollout import CommandKind, Decision, Event, Mode, RolloutState, Status
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests.plans import a_plan
from tests.receivers import SECRET, StandardWebhook, listening
from tests.unit.config.test_config import GOOD

HOOK: JsonObject = {
    "kind": "webhook",
    "name": "hook",
    "url": "https://example.org",
    "secret": "secret://env/X",
    "allow_private_network": False,
    "environments": [],
    "audiences": ["operators"],
    "min_severity": "progress",
    "quiet_hours": None,
}


SEEN = SeenVerdict(metric="errors", kind="fail", sentence="errors: 9%")


def release(
    store: Store, version: str, old: str | None, actor: str, status: Status, *, queued: bool = False
) -> Rollout:
    """A rollout from its start to its end, with a command, messages, verdicts and the judge's sums."""
    plan = a_plan(version=version)
    now = time.time()
    rollout = store.create(
        plan, begin(plan, old, Mode.FULL if old else Mode.INITIAL), Snapshot(notify=(HOOK,)), actor, now, queued=queued
    )
    if queued:
        started = store.start_queued(rollout.id, begin(plan, old, Mode.FULL if old else Mode.INITIAL), now + 1)
        assert started is not None
        rollout = started
    rollout = step(store, rollout, rollout.state, Event("step-started", "5% of requests"), now + 2)
    asked = store.command(rollout.id, CommandKind.ABORT, actor, "it hurts")
    state = replace(rollout.state, status=status, at=now + 3, reason="it hurts" if status is Status.ROLLED_BACK else "")
    decision = Decision(
        state,
        (),
        (Event("verdict-changed", "errors: 9%", {"verdict": "fail"}), Event(status.value, "the end")),
        ((asked, "ok"),),
    )
    return store.record(rollout, decision, JudgeState(sums={"n": 2.5}), LiveView(verdicts=(SEEN,), duration=0))


def step(store: Store, rollout: Rollout, state: RolloutState, event: Event, at: float) -> Rollout:
    return store.record(rollout, Decision(replace(state, at=at), (), (event,)), JudgeState(sums={}), NOTHING_SEEN)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1.0 completed, 2.0 by eve rolled back, 3.0 (which had waited) completed; all heads signed."""
    folder = tmp_path_factory.mktemp("store") / "state"
    store = Store(folder)
    note(folder, Custody(anchors=[{"kind": "file", "path": str(folder.parent / "anchor.jsonl")}]))
    release(store, "1.0", None, "ada", Status.COMPLETED)
    release(store, "2.0", "1.0", "eve", Status.ROLLED_BACK)
    release(store, "3.0", "1.0", "ada", Status.COMPLETED, queued=True)
    assert Notary(store.engine, folder).serve(time.time()) == 7
    store.close()
    return folder.parent


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path / "copy")
    state = tmp_path / "copy/state"
    note(state, Custody(anchors=[{"kind": "file", "path": str(tmp_path / "copy/anchor.jsonl")}]))
    edit(state, f"UPDATE heads SET anchored = replace(anchored, '{template}', '{tmp_path / 'copy'}')")
    return state


def verified(folder: Path, *, anchored: bool = True, keys: dict[str, str] | None = None) -> Verified:
    there = noted(folder).anchors if anchored else []
    custody = Custody(anchors=there)
    given = dict(known_keys(folder)) if keys is None else keys
    if not anchored:
        (folder / "keys/signed.jsonl").unlink(missing_ok=True)
    store = Store(folder)
    try:
        place = Place(service="service", environment="production", directory=folder, keys=given, custody=custody)
        return verify(store.engine, place)
    finally:
        store.close()


def changed(folder: Path, *, anchored: bool = False) -> str:
    return "\n".join(map(str, verified(folder, anchored=anchored).of(Grade.CHANGED)))


def edit(folder: Path, *statements: str) -> None:
    with sqlite3.connect(folder / "pilotage.sqlite") as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount >= 1, statement


def ids(folder: Path) -> dict[str, str]:
    with sqlite3.connect(folder / "pilotage.sqlite") as connection:
        return dict(connection.execute("SELECT version, id FROM rollout").fetchall())


def test_an_untouched_store_is_whole_and_signed(folder: Path) -> None:
    found = verified(folder)
    assert (found.findings, found.rollouts, found.signed) == ([], 3, 7)


IT = "WHERE version = '2.0'"
OF_IT = f"WHERE rollout = (SELECT id FROM rollout {IT})"

EDITS: dict[str, tuple[list[str], str]] = {
    "last event deleted": ([f"DELETE FROM events {OF_IT} AND number = 4"], "4 events were recorded, 3 are present"),
    "sentence edited": ([f"UPDATE events SET sentence = 'fine' {OF_IT} AND number = 2"], "event 2 does not follow"),
    "events swapped": (
        [
            f"UPDATE events SET number = 9 {OF_IT} AND number = 2",
            f"UPDATE events SET number = 2 {OF_IT} AND number = 3",
            f"UPDATE events SET number = 3 {OF_IT} AND number = 9",
        ],
        "event 2 does not follow",
    ),
    "plan edited": (
        [
            'UPDATE plans SET body = replace(body, \'"version":"2.0"\', \'"version":"6.6"\') '
            f"WHERE hash = (SELECT plan_hash FROM rollout {IT})"
        ],
        "the plan differs from the one",
    ),
    "last event deleted, head and number set back": (
        [
            f"DELETE FROM events {OF_IT} AND number = 4",
            f"UPDATE rollout SET events = 3, head = (SELECT hash FROM events {OF_IT} AND number = 3) {IT}",
        ],
        "no event records its end",
    ),
    "status": (
        [f"UPDATE rollout SET status = 'completed' {IT}"],
        "the status is 'completed', but its events say 'rolled-back'",
    ),
    "version": ([f"UPDATE rollout SET version = '2.0.1' {IT}"], "the version is '2.0.1', but its events say '2.0'"),
    "actor": ([f"UPDATE rollout SET actor = 'alice' {IT}"], "the actor is 'alice', but its events say 'eve'"),
    "old": ([f"UPDATE rollout SET old = '0.9' {IT}"], "the earlier version is '0.9', but its events say '1.0'"),
    "reason": ([f"UPDATE rollout SET reason = '' {IT}"], "the reason is '', but its events say 'it hurts'"),
    "state": (
        [f"UPDATE rollout SET state = replace(state, 'rolled-back', 'completed') {IT}"],
        "its state says 'completed'",
    ),
    "verdicts": (
        ["UPDATE live_views SET body = replace(body, 'fail', 'pass') " + OF_IT],
        "the last verdicts were changed",
    ),
    "judge's sums": (["UPDATE judge_states SET body = '{}' " + OF_IT], "the analysis data were changed"),
    "judge's sums deleted": (["DELETE FROM judge_states " + OF_IT], "the analysis data are missing"),
    "created": ([f"UPDATE rollout SET created_at = created_at - 3456000 {IT}"], "the creation time is"),
    "started": ([f"UPDATE rollout SET started_at = started_at - 3456000 {IT}"], "the start time is"),
    "finished": ([f"UPDATE rollout SET finished_at = finished_at + 3456000 {IT}"], "the end time is"),
    "commands deleted": (["DELETE FROM commands " + OF_IT], "(abort by eve) is missing"),
    "command edited": (["UPDATE commands SET actor = 'alice' " + OF_IT], "(abort by eve) was changed"),
    "configuration": (["UPDATE snapshots SET body = '{}'"], "the configuration does not match its digest"),
    "outbox emptied": (["DELETE FROM outbox"], "the message to hook about event 1 (rollout-started) is missing"),
    "message edited": (
        [f"UPDATE outbox SET message = replace(message, 'eve', 'ada') WHERE thread = (SELECT id FROM rollout {IT})"],
        "the message to hook about event 1 (rollout-started) was changed",
    ),
    "data that is none": (
        [f"UPDATE events SET data = '[[[' {OF_IT} AND number = 3"],
        "the data of event 3 was not written",
    ),
    "a message that is none": (
        [f"UPDATE outbox SET message = 'x' WHERE thread = (SELECT id FROM rollout {IT})"],
        "was changed",
    ),
    "columns of another type": (
        [f"UPDATE rollout SET created_at = 'x', started_at = x'00', revision = 'r' {IT}"],
        "the creation time is 'x'",
    ),
    "whole rollout deleted": (
        [f"DELETE FROM heads {OF_IT}", f"DELETE FROM events {OF_IT}", f"DELETE FROM rollout {IT}"],
        "missing: it was number 2, with 4 events, when",
    ),
    "row deleted, events left": ([f"DELETE FROM rollout {IT}"], "its events are present, but its row is missing"),
    "the newest rollout deleted": (
        [
            "DELETE FROM heads WHERE rollout = (SELECT id FROM rollout WHERE version = '3.0')",
            "DELETE FROM events WHERE rollout = (SELECT id FROM rollout WHERE version = '3.0')",
            "DELETE FROM rollout WHERE version = '3.0'",
        ],
        "rollouts at the end of the list are missing",
    ),
    "everything deleted": (
        ["DELETE FROM heads", "DELETE FROM events", "DELETE FROM rollout"],
        "all rollouts are missing",
    ),
    "order swapped": (
        [
            "UPDATE rollout SET sequence = 9 WHERE version = '1.0'",
            f"UPDATE rollout SET sequence = 1 {IT}",
            "UPDATE rollout SET sequence = 2 WHERE version = '1.0'",
        ],
        "the sequence is",
    ),
    "a head removed": ([f"DELETE FROM heads {OF_IT}"], "the head of its ended event was removed"),
    "a head edited": (
        [f"UPDATE heads SET at = at + 1 {OF_IT}"],
        "the signature of the head of its ended event is invalid",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_was_edited_is_named_without_any_anchor(folder: Path, name: str) -> None:
    statements, words = EDITS[name]
    edit(folder, *statements)
    assert words in changed(folder)


# ── a store that was rewritten as a whole ──────────────────────────────────────────────────────────────────


def rewrite(folder: Path, version: str, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    """Whoever owns the database computes the whole chain of a rollout anew, and all that names it."""
    with sqlite3.connect(folder / "pilotage.sqlite") as connection:
        connection.row_factory = sqlite3.Row
        (rollout,) = [dict(r) for r in connection.execute("SELECT * FROM rollout WHERE version = ?", (version,))]
        events = [
            dict(r)
            for r in connection.execute("SELECT * FROM events WHERE rollout = ? ORDER BY number", (rollout["id"],))
        ]
        before, number = rollout["plan_hash"], 0
        connection.execute("DELETE FROM events WHERE rollout = ?", (rollout["id"],))
        for number, event in enumerate(change([{**e, "data": json.loads(e["data"])} for e in events]), 1):
            given = {key: value for key, value in event.items() if key not in ("before", "hash", "number")}
            item = Recorded(**given, number=number, before=before, hash="")
            before = seal(item)
            values = (
                item.rollout,
                number,
                item.at,
                item.type,
                item.sentence,
                json.dumps(item.data),
                item.before,
                before,
            )
            connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        connection.execute("UPDATE rollout SET head = ?, events = ? WHERE id = ?", (before, number, rollout["id"]))
        connection.execute("UPDATE environments SET head = ?", (before,)) if number == 1 else None


def without_its_verdict(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = [event for event in events if event["type"] != "verdict-changed"]
    kept[-1] = {**kept[-1], "type": "completed", "data": {}}
    return kept


def rewritten(folder: Path) -> None:
    """The whole chain of 3.0 without its verdict: completed becomes completed, by the rules; the heads stay."""
    edit(
        folder,
        "UPDATE rollout SET finished_at = (SELECT max(at) FROM events WHERE rollout = rollout.id) "
        "WHERE version = '3.0'",
    )
    rewrite(folder, "3.0", without_its_verdict)


def test_a_chain_that_was_rewritten_is_found_by_its_head(folder: Path) -> None:
    rewritten(folder)
    assert "event 5 is missing" in changed(folder)
    assert "event 5 is missing" in "\n".join(map(str, verified(folder, anchored=False, keys={}).of(Grade.CHANGED)))


def test_a_chain_that_was_rewritten_with_its_heads_is_found_by_an_anchor(folder: Path) -> None:
    """The owner of the database also clears signatures, so that the worker signs the new head: it does not."""
    rewritten(folder)
    edit(folder,
         "UPDATE heads SET head = (SELECT head FROM rollout WHERE id = heads.rollout), "
         "events = (SELECT events FROM rollout WHERE id = heads.rollout), signature = NULL, key = NULL, open = 1 "
         "WHERE kind = 'ended' AND rollout = (SELECT id FROM rollout WHERE version = '3.0')")  # fmt: skip
    store = Store(folder)
    assert Notary(store.engine, folder).serve(time.time()) == 0
    assert "a different head was signed" in heads.trouble(store.engine)[1]
    store.close()
    words = changed(folder, anchored=True)
    assert "event 5 is missing (so says file" in words
    assert "anchor.jsonl" in words
    assert "signed.jsonl" in words


def test_a_store_that_was_set_back_is_found_by_its_anchor_alone(folder: Path) -> None:
    """A database that lost its last commits is whole in itself; what is missing is named by what lies outside."""
    it = ids(folder)["3.0"]
    edit(folder, f"DELETE FROM heads WHERE rollout = '{it}'", f"DELETE FROM events WHERE rollout = '{it}'",
         f"DELETE FROM outbox WHERE thread = '{it}'", f"DELETE FROM rollout WHERE id = '{it}'",
         "UPDATE environments SET sequence = 2, head = (SELECT hash FROM events "
         "JOIN rollout ON rollout.id = events.rollout WHERE version = '2.0' AND number = 1)")  # fmt: skip
    assert changed(folder) == ""
    assert f"{it}: this rollout (number 3) is missing (so says file" in changed(folder, anchored=True)


def test_a_store_that_was_set_back_is_found_by_the_journal_beside_the_target(folder: Path) -> None:
    """A failover that lost the last commits of a rollout: the witness says what it had seen."""
    it, store = ids(folder)["3.0"], Store(folder)
    latest = store.get(it)
    store.close()
    witness = Witness(rollout=it, sequence=3, version="3.0", revision=latest.revision, head=latest.head,
                      status="completed", at=time.time())  # fmt: skip
    Journal(folder, "service", "production").note(witness)
    assert changed(folder) == ""
    edit(folder, f"DELETE FROM heads WHERE rollout = '{it}' AND kind = 'ended'",
         f"DELETE FROM events WHERE rollout = '{it}' AND number > 3",
         f"UPDATE rollout SET status = 'progressing', events = 3, finished_at = NULL, reason = '', "
         f"state = replace(state, 'completed', 'progressing'), "
         f"head = (SELECT hash FROM events WHERE rollout = '{it}' AND number = 3) WHERE id = '{it}'")  # fmt: skip
    missing = f"the event {latest.head[:12]} is missing; 3 events are present"
    assert changed(folder) == f"{it}: {missing} (so says the journal next to the target)"


def test_an_anchor_that_lost_a_line_and_one_that_is_gone_are_told_apart(folder: Path) -> None:
    anchor = folder.parent / "anchor.jsonl"
    lines = anchor.read_text().splitlines()
    anchor.write_text("\n".join(lines[:-1]) + "\n")
    assert "has lost the head" in changed(folder, anchored=True)
    anchor.unlink()
    found = verified(folder)
    assert found.of(Grade.CHANGED) == []
    assert "cannot read it" in str(found.of(Grade.UNVERIFIABLE)[0])


def test_a_line_that_was_forged_in_an_anchor_and_a_key_that_is_not_known(folder: Path) -> None:
    found = verified(folder, keys={})
    assert found.signed == 0
    assert "which is unknown here" in str(found.of(Grade.UNVERIFIABLE)[0])
    anchor = folder.parent / "anchor.jsonl"
    anchor.write_text(anchor.read_text().replace('"events":4', '"events":3'))
    assert "is invalid" in changed(folder, anchored=True)


def test_a_missing_key_stops_no_end_and_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path)
    signer_of(tmp_path)
    (tmp_path / "keys/signing.pem").unlink()
    assert release(store, "1.0", None, "ada", Status.COMPLETED).state.status is Status.COMPLETED
    notary = Notary(store.engine, tmp_path)
    assert notary.serve(time.time()) == 0
    count, why = heads.trouble(store.engine)
    assert (count, "is gone" in why) == (2, True)
    assert "2 heads are not signed" in str(verified(tmp_path).of(Grade.UNVERIFIABLE)[0])
    store.close()


SIGN = """
import sys, time
from pathlib import Path
from pilotage.engine.integrity.notary import Notary
from pilotage.engine.records.store import Store

folder = Path(sys.argv[1])
Notary(Store(folder).engine, folder).serve(time.time())
"""


@pytest.mark.parametrize("failpoint", ["head-signed", "head-anchored"])
def test_a_worker_killed_while_it_signs_signs_again_and_anchors_at_least_once(tmp_path: Path, failpoint: str) -> None:
    folder, anchor = tmp_path / "state", tmp_path / "anchor.jsonl"
    store = Store(folder)
    note(folder, Custody(anchors=[{"kind": "file", "path": str(anchor)}]))
    release(store, "1.0", None, "ada", Status.COMPLETED)
    environment = {**os.environ, "PILOTAGE_FAILPOINT": f"{failpoint}:2"}
    done = subprocess.run([sys.executable, "-c", SIGN, str(folder)], env=environment)
    assert done.returncode == -signal.SIGKILL
    assert Notary(store.engine, folder).serve(time.time()) == (2 if failpoint == "head-signed" else 1)
    assert len(set(anchor.read_text().splitlines())) == 2
    store.close()
    found = verified(folder)
    assert (found.findings, found.signed) == ([], 2)


def test_heads_go_to_a_webhook_and_to_git_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver's own record is an anchor as well: `--anchor`."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    folder = tmp_path / ".pilotage"
    store, receiver = Store(folder), StandardWebhook()
    monkeypatch.setenv("AUDIT_SECRET", SECRET)
    with listening(receiver) as url:
        hook: JsonObject = {
            "kind": "webhook",
            "name": "anchor",
            "url": url,
            "secret": "secret://env/AUDIT_SECRET",
            "allow_private_network": True,
        }
        custody = Custody(anchors=[hook, {"kind": "git-note", "remote": None}], project=str(tmp_path))
        note(folder, custody)
        rollout = release(store, "1.0", None, "ada", Status.COMPLETED)
        assert Notary(store.engine, folder).serve(time.time()) == 2
        assert Notary(store.engine, folder).serve(time.time()) == 0
        assert send_next(store.engine, "anchor", "me")
        assert send_next(store.engine, "anchor", "me")
    (tmp_path / "received.jsonl").write_text("\n".join(one["data"]["text"] for one in receiver.got))
    edit(folder, "DELETE FROM heads", "DELETE FROM events", "DELETE FROM rollout", "DELETE FROM environments")
    place = Place(service="service", environment="production", directory=folder, keys=known_keys(folder),
                  custody=custody, files=[tmp_path / "received.jsonl"])  # fmt: skip
    (said,) = verify(store.engine, place).of(Grade.CHANGED)
    store.close()
    assert (said.rollout, said.sentence) == (rollout.id, "this rollout (number 1) is missing")
    assert said.by == f"git notes, file {tmp_path}/received.jsonl, file {folder}/keys/signed.jsonl"


def test_every_rollout_knows_the_one_before(folder: Path) -> None:
    store = Store(folder)
    last = store.latest("service", "production")
    assert last is not None
    before = object_at(sealed_in(store.events(last.id)[1].data), "place", "last")
    store.close()
    assert (before["rollout"], before["sequence"]) == (ids(folder)["2.0"], 2)


def test_the_command_says_what_is_changed_and_never_fails_with_that_status(folder: Path) -> None:
    """0 whole, 1 changed, 10 not verified: a script can tell them apart, whatever somebody wrote into the database."""
    config = folder.parent / "pilotage.yaml"
    config.write_text(
        GOOD.replace("service: shop", "service: service") + "audit: {anchors: [{kind: file, path: anchor.jsonl}]}\n"
    )

    def said(*arguments: str) -> Result:
        return CliRunner(env={"PILOTAGE_STATE": str(folder)}).invoke(
            cli, ["-c", str(config), "events", "--verify", *arguments]
        )

    whole = said()
    assert (whole.exit_code, "whole (3 rollouts, 13 events, 7 signed heads)" in whole.output) == (0, True), whole.output
    other = signer_of(folder.parent / "elsewhere")
    (folder.parent / "other.pem").write_text(other.public)
    assert said("--key", str(folder.parent / "other.pem")).exit_code == 10
    (folder.parent / "anchor.jsonl").rename(folder.parent / "kept.jsonl")
    assert said().exit_code == 10
    assert said("--anchor", str(folder.parent / "kept.jsonl")).exit_code == 10
    edit(folder, f"UPDATE rollout SET actor = 'alice' {IT}")
    found = said()
    assert (found.exit_code, "the actor is 'alice', but its events say 'eve'" in found.output) == (1, True)
    edit(folder, "DELETE FROM outbox", "DELETE FROM judge_states", "DELETE FROM live_views", "DELETE FROM commands",
         "DELETE FROM heads", "DELETE FROM events", "DELETE FROM rollout", "DELETE FROM environments")  # fmt: skip
    gone = said()
    assert (gone.exit_code, gone.output.count("is missing")) == (1, 3), gone.output


def test_what_people_are_told_of_a_rollout_after_its_end_changes_nothing_that_its_end_sealed(folder: Path) -> None:
    store = Store(folder)
    (ended, *_) = store.history("service", "production")
    tell_stuck(store, ended.id, "the store went back in time")
    store.close()
    assert changed(folder) == ""
