"""The way back depends on nothing that an edit or a newer version breaks: real Envoy, real worker, damaged records."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing

import pytest

from pilotage.model.json import object_at
from pilotage.model.rollout import Status

from .conftest import Make, Shop, users

pytestmark = pytest.mark.real

_HOLD = {"canary__phase_duration": "60s"}


def under_way(it: Shop) -> None:
    """v1 serves, v2 has a quarter of the users."""
    it.run("deploy", it.release("v1"))
    it.run("deploy", it.release("v2"), "--detach")
    it.wait(lambda r: r.version == "v2" and r.live.routed == 250)


def edit(it: Shop, statement: str, *values: str) -> None:
    with closing(sqlite3.connect(it.state / "pilotage.sqlite", timeout=10)) as connection, connection:
        assert connection.execute(statement, values).rowcount >= 1


def test_a_deleted_page_and_a_key_of_a_newer_version_keep_no_abort_waiting(shop: Make) -> None:
    it = shop(**_HOLD)
    page = it.directory / "closed.html"
    page.write_text("<p>closed</p>")
    it.configure(router={**it.section("router"), "maintenance_page": "closed.html"})
    with users(it, rate=40):
        under_way(it)
        page.unlink()
        kept = it.latest().snapshot.to_dict()
        newer = {
            **kept,
            "format": 99,
            "environment": {**object_at(kept, "environment"), "regions": ["eu"], "probes": "all"},
        }
        edit(it, "UPDATE snapshots SET format = 99, body = ?", json.dumps(newer))
        assert it.kill_worker()
        it.run("abort", "-m", "enough")
        ended = it.wait_end()
    assert ended.state.status is Status.ROLLED_BACK
    assert it.split() == {"version_v1": 1000}
    assert "look failed" not in it.log()


def test_users_of_a_rollout_whose_plan_only_a_newer_version_reads_go_back(shop: Make) -> None:
    it = shop(**_HOLD)
    with users(it, rate=40):
        under_way(it)
        edit(it, "UPDATE plans SET format = 99, body = '{\"format\": 99}' WHERE hash = ?", it.latest().plan_hash)
        assert it.kill_worker()
        until = time.monotonic() + 40
        while it.split().get("version_v2"):
            assert time.monotonic() < until, it.log()
            time.sleep(0.1)
    assert it.split().get("version_v1") == 1000
    assert [one["version"] for one in it.json("history")["rollouts"]] == ["v2", "v1"]
    assert "upgrade" in it.run("status", expect=None)
