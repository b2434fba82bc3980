"""R12, R31: a replica that the new version reads has what the primary has, by a real MariaDB with GTIDs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pilotage.adapters.databases.task import STANDBY, URL, DataTask, perform
from pilotage.adapters.ports import AdapterError
from pilotage.app.migrations import brought_by
from pilotage.config.databases import MigrationsSection
from pilotage.model.migration import Moment
from tests.contract.test_migrations import FLYWAY, row
from tests.databases import PASSWORD, Mariadb, eventually, mariadb_pair

pytestmark = pytest.mark.xdist_group("mariadb")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Mariadb, Mariadb]]:
    with mariadb_pair(tmp_path_factory.mktemp("maria")) as (primary, replica):
        primary.run("CREATE TABLE shop.orders (id INT AUTO_INCREMENT PRIMARY KEY, total INT)")
        yield primary, replica


def checked(primary: str, replica: str, max_lag: float = 30) -> str:
    task = DataTask(moment=Moment.RUNNING, max_lag=max_lag, timeout=10)
    return perform(task, {URL: primary, STANDBY: replica}, "1.1.0", "1.0.0")


def refusal(primary: str, replica: str, max_lag: float = 0.2) -> str:
    with pytest.raises(AdapterError) as refused:
        checked(primary, replica, max_lag)
    assert PASSWORD not in str(refused.value)
    return str(refused.value)


def test_r12_what_was_written_before_the_check_is_there_and_the_figures_say_how(pair: tuple[Mariadb, Mariadb]) -> None:
    primary, replica = pair
    primary.run("USE shop", "INSERT INTO shop.orders (total) SELECT seq FROM seq_1_to_5000")
    said = checked(primary.url(), replica.url())
    assert replica.run("SELECT COUNT(*) FROM shop.orders") == [(5000,)]
    assert f"127.0.0.1:{replica.port}/shop has what 127.0.0.1:{primary.port}/shop had" in said
    assert "IO/SQL threads Yes/Yes, GTID 0-1-" in said


def test_r31_a_stopped_thread_and_a_change_that_cannot_be_applied_are_named(pair: tuple[Mariadb, Mariadb]) -> None:
    primary, replica = pair
    replica.run("STOP REPLICA SQL_THREAD")
    primary.run("INSERT INTO shop.orders (total) VALUES (1)")
    said = refusal(primary.url(), replica.url())
    assert "the SQL thread of" in said
    assert "is not running: run START REPLICA there" in said
    replica.run("DROP TABLE shop.orders", "START REPLICA")
    eventually(lambda: "doesn't exist" in refusal(primary.url(), replica.url()))
    replica.run("CREATE TABLE shop.orders (id INT AUTO_INCREMENT PRIMARY KEY, total INT)", "START REPLICA")
    assert "has what" in checked(primary.url(), replica.url())


def test_r31_a_primary_that_is_away_a_server_of_its_own_and_a_missing_privilege(pair: tuple[Mariadb, Mariadb]) -> None:
    primary, replica = pair
    assert "is no replica: it replicates from nobody" in refusal(replica.url(), primary.url())
    assert "GRANT REPLICA MONITOR ON *.* TO small" in refusal(primary.url(), replica.url(user="small"))
    said = refusal(primary.url(password="wrong-secret"), replica.url())
    assert "Access denied for user 'pilot'" in said
    assert "wrong-secret" not in said
    replica.run("STOP REPLICA IO_THREAD")
    primary.run("INSERT INTO shop.orders (total) VALUES (1)")
    assert "the IO thread of" in refusal(primary.url(), replica.url())
    replica.run("START REPLICA")


def test_r31_a_migration_that_failed_halfway_stays_so_and_nothing_is_written(
    pair: tuple[Mariadb, Mariadb], tmp_path: Path
) -> None:
    """MariaDB commits each change of a schema: Flyway lists what failed, and the words say what a failure leaves."""
    from pilotage.adapters.databases.connection import connect

    primary, _ = pair
    (tmp_path / "V1__a.sql").write_text("CREATE TABLE a (id INT);\n")
    (tmp_path / "V2__b.sql").write_text("ALTER TABLE a ADD b INT;\nALTER TABLE a ADD b INT;\n")
    section = MigrationsSection.model_validate({"kind": "flyway", "folder": "."})
    brought = brought_by(section, tmp_path)
    task = DataTask(moment=Moment.BEFORE, max_lag=1, timeout=10, migrations=brought)
    primary.run("USE shop", FLYWAY, row(1, "1", "CREATE TABLE a (id INT);\n"))
    assert "commits each change of the schema at once" in perform(task, {URL: primary.url()}, "1.1.0", "1.0.0")
    primary.run("USE shop", row(2, "2", "", success=False))
    with pytest.raises(AdapterError, match="half-applied"):
        perform(task, {URL: primary.url()}, "1.1.0", "1.0.0")
    database = connect(primary.url(), 0.3)
    with pytest.raises(AdapterError, match="READ ONLY transaction"):
        database.rows("DELETE FROM orders")
    with pytest.raises(AdapterError, match=r"did not answer within 0\.3 s"):
        database.rows("SELECT COUNT(*) FROM seq_1_to_100000000 WHERE SQRT(seq) = 1.5")
