"""R15, R31: the scripts of the backups guide, run as they stand there with real programs; the proof is a restore."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pilotage.adapters.free_port import free_port
from pilotage.readiness.backups import restore
from tests.databases import PASSWORD, Mariadb, eventually, mariadb_server, own, place
from tests.programs import needs

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("backup_recipes")]
GUIDE = (Path(__file__).parents[2] / "docs/guides/backups.md").read_text()
OF_MARIADB, OF_PGBACKREST = re.findall(r'```sh title="backup.sh"\n(.*?)\n```', GUIDE, re.DOTALL)
DEBIAN = "/usr/lib/postgresql/15/bin"


class Recipe:
    """The script in a folder, run as a check of a rollout runs it."""

    def __init__(self, folder: Path, script: str, environment: Mapping[str, str], user: str | None = None) -> None:
        self.folder, self.environment, self.user = folder, environment, user
        (folder / "backup.sh").write_text(script)
        (folder / "backup.sh").chmod(0o755)

    def run(self, act: str, expect: int = 0) -> str:
        path = os.environ.get("PATH", os.defpath)
        done = subprocess.run(
            ["./backup.sh", act], cwd=self.folder, capture_output=True, text=True, timeout=120, user=self.user,
            extra_groups=[] if self.user else None,
            env={"PATH": path, "PILOTAGE_VERSION": "2.0.0", **self.environment},
        )  # fmt: skip
        assert done.returncode == expect, done.stdout + done.stderr
        assert PASSWORD not in done.stdout + done.stderr
        return (done.stdout.splitlines() or [""])[-1]

    def check_proof(self) -> None:
        """The gate backup_procedures reads it."""
        assert restore((self.folder / "backups/restore.json").read_bytes(), "restore.json").seconds >= 0


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mariadb]:
    with mariadb_server(tmp_path_factory.mktemp("mariadb")) as server:
        server.run("GRANT ALL ON shop_scratch.* TO pilot@'%'", "GRANT PROCESS, SET USER ON *.* TO pilot@'%'")
        yield server


def test_r15_mariadb_is_dumped_proven_and_brought_back_with_what_users_wrote_last(
    mariadb: Mariadb, tmp_path: Path
) -> None:
    needs("mariadb-dump")
    environment = {"HOST": "127.0.0.1", "PORT": str(mariadb.port), "DB_USER": "pilot", "MYSQL_PWD": PASSWORD}
    recipe = Recipe(tmp_path, OF_MARIADB, environment)
    mariadb.run(
        "USE shop", "CREATE TABLE orders (id INT AUTO_INCREMENT PRIMARY KEY, note TEXT, paid DECIMAL(9,2), doc BLOB)",
        "INSERT INTO orders (note, paid, doc) SELECT 'ä ''x''', seq, UNHEX(MD5(seq)) FROM seq_1_to_2000",
        "CREATE VIEW dear AS SELECT * FROM orders WHERE paid > 100",
    )  # fmt: skip
    assert "restored elsewhere and compared in" in recipe.run("check")
    recipe.check_proof()
    assert "never started" in recipe.run("restore")
    mariadb.run("INSERT INTO shop.orders (note) VALUES ('the last one')")
    assert "of the closed service" in recipe.run("final")
    mariadb.run("ALTER TABLE shop.orders DROP COLUMN note", "DELETE FROM shop.orders WHERE id > 10")
    assert "bytes restored" in recipe.run("restore")
    assert mariadb.run("SELECT COUNT(*), MAX(note = 'the last one') FROM shop.orders") == [(2001, 1)]
    assert mariadb.run("SELECT COUNT(*) FROM shop.dear") == [(1900,)]


def test_r15_a_mariadb_dump_that_lacks_rows_is_no_proof(mariadb: Mariadb, tmp_path: Path) -> None:
    environment = {"HOST": "127.0.0.1", "PORT": str(mariadb.port), "DB_USER": "pilot", "MYSQL_PWD": PASSWORD}
    wrong = OF_MARIADB.replace("shop_scratch < backups/new.sql", "shop_scratch -e 'CREATE TABLE other (id INT)'")
    recipe = Recipe(tmp_path, wrong, environment)
    recipe.run("check", expect=1)
    assert not (tmp_path / "backups/restore.json").exists()


@pytest.mark.long
def test_r15_pgbackrest_is_restored_elsewhere_and_back_to_the_point_before_the_release(tmp_path: Path) -> None:
    needs("pgbackrest")
    needs(f"{DEBIAN}/postgres")
    home = place(tmp_path / "pg")
    user = "nobody" if os.geteuid() == 0 else None
    port, data = free_port(), home / "data"
    (home / "pgbackrest.conf").write_text(
        f"[global]\nrepo1-path={home}/repo\nlog-path={home}/log\nlock-path={home}/lock\nspool-path={home}/spool\n"
        "start-fast=y\nrepo1-retention-full=2\n"
        f"[shop]\npg1-path={data}\npg1-port={port}\npg1-socket-path={home}\npg1-user=pilot\n"
    )
    environment = {
        "CONFIG": f"{home}/pgbackrest.conf", "SCRATCH": f"{home}/scratch", "PGDATA": str(data), "PGHOST": str(home),
        "PGPORT": str(port), "PGUSER": "pilot", "PATH": f"{DEBIAN}:{os.environ.get('PATH', os.defpath)}",
    }  # fmt: skip
    # Debian's pg_config, which developers have, says where its programs are; here they are on PATH.
    script = OF_PGBACKREST.replace("$(pg_config --bindir)", DEBIAN)
    recipe = Recipe(home, script, environment, user)

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=home, capture_output=True, text=True, timeout=60, user=user, env=environment,
            extra_groups=[] if user else None,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    (home / "log").mkdir()
    own(home)
    run(f"{DEBIAN}/initdb", "-D", str(data), "-U", "pilot", "--no-sync")
    push = f"pgbackrest --config={home}/pgbackrest.conf --stanza=shop archive-push %p"
    with (data / "postgresql.conf").open("a") as settings:
        settings.write(
            f"port={port}\nlisten_addresses=''\nunix_socket_directories='{home}'\nfsync=off\narchive_mode=on\n"
            f"archive_command='{push}'\nwal_level=replica\n"
        )
    try:
        # Its output goes to a file: the server would keep a pipe open.
        run("sh", "-c", f"{DEBIAN}/pg_ctl -D {data} -w -l {home}/server.log start > {home}/start.out")
        run("psql", "-d", "postgres", "-c", "CREATE DATABASE shop")
        run("psql", "-c", "CREATE TABLE orders AS SELECT generate_series(1, 500) AS id", "shop")
        run("pgbackrest", f"--config={home}/pgbackrest.conf", "--stanza=shop", "stanza-create")
        assert "restored elsewhere and read in" in recipe.run("check")
        recipe.check_proof()
        assert "never started" in recipe.run("restore")
        run("psql", "-c", "INSERT INTO orders VALUES (501)", "shop")
        assert "restore point 'before 2.0.0'" in recipe.run("final")
        run("psql", "-c", "DROP TABLE orders", "shop")
        assert recipe.run("restore") == "restored to 'before 2.0.0'"
        eventually(lambda: run("psql", "-Atc", "SELECT pg_is_in_recovery()", "shop") == "f")
        assert run("psql", "-Atc", "SELECT count(*) FROM orders", "shop") == "501"
    finally:
        for folder in (data, home / "scratch"):
            if (folder / "postmaster.pid").exists():
                run(f"{DEBIAN}/pg_ctl", "-D", str(folder), "-m", "immediate", "stop")
        shutil.rmtree(home / "repo", ignore_errors=True)
