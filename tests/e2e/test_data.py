"""R12, R31: a blue-green release of a service with a PostgreSQL, its standby and two caches in Redis."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilotage.model.rollout import Status
from tests.contract.test_migrations import FLYWAY, row
from tests.databases import PASSWORD, Postgres, postgres_pair
from tests.e2e.conftest import Make, Shop
from tests.e2e.test_strategies import QUICK
from tests.redis_servers import RedisServer, redis_server

pytestmark = pytest.mark.real

SERVICE = """
import http.server, os, sys
import psycopg, redis
cache = redis.Redis.from_url(os.environ["REDIS_URL"])
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = b"ok"
        if self.path.startswith("/products/"):
            number = int(self.path.rpartition("/")[2])
            body = cache.get(f"product:{number}")
            if body is None:
                with psycopg.connect(os.environ["STANDBY_URL"]) as connection:
                    asked = connection.execute("SELECT name FROM products WHERE id = %s", (number,)).fetchone()
                body = asked[0].encode()
                cache.set(f"product:{number}", body)
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer.request_queue_size = 128
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
FIRST = "CREATE TABLE products (id int PRIMARY KEY, name text, old text);\n"
EXPAND, CONTRACT = "ALTER TABLE products ADD note text;\n", "ALTER TABLE products DROP COLUMN old;\n"
KEYS = 40


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Postgres, Postgres]]:
    with postgres_pair(tmp_path_factory.mktemp("data")) as (primary, standby):
        fill = f"INSERT INTO products SELECT i, 'product ' || i FROM generate_series(1, {KEYS}) i"
        primary.run(FIRST, fill, FLYWAY, row(1, "1", FIRST))
        yield primary, standby


@pytest.fixture(scope="module")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, RedisServer]]:
    """Blue, of the version that serves, and green."""
    folder = tmp_path_factory.mktemp("caches")
    with redis_server(folder) as blue, redis_server(folder) as green:
        yield blue, green


def test_r12_no_user_gets_a_version_before_its_data_schema_and_cache_are_ready(
    shop: Make, tmp_path: Path, databases: tuple[Postgres, Postgres], caches: tuple[RedisServer, RedisServer]
) -> None:
    primary, standby = databases
    blue, green = caches
    it = shop(strategy="blue-green", **QUICK["blue-green"])
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql/V1__products.sql").write_text(FIRST)
    (tmp_path / "keys.txt").write_text("\n".join(str(key) for key in range(1, KEYS + 1)))
    for name, url in (("db", primary.url()), ("standby", standby.url()), ("blue", blue.url()), ("green", green.url())):
        (tmp_path / name).write_text(url)
    configure(it, tmp_path, cache="blue", max_lag="30s")
    it.run("deploy", it.release("1.0.0"))
    assert ask(it, "/products/7") == "product 7"

    # The standby does not follow: the preview would see old data.
    configure(it, tmp_path, cache="green", max_lag="500ms")
    standby.run("SELECT pg_wal_replay_pause()")
    try:
        primary.run(f"INSERT INTO products VALUES ({KEYS + 1}, 'late')")
        it.run("deploy", it.release("1.1.0"), expect=4)
    finally:
        standby.run("SELECT pg_wal_replay_resume()")
    refused = it.latest()
    assert refused.state.status is Status.ROLLED_BACK
    assert "replay is paused" in refused.state.reason
    assert green.client.dbsize() == 0, "a cache is filled once the data is right"

    # A migration takes a column from the version that serves: it does not even start.
    configure(it, tmp_path, cache="green", max_lag="30s")
    (tmp_path / "sql/V2__old.sql").write_text(CONTRACT)
    assert ready(it, "1.2.0")["database_state"] == "not-ready"
    it.run("deploy", it.release("1.2.0"), expect=4)
    assert "V2__old.sql drops" in it.latest().state.reason
    assert "while 1.0.0 still uses the schema" in it.latest().state.reason

    # It only expands, and is applied: the cache is warm before the switch, and stays so after it.
    (tmp_path / "sql/V2__old.sql").write_text(EXPAND)
    primary.run(EXPAND, row(2, "2", EXPAND))
    it.run("deploy", it.release("1.3.0"))
    rollout = it.latest()
    assert rollout.state.status is Status.COMPLETED, rollout.state.reason
    details = {check.name: check.detail for check in rollout.live.checks}
    assert "has 2 migrations of 1.3.0 applied" in details["check-data"]
    assert f"/shop has what 127.0.0.1:{primary.port}/shop had" in details["check-data"]
    assert f"holds {KEYS} of {KEYS} keys (100%), filled through 2 instances" in details["check-caches"]
    green.client.config_resetstat()
    assert {ask(it, f"/products/{key}") for key in range(1, KEYS + 1)} == {f"product {i}" for i in range(1, KEYS + 1)}
    stats = green.client.info("stats")
    assert stats["keyspace_hits"] / (stats["keyspace_hits"] + stats["keyspace_misses"]) >= 0.9
    it.check_history(rollout)
    known = it.run("events") + it.log() + (tmp_path / "pilotage.yaml").read_text()
    assert "holds 40 of 40 keys" in known
    assert PASSWORD not in known + "".join(path.read_text() for path in it.state.rglob("*.json"))


def configure(it: Shop, place: Path, *, cache: str, max_lag: str) -> None:
    """As a project has it: the new version gets the cache that the one before does not use."""
    other = "blue" if cache == "green" else "green"
    secret = f"secret://file/{place}"
    command = [sys.executable, "-c", SERVICE, "{port}", "{version}"]
    env = {"REDIS_URL": f"{secret}/{cache}", "STANDBY_URL": f"{secret}/standby"}
    warm = {
        "redis": f"{secret}/{cache}", "stable_redis": f"{secret}/{other}", "keys": "keys.txt",
        "http": "/products/{key}", "stored_as": "product:{key}", "at_least": "90%",
    }  # fmt: skip
    it.configure(
        fleet={**it.section("fleet"), "command": command, "env": env},
        database={
            "url": f"{secret}/db", "standby": f"{secret}/standby", "max_lag": max_lag,
            "migrations": {"kind": "flyway", "folder": "sql"},
        },
        checks={"check-caches": [{"warm": warm}]},
        synthetic={"path": "/products/1", "requests_per_second": 50},
    )  # fmt: skip


def ask(it: Shop, path: str) -> str:
    with urllib.request.urlopen(it.url + path, timeout=10) as answer:
        return str(answer.read().decode())


def ready(it: Shop, version: str) -> dict[str, str]:
    """The state of each gate."""
    found = json.loads(it.run("ready", version, "--json", expect=None))
    return {gate["item"]: gate["status"] for gate in found["gates"]}
