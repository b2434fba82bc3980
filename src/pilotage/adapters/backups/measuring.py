"""Counts the rows of every table and adds up a hash of each, so that two databases can be compared.

The sum does not depend on the order of the rows, and the text of a row does not depend on anybody's settings: both are
fixed for the session that asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pilotage.adapters.backups.connection import execute, query
from pilotage.model.backup import Contents, TableSum

if TYPE_CHECKING:
    import psycopg

SETTINGS = (
    "SET search_path = ''; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601'; "
    "SET extra_float_digits = 3; SET bytea_output = 'hex'; SET lc_monetary = 'C'; SET client_encoding = 'UTF8'; "
    "SET row_security = off; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0"
)
"""row_security off: rows that this user may not see make the query fail, instead of being missing from the sums."""

OF_USERS = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
"""Schemas that a dump has."""

_TABLES = f"""
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND {OF_USERS} AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
  AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1
"""
"""Each with its own rows: those of partitions are counted at the partition."""


def contents_of(connection: psycopg.Connection[tuple[object, ...]]) -> Contents:
    """Of a database, as one transaction of `connection` sees it. Raises AdapterError."""
    execute(connection, SETTINGS)
    tables = [_sum_of(connection, str(name)) for (name,) in query(connection, _TABLES)]
    ((objects,),) = query(connection, "SELECT count(*) FROM pg_catalog.pg_largeobject_metadata")
    return Contents(tables=tuple(tables), large_objects=int(str(objects)))


def _sum_of(connection: psycopg.Connection[tuple[object, ...]], name: str) -> TableSum:
    ((rows, checksum),) = query(connection, sums(name))
    return TableSum(name=name, rows=int(str(rows)), checksum=str(checksum))


def sums(table: str) -> str:
    """SQL for the rows of a table and their sum."""
    row = "pg_catalog.textsend((pilotage_row.*)::text)"
    hashed = f"('x' || left(encode(pg_catalog.sha256({row}), 'hex'), 15))::bit(60)::bigint"
    return f"SELECT count(*), coalesce(sum({hashed}), 0)::text FROM ONLY {table} AS pilotage_row"


def comparison(held: Contents) -> Iterator[str]:
    """SQL that fails unless the database has these contents."""
    for table in held.tables:
        wrong = f"RAISE EXCEPTION 'restored % has % rows that differ from the {table.rows} of the backup', "
        yield (
            f"DO $pilotage_sums$ DECLARE n bigint; s text; BEGIN {_into(table.name)}; "
            f"IF n <> {table.rows} OR s <> '{table.checksum}' THEN {wrong}{_literal(table.name)}, n; END IF; "
            "END $pilotage_sums$;"
        )


def _into(table: str) -> str:
    asked = sums(table)
    return asked.replace(" FROM ONLY ", " INTO n, s FROM ONLY ", 1)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
