"""Releases judged by figures of a database and of JSON over HTTP, and seen in Grafana (R13, R20, R32)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pilotage.model.rollout import Status

from .. import grafana
from ..grafana import Grafana
from ..monitors import wait_for
from ..receivers import listening, section
from ..stats import Stats
from .conftest import Make, users

pytestmark = pytest.mark.real


@pytest.fixture
def stats() -> Iterator[Stats]:
    found = Stats()
    with listening(found):
        yield found


@pytest.fixture
def board() -> Iterator[Grafana]:
    found = Grafana()
    with listening(found):
        yield found


@pytest.fixture
def orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sqlite3.Connection:
    path = tmp_path / "orders.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE orders (version text, state text)")
    monkeypatch.setenv("ORDERS", f"sqlite:///{path}")
    return connection


def analysis(stats: Stats) -> dict[str, Any]:
    unpaid = "SELECT count(*) FROM orders WHERE version = '{version}' AND state = 'unpaid'"
    http = {"kind": "http", "url": f"{stats.url}/api", "headers": {"Authorization": "secret://env/STATS"}}
    return {
        "sources": {"orders": {"kind": "sql", "database": "secret://env/ORDERS"}, "stats": http},
        "rules": [
            {"name": "unpaid", "source": "orders", "query": unpaid, "failure_condition": "result[0] > 20"}
            | {"interval": "1s", "failure_limit": 1},
            {"name": "rate", "source": "stats", "query": "/stats?version={version} $.versions[0].rate"}
            | {"success_condition": "result[0] >= 0.9", "interval": "1s"},
        ],
    }


@pytest.mark.long
def test_r13_a_figure_of_the_database_undoes_a_release_and_grafana_shows_both(
    shop: Make, stats: Stats, board: Grafana, orders: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The controller is killed in between: each annotation still comes once."""
    monkeypatch.setenv("STATS", f"Bearer {Stats.TOKEN}")
    monkeypatch.setenv("GRAFANA", grafana.TOKEN)
    made = shop(canary__phase_duration="4s")
    made.configure(analysis=analysis(stats))
    made.configure_whole(notify=[section("grafana", url=board.url, token="secret://env/GRAFANA")])
    stats.rates |= {"1.0.0": 0.97, "1.1.0": 0.97, "1.2.0": 0.97}
    made.run("deploy", made.release("1.0.0"))
    with users(made):
        made.run("deploy", made.release("1.1.0"), "--detach")
        made.wait(lambda r: r.version == "1.1.0" and r.state.reached == 250)
        assert made.kill_worker()
        assert made.wait_end().state.status is Status.COMPLETED

        made.run("deploy", made.release("1.2.0"), "--detach")
        made.wait(lambda r: r.version == "1.2.0" and r.state.reached == 250)
        orders.executemany("INSERT INTO orders VALUES (?, 'unpaid')", [("1.2.0",)] * 42)
        undone = made.wait_end()
    assert undone.state.status is Status.ROLLED_BACK
    assert "unpaid" in undone.state.reason
    assert "last 42" in undone.state.reason

    wait_for(lambda: "rolled-back" in outcomes(board).get("1.2.0", ()), board.shown)
    assert {version: tags & {"completed", "rolled-back"} for version, tags in outcomes(board).items()} == {
        "1.0.0": {"completed"}, "1.1.0": {"completed"}, "1.2.0": {"rolled-back"},
    }  # fmt: skip
    keys = board.told()
    assert len(keys) == len(set(keys)), "each event once"
    assert grafana.TOKEN not in made.log()


def outcomes(board: Grafana) -> dict[str, set[str]]:
    """The tags of each version's region: the first annotation of its rollout."""
    found: dict[str, set[str]] = {}
    for one in list(board.annotations.values()):
        version = next(tag.removeprefix("version:") for tag in one["tags"] if tag.startswith("version:"))
        if one["timeEnd"] > one["time"]:
            found[version] = set(one["tags"])
    return found


@pytest.mark.long
def test_a_source_that_is_away_holds_the_release_and_never_passes_it(
    shop: Make, stats: Stats, orders: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert orders
    monkeypatch.setenv("STATS", "Bearer of-somebody-else")
    made = shop(hold__timeout="60s")
    made.configure(analysis=analysis(stats))
    said = made.run("doctor", expect=None)
    assert "correct its headers" in said
    made.run("deploy", made.release("1.0.0"))
    with users(made):
        made.run("deploy", made.release("1.1.0"), "--detach")
        held = made.wait(lambda r: r.state.hold is not None and r.state.reached == 250)
        assert held.state.reached == 250
        monkeypatch.undo()
        made.run("abort")
        assert made.wait_end().state.status is Status.ROLLED_BACK
