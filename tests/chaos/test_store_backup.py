"""R35: Pilotage's own store is backed up while a worker writes, and restored whole or not at all, wherever it is cut
off; between SQLite and PostgreSQL, too."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from pilotage.adapters.keys import signer_of
from pilotage.adapters.store_archive import BackupFileExists, BadBackup
from pilotage.app.project import Project
from pilotage.app.store_backups import (
    Restored,
    StoreBackup,
    back_up_store,
    last_backup,
    restore_store,
    verify_store_backup,
)
from pilotage.engine.execution import failpoints
from pilotage.engine.placement.location import DATABASE
from pilotage.engine.placement.lock import WORKER, lock_file
from pilotage.engine.records.restored import RestoreCutOff
from pilotage.engine.records.store import Store
from pilotage.engine.records.store_restore import StoreInUse, StoreNotEmpty
from pilotage.engine.records.table_dump import lines_of, tables_in
from pilotage.model.rollout import CommandKind

from ..stores.test_stores import STORES, named, unpack
from .harness import begun
from .test_two_workers import wait

on_postgresql = pytest.mark.xdist_group("postgres")
pytestmark = pytest.mark.real


def project(folder: Path) -> Project:
    """One whose state is in the folder itself, as the harness has it."""
    folder.mkdir(exist_ok=True)
    return Project(folder / "pilotage.yaml")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Project]:
    def to(folder: Path) -> Project:
        monkeypatch.setenv("PILOTAGE_STATE", str(folder))
        return project(folder)

    return to


def backed_up(here: Project, to: Path, keep: int | None = None) -> StoreBackup:
    made = back_up_store(here, "ada", to, keep)
    _close(here)
    return made


def restored(here: Project, backup: Path, *, force: bool = False) -> Restored:
    done = restore_store(here, "ada", backup, force=force)
    _close(here)
    return done


def _close(here: Project) -> None:
    if (store := here.__dict__.pop("store", None)) is not None:
        store.close()


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with four rollouts, a key and an artifact, and its backup beside it."""
    place = tmp_path_factory.mktemp("made")
    folder = unpack(STORES[-1], place / "first")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PILOTAGE_STATE", str(folder))
        patched.delenv(DATABASE, raising=False)
        Store(folder).close()
        signer_of(folder)
        (folder / "artifacts").mkdir()
        (folder / "artifacts" / "built").write_bytes(os.urandom(1_500_000))
        backed_up(project(folder), place / "backup.zip")
    return place


@pytest.fixture
def stored(tmp_path: Path, made_once: Path) -> tuple[Path, Path]:
    """The two, for this test alone."""
    shutil.copytree(made_once, tmp_path, dirs_exist_ok=True)
    return tmp_path / "first", tmp_path / "backup.zip"


def content(folder: Path) -> dict[str, list[bytes]]:
    """Every row of every table but the audit log, which says who restored it."""
    store = Store(folder)
    with store.engine.connect() as connection:
        found = {
            table.name: sorted(lines_of(connection, table, lambda _: None))
            for table in tables_in(connection)
            if table.name != "audit"
        }
    store.close()
    return found


def test_a_backup_under_way_is_of_one_moment_and_its_chains_hold(
    tmp_path: Path, at: Callable[[Path], Project], controllers: Callable[[], int]
) -> None:
    rollout = begun(tmp_path, "canary", {"canary.phase_duration": "60s", "rollout.interval": "5ms"})
    controllers()
    wait(tmp_path, rollout, lambda r: r.state.step >= 2)
    for n in range(3):
        backed_up(at(tmp_path), tmp_path / f"{n}.zip")
        found = verify_store_backup(at(tmp_path / "elsewhere"), tmp_path / f"{n}.zip")
        assert not found.changed
        assert (found.rollouts, found.events > 1) == (1, True)


