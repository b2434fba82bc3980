"""R34: texts of strangers in every page: markup, marks that turn the reading direction, 300 characters, and numbers of
rows and queries that stay bounded."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from pilotage.engine.records import followups, reports, ways
from pilotage.engine.records.signatures import sign
from pilotage.model.calendar import Freeze
from pilotage.model.followup import FollowUp
from pilotage.model.live import LiveView, SeenCheck, SeenInstance, SeenVerdict
from pilotage.model.readiness import Signature, SignatureKind
from pilotage.model.report import Report, ReportKind
from pilotage.model.rollout import CommandKind, Decision, Event, Status
from pilotage.model.way_command import WayCommandKind
from tests.web.site import Served, served
from tests.web.world import addresses, config, fill

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{7*7}}\u202eabc\u2066\x1b]0;t\x07"
LONG = "x" * 300


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, dict[str, str]]]:
    """Every text that a stranger may choose is hostile."""
    folder: Path = tmp_path_factory.mktemp("hostile")
    with served(folder, config()) as server:
        world, store = fill(server.site.project), server.store
        found = store.get(world.watching.id)
        live = LiveView(
            at=time.time(), wanted=250, routed=250, observed=250, requests={EVIL: 3}, forecast=EVIL, trouble=EVIL,
            verdicts=(
                SeenVerdict(
                    metric=EVIL, kind=EVIL, sentence=EVIL + LONG, canary=EVIL, stable=EVIL, detail=(EVIL,), ratio=1.0,
                    interval=(0.5, None),
                ),
            ),
            checks=(SeenCheck(name=EVIL, status="failed", detail=EVIL + LONG),),
            instances=tuple(SeenInstance(id=EVIL + str(n), version=EVIL, health=EVIL) for n in range(2_000)),
        )  # fmt: skip
        told = tuple(Event("check-failed", EVIL + LONG, {"details": [EVIL]}) for _ in range(60))
        store.record(found, Decision(replace(found.state, reason=EVIL + LONG), (), told), None, live)
        store.command(world.watching.id, CommandKind.PAUSE, EVIL, EVIL + LONG)
        failed = store.get(world.withdrawn.id)
        state = replace(failed.state, reason=EVIL + LONG, harmed=(EVIL,))
        store.record(failed, Decision(state, (), told[:1]), None, failed.live)
        _said_beside(store)
        yield server, dict(addresses(server.site, world))


def _said_beside(store: Any) -> None:
    """What people say of releases, besides rollouts."""
    now = store.clock.now()
    begins = datetime.fromtimestamp(now, UTC)
    store.freezes.declare(
        "checkout", "production", Freeze(EVIL, begins, begins + timedelta(hours=1)), EVIL, EVIL + LONG
    )
    followups.add(
        store.engine, "billing", FollowUp(0, EVIL + LONG, EVIL, "2026-01-01", EVIL, "high", EVIL), [], EVIL, now
    )
    for kind in ReportKind.HARM, ReportKind.FEEDBACK:
        report = Report(service="billing", environment="production", version=EVIL, text=EVIL + LONG, kind=kind, at=now)
        reports.add(store.engine, report)
    for signed, until in (SignatureKind.SIGN_OFF, None), (SignatureKind.WAIVER, now + 60):
        sign(
            store.engine, "payments", "production", "5.3.0",
            Signature(signed, EVIL, EVIL, EVIL, EVIL + LONG, now, until, EVIL, EVIL),
        )  # fmt: skip
    ways.command(store, "payments-way-1", WayCommandKind.HOLD, EVIL, stage=EVIL, reason=EVIL + LONG)


def test_r34_no_text_of_a_stranger_becomes_markup(hostile: tuple[Served, dict[str, str]]) -> None:
    server, paths = hostile
    bob = server.signed_in("bob")
    wrong = []
    for name, path in paths.items():
        got = bob.get(path)
        assert got.status < 500, name
        text = got.text
        if "<script>alert" in text or "<img src=x" in text or "\u202e" in text or "\u2066" in text or "\x1b" in text:
            wrong.append(name)
        if re.search(r"\bstyle=|\bon\w+=\"|<script(?! type=\"module\" src=)", text.replace("onerror=alert(2)", "")):
            wrong.append(f"{name}: inline")
        if "49" in re.findall(r"onerror=alert\(2\)&gt;&#34;&#39;&amp;(\S\S)", text):
            wrong.append(f"{name}: evaluated")
    assert wrong == []


def test_r34_pages_stay_below_100_kb(hostile: tuple[Served, dict[str, str]]) -> None:
    server, paths = hostile
    bob = server.signed_in("bob")
    weights = {name: len(bob.get(path).body) for name, path in paths.items() if not name.startswith("api")}
    assert {name: weight for name, weight in weights.items() if weight > 100_000} == {}


def queries(server: Served, path: str) -> list[str]:
    """Those that one request makes."""
    client, found = server.signed_in("bob"), list[str]()

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            found.append(statement)

    event.listen(server.store.engine, "before_cursor_execute", note)
    try:
        assert client.get(path).status == 200
    finally:
        event.remove(server.store.engine, "before_cursor_execute", note)
    return found


def test_r34_the_number_of_queries_does_not_grow_with_the_rollouts(server: Served) -> None:
    server.person("bob", "approver")
    few = server.rollout()
    ended(server, "2.9.0")
    counts = {path: len(queries(server, path)) for path in ("/", f"/rollouts/{few.id}", "/palette.json")}
    for service, environment in (("search", "production"), ("shop", "staging")):
        server.rollout(service, environment)
    for number in range(60):
        ended(server, f"3.0.{number}")
    for path, before in counts.items():
        after = queries(server, path)
        assert len(after) <= before + 1, path
        assert len(after) <= 30, path


def ended(server: Served, version: str) -> None:
    """Of search in staging, where nothing else is."""
    rollout = server.rollout("search", "staging", version)
    state = replace(rollout.state, status=Status.ROLLED_BACK, reason="errors")
    told = (Event("rolled-back", "It went back.", {}),)
    server.store.record(server.store.get(rollout.id), Decision(state, (), told), None, LiveView())


def test_r34_no_page_reads_every_rollout(server: Served) -> None:
    """SQLite says how it finds rows: each query over rollouts or events uses an index."""
    server.person("bob", "approver")
    rollout = server.rollout()
    for path in ("/", f"/rollouts/{rollout.id}", "/palette.json"):
        for statement in queries(server, path):
            if "FROM rollout" not in statement and "FROM events" not in statement:
                continue
            with server.store.engine.connect() as connection:
                marks = statement.count("?")
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", ("x",) * marks).all()
            assert not [row for row in rows if re.match(r"SCAN (rollout|events)\b(?!.*USING)", str(row[3]))], statement
