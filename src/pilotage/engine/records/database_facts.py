"""What a PostgreSQL says of itself, as far as the store depends on it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, text

from pilotage.model.clock import Clock


@dataclass(frozen=True, kw_only=True)
class DatabaseFacts:
    """version: such as 17 · standby: it takes no writes · ahead: seconds that its clock is ahead of this machine's ·
    connections, most: present and allowed · synchronous: `synchronous_commit` · encrypted: the connection has TLS, or
    is a local socket · several, writable: hosts in the address, and whether it asks for the one that takes writes."""

    version: int
    standby: bool
    ahead: float
    connections: int
    most: int
    synchronous: str
    encrypted: bool
    several: bool
    writable: bool


_FACTS = text("""
    SELECT current_setting('server_version_num')::int / 10000 AS version, pg_is_in_recovery() AS standby,
           extract(epoch FROM clock_timestamp())::float8 AS clock,
           (SELECT count(*) FROM pg_stat_activity) AS connections,
           current_setting('max_connections')::int AS most, current_setting('synchronous_commit') AS synchronous,
           coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) OR inet_server_addr() IS NULL
               OR inet_server_addr() << '127.0.0.0/8' AS encrypted
""")


def database_facts(engine: Engine, clock: Clock) -> DatabaseFacts | None:
    """None for SQLite. clock: this machine's."""
    if engine.dialect.name != "postgresql":
        return None
    with engine.connect() as connection:
        before = clock.now()
        row = connection.execute(_FACTS).one()
        here = (before + clock.now()) / 2
    hosts = str(engine.url.query.get("host", engine.url.host or ""))
    return DatabaseFacts(
        version=row.version, standby=row.standby, ahead=row.clock - here, connections=row.connections, most=row.most,
        synchronous=row.synchronous, encrypted=row.encrypted, several="," in hosts,
        writable=engine.url.query.get("target_session_attrs") in ("read-write", "primary"),
    )  # fmt: skip