def test_a_store_is_restored_with_its_key_and_nobody_else_can_read_either(
    tmp_path: Path, at: Callable[[Path], Project], stored: tuple[Path, Path]
) -> None:
    folder, backup = stored
    second = tmp_path / "second"
    done = restored(at(second), backup)
    assert (done.checked.rollouts, done.aside) == (4, None)
    assert content(second) == content(folder)
    for name in ("keys/signing.pem", "artifacts/built"):
        assert (second / name).read_bytes() == (folder / name).read_bytes()
    for path in (backup, second / "pilotage.sqlite", second / "keys" / "signing.pem"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    noted = last_backup(folder)
    assert noted is not None
    assert noted[1].name == backup.name
    assert not [path for path in (*second.iterdir(), *tmp_path.iterdir()) if path.name.startswith((".rest", ".pilot"))]


@pytest.mark.parametrize("path", STORES[:1], ids=named)
def test_a_backup_of_an_older_pilotage_is_migrated(
    path: Path, tmp_path: Path, at: Callable[[Path], Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made without touching the older store, so it can be made before an upgrade."""
    first, second = unpack(path, tmp_path / "first"), tmp_path / "second"
    before = (first / "pilotage.sqlite").read_bytes()
    made = backed_up(at(first), tmp_path / "backup.zip")
    assert (first / "pilotage.sqlite").read_bytes()[100:] == before[100:]
    assert made.manifest.revision < 22
    restored(at(second), tmp_path / "backup.zip")
    monkeypatch.delenv("PILOTAGE_STATE")
    assert content(second) == content(first)  # opening the first one migrates it


def _killed_at(point: str, act: Callable[[], object]) -> None:
    """Run it in a process that dies at a failpoint."""
    if (pid := os.fork()) == 0:
        failpoints.arm(point, 1)
        act()
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize("point", ["restore-ready", "restore-marked", "restore-files", "restore-swapped"])
def test_a_restore_that_is_killed_is_never_half_used(
    point: str, tmp_path: Path, at: Callable[[Path], Project], stored: tuple[Path, Path]
) -> None:
    _, backup = stored
    second = tmp_path / "second"
    begun(second, "canary")
    mine = content(second)
    here = at(second)
    _killed_at(point, lambda: restored(here, backup, force=True))
    if point == "restore-ready":
        assert content(second) == mine
        with pytest.raises(StoreNotEmpty):
            restored(here, backup)
        return
    with pytest.raises(RestoreCutOff, match=r"backup\.zip"):
        Store(second)
    with pytest.raises(RestoreCutOff):
        backed_up(here, tmp_path / "half.zip")
    done = restored(here, backup)
    assert done.checked.rollouts == 4
    assert content(second) == content(stored[0])
    kept = list(second.glob("before-restore-*/pilotage.sqlite"))
    assert kept, "the store that was replaced is gone"


@on_postgresql
@pytest.mark.long
@pytest.mark.parametrize("point", ["restore-marked", "restore-swapped"])
def test_a_store_outgrows_its_machine_and_comes_back(
    point: str, tmp_path: Path, at: Callable[[Path], Project], stored: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    """From SQLite to PostgreSQL and back: the same rows, and new ones are numbered after them."""
    folder, backup = stored
    request.getfixturevalue("database")
    second, third = tmp_path / "second", tmp_path / "third"
    here = at(second)
    _killed_at(point, lambda: restored(here, backup))
    with pytest.raises(RestoreCutOff):
        Store(second)
    assert restored(here, backup).checked.rollouts == 4
    moved = content(second)
    with pytest.raises(StoreNotEmpty, match="rows already"):
        restored(project(second), backup)
    store = Store(second)
    with store.engine.begin() as connection:
        before = connection.scalar(text("SELECT max(id) FROM commands")) or 0
        rollout = connection.scalar(text("SELECT id FROM rollout WHERE status = 'progressing'"))
    assert store.command(str(rollout), CommandKind.PAUSE, "ada") > before
    with pytest.raises(StoreInUse, match="connections of Pilotage use the database"):
        restored(project(second), backup, force=True)
    store.close()
    restored(project(second), backup, force=True)
    backed_up(project(second), tmp_path / "again.zip")
    monkeypatch.delenv(DATABASE)
    restored(at(third), tmp_path / "again.zip")
    assert content(third) == content(folder) == moved


@pytest.mark.parametrize("share", [0.5, 0.999])
def test_what_is_cut_off_or_changed_replaces_nothing(
    share: float, tmp_path: Path, at: Callable[[Path], Project], stored: tuple[Path, Path]
) -> None:
    _, backup = stored
    whole, second = backup.read_bytes(), tmp_path / "second"
    here = at(second)
    begun(second, "canary")
    mine, at_byte = content(second), int(len(whole) * share)
    for broken in (whole[:at_byte], whole[:at_byte] + bytes([whole[at_byte] ^ 1]) + whole[at_byte + 1 :]):
        backup.write_bytes(broken)
        try:
            restored(here, backup, force=True)
        except BadBackup:
            assert content(second) == mine
        else:  # a bit that means nothing, such as a time in the archive's own list
            assert content(second) == content(tmp_path / "first")


def test_a_name_that_leads_out_of_the_folder_is_refused(
    tmp_path: Path, at: Callable[[Path], Project], stored: tuple[Path, Path]
) -> None:
    _, backup = stored
    evil = tmp_path / "evil.zip"
    with zipfile.ZipFile(backup) as old, zipfile.ZipFile(evil, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'"artifacts/built"', b'"../../tmp/built"'))
    with pytest.raises(BadBackup, match="not a path below the state folder"):
        restored(at(tmp_path / "second"), evil, force=True)
    with pytest.raises(BadBackup, match="no backup of a store"):
        verify_store_backup(at(tmp_path / "second"), tmp_path / "first" / "artifacts" / "built")


def test_it_is_refused_beside_a_worker_or_an_open_store(
    at: Callable[[Path], Project], stored: tuple[Path, Path]
) -> None:
    folder, backup = stored
    here = at(folder)
    lock = lock_file(folder / WORKER)
    with pytest.raises(StoreInUse, match=rf"process {os.getpid()} works in"):
        restored(here, backup, force=True)
    del lock
    store = Store(folder)
    with store.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        with pytest.raises(StoreInUse, match="another process uses"):
            restored(here, backup, force=True)
    store.close()
    with pytest.raises(BackupFileExists):
        backed_up(here, backup)


def test_a_changed_record_is_found_before_it_replaces_anything(
    tmp_path: Path, at: Callable[[Path], Project], stored: tuple[Path, Path]
) -> None:
    folder, _ = stored
    store = Store(folder)
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE rollout SET actor = 'mallory'"))
    store.close()
    backed_up(at(folder), tmp_path / "changed.zip")
    assert verify_store_backup(at(folder), tmp_path / "changed.zip").changed


def test_of_a_folder_only_the_newest_backups_stay(
    tmp_path: Path, at: Callable[[Path], Project], stored: tuple[Path, Path]
) -> None:
    from tests.clock import FakeClock

    folder, _ = stored
    backups = tmp_path / "backups"
    backups.mkdir()
    (backups / "notes.txt").write_text("mine")
    here = at(folder)
    here.clock = clock = FakeClock()
    for _ in range(4):
        clock.pass_(3600)
        made = backed_up(here, backups, keep=2)
    assert len(made.removed) == 1
    assert len(list(backups.glob("pilotage-*Z.zip"))) == 2
    assert (backups / "notes.txt").exists()
