"""R12, R31: a standby that the new version reads has what the primary has, by a real PostgreSQL that streams."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pilotage.adapters.databases.examining import examine
from pilotage.adapters.databases.task import STANDBY, URL, DataTask, perform
from pilotage.adapters.ports import AdapterError
from pilotage.model.migration import Brought, Moment, Script, Tool
from tests.databases import PASSWORD, Postgres, eventually, postgres_pair

pytestmark = pytest.mark.xdist_group("postgres_standby")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Postgres, Postgres]]:
    with postgres_pair(tmp_path_factory.mktemp("pair")) as (primary, standby):
        primary.run("CREATE TABLE orders (id serial)")
        yield primary, standby


def checked(primary: str, standby: str, max_lag: float = 20) -> str:
    task = DataTask(moment=Moment.RUNNING, max_lag=max_lag, timeout=10)
    return perform(task, {URL: primary, STANDBY: standby}, "1.1.0", "1.0.0")


def refusal(primary: str, standby: str, max_lag: float = 0.2) -> str:
    with pytest.raises(AdapterError) as refused:
        checked(primary, standby, max_lag)
    assert PASSWORD not in str(refused.value)
    return str(refused.value)


def test_r12_what_was_written_before_the_check_is_there_and_the_figures_say_how(
    pair: tuple[Postgres, Postgres],
) -> None:
    primary, standby = pair
    primary.run("INSERT INTO orders SELECT generate_series(1, 10000)")
    said = checked(primary.url(), standby.url())
    assert standby.ask("SELECT count(*) FROM orders") == primary.ask("SELECT count(*) FROM orders")
    assert f"127.0.0.1:{standby.port}/shop has what 127.0.0.1:{primary.port}/shop had" in said
    assert "streaming, async, slot preview" in said


def test_r12_replay_that_is_paused_is_refused_with_its_lag_and_passes_once_it_goes_on(
    pair: tuple[Postgres, Postgres],
) -> None:
    primary, standby = pair
    standby.run("SELECT pg_wal_replay_pause()")
    try:
        primary.run("INSERT INTO orders SELECT generate_series(1, 20000)")
        said = refusal(primary.url(), standby.url())
        assert "replay is paused" in said
        assert "pg_wal_replay_resume" in said
        assert " MB, " in said or " MiB, " in said, said
        # The check waits for what is late: it passes as soon as the standby has it.
        found: list[str] = []
        waiting = threading.Thread(target=lambda: found.append(checked(primary.url(), standby.url(), 60)))
        waiting.start()
    finally:
        standby.run("SELECT pg_wal_replay_resume()")
    waiting.join()
    assert "streaming" in found[0]


def test_r31_a_lost_slot_and_a_standby_that_stopped_are_named(pair: tuple[Postgres, Postgres]) -> None:
    primary, standby = pair
    standby.stop()
    assert "no connection to" in refusal(primary.url(), standby.url())
    primary.run("SELECT pg_drop_replication_slot('preview')")
    standby.start()
    try:
        primary.run("INSERT INTO orders VALUES (1)")
        # Again and again a receiver starts, and ends when it finds no slot: at such a moment there is one.
        eventually(lambda: "receives nothing from" in refusal(primary.url(), standby.url()))
        eventually(lambda: "the primary has no physical slot" in refusal(primary.url(), standby.url()))
    finally:
        primary.run("SELECT pg_create_physical_replication_slot('preview')")
        eventually(lambda: standby.ask("SELECT count(*) FROM pg_stat_wal_receiver"))


def test_r31_a_database_of_its_own_is_no_standby_and_neither_is_the_primary(pair: tuple[Postgres, Postgres]) -> None:
    primary, standby = pair
    assert "is no standby" in refusal(primary.url(), primary.url(database="postgres"))
    assert "must lead to the primary" in refusal(standby.url(), standby.url())


def test_r31_a_user_without_pg_monitor_is_told_to_have_it_and_a_wrong_password_is_not_shown(
    pair: tuple[Postgres, Postgres],
) -> None:
    primary, standby = pair
    primary.run(f"CREATE ROLE small LOGIN PASSWORD '{PASSWORD}'")
    assert "has what" in checked(primary.url(user="small"), standby.url(user="small"))
    standby.run("SELECT pg_wal_replay_pause()")
    try:
        primary.run("INSERT INTO orders VALUES (1)")
        assert "GRANT pg_monitor TO small" in refusal(primary.url(user="small"), standby.url(user="small"))
    finally:
        standby.run("SELECT pg_wal_replay_resume()")
    said = refusal(primary.url(password="wrong-secret"), standby.url())
    assert "wrong-secret" not in said
    assert "authentication failed" in said


def test_r31_doctor_says_how_far_the_standby_is_and_what_is_applied(pair: tuple[Postgres, Postgres]) -> None:
    primary, standby = pair
    brought = Brought(tool=Tool.ALEMBIC, table="alembic_version", scripts=(Script(id="a", name="a.py"),))
    eventually(lambda: standby.ask("SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'"))
    found = [*examine({URL: primary.url(), STANDBY: standby.url()}, 10, brought)]
    assert {one.result for one in found} == {"PASS"}, found
    assert "streaming, async, slot preview" in found[1].sentence
    assert "no table alembic_version, so none of 1 migrations is applied" in found[2].sentence
    standby.run("SELECT pg_wal_replay_pause()")
    try:
        (_, refused) = examine({URL: primary.url(), STANDBY: standby.url()}, 10, None)
    finally:
        standby.run("SELECT pg_wal_replay_resume()")
    assert (refused.result, "replay is paused" in refused.sentence) == ("FAIL", True)


def test_r31_nothing_can_be_written(pair: tuple[Postgres, Postgres]) -> None:
    from pilotage.adapters.databases.connection import connect

    database = connect(pair[0].url(), 5)
    with pytest.raises(AdapterError, match="read-only transaction"):
        database.rows("DELETE FROM orders RETURNING id")
    with pytest.raises(AdapterError, match=r"did not answer within 0\.1 s"):
        connect(pair[0].url(), 0.1).rows("SELECT pg_sleep(5)")


def test_r31_a_standby_that_has_everything_and_receives_nothing_more_is_refused(
    pair: tuple[Postgres, Postgres],
) -> None:
    primary, standby = pair
    checked(primary.url(), standby.url())
    there = str(standby.ask("SELECT current_setting('primary_conninfo')")).replace("'", "''")
    standby.run("ALTER SYSTEM SET primary_conninfo = ''")
    standby.run("SELECT pg_reload_conf()")
    try:
        eventually(lambda: not int(str(standby.ask("SELECT count(*) FROM pg_stat_wal_receiver") or 0)))
        assert "receives nothing from" in refusal(primary.url(), standby.url())
    finally:
        standby.run(f"ALTER SYSTEM SET primary_conninfo = '{there}'")
        standby.run("SELECT pg_reload_conf()")
        eventually(lambda: standby.ask("SELECT count(*) FROM pg_stat_wal_receiver"))
