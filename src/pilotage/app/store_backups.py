"""Backs up, verifies and restores Pilotage's own store. Backups of a service's database are in `backups.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from dataclasses import replace as replace_in
from datetime import UTC, datetime
from pathlib import Path

from pilotage.adapters.files import read_leniently, write_json
from pilotage.adapters.store_archive import Archive, ArchiveWriter, new_archive
from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.app.setbacks import find_setbacks
from pilotage.model.errors import Invalid, PilotageError
from pilotage.model.json import WrongJson, number_at, text_at
from pilotage.model.store_backup import Manifest
from pilotage.model.timestamp import timestamp

_NOTE = "store-backup.json"
_NAMED = re.compile(r"pilotage-\d{8}T\d{6}Z\.zip")


class RecordsChanged(PilotageError):
    """Records in the backup are not what Pilotage wrote. `--force` restores them all the same."""

    exit_status, http_status = 1, 409


@dataclass(frozen=True, kw_only=True)
class StoreBackup:
    """path: of the file · size: in bytes · removed: older backups that `keep` let go."""

    path: Path
    size: int
    manifest: Manifest
    removed: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A backup that was restored into a folder of its own. changed: a sentence for each record that is not what was
    written · rollouts, events: how many were checked."""

    manifest: Manifest
    rollouts: int
    events: int
    changed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Restored:
    """aside: the folder with what was replaced · elsewhere: environments that the store has at home in another place,
    a sentence each · now: what is so in each environment of this place, and what to do, a sentence each · accept:
    whether a person must accept the records of one before Pilotage goes on there."""

    checked: Checked
    aside: Path | None
    elsewhere: tuple[str, ...]
    now: tuple[str, ...] = ()
    accept: bool = False


def back_up_store(project: Project, actor: str, to: Path, keep: int | None = None) -> StoreBackup:
    """Write the store into a new file; the worker goes on meanwhile. to: a file, or a folder for a file that is named
    after the time. keep: how many of these stay in the folder. Raises BackupFileExists, NothingStored, OSError."""
    from pilotage.engine.records.store_backup import back_up, is_current

    if project.identity is not None or is_current(project.directory):
        project.require(actor, Permission.BACK_UP)  # asked of an older store, this would migrate it
    now = project.clock.now()
    path = to / f"pilotage-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}.zip" if to.is_dir() else to
    with new_archive(path) as file:
        manifest = back_up(project.directory, ArchiveWriter(file), now)
    write_json(project.directory / _NOTE, {"at": now, "file": str(path.resolve()), "rows": manifest.rows})
    removed = tuple(_removed(to, keep)) if keep is not None and to.is_dir() else ()
    return StoreBackup(path=path, size=path.stat().st_size, manifest=manifest, removed=removed)


def _removed(folder: Path, keep: int) -> Iterator[Path]:
    """Remove all but the newest backups; files of other names are not touched."""
    for old in sorted(path for path in folder.iterdir() if _NAMED.fullmatch(path.name))[:-keep]:
        old.unlink()
        yield old


def last_backup(directory: Path) -> tuple[float, Path] | None:
    """When the store was last backed up from this folder, in Unix seconds, and the file."""
    found = read_leniently(directory / _NOTE)
    try:
        return number_at(found, "at"), Path(text_at(found, "file"))
    except WrongJson:
        return None


def verify_store_backup(project: Project, file: Path) -> Checked:
    """Restore a backup into a folder of its own, and verify every record there. Raises BadBackup, NoRoom."""
    from pilotage.engine.records.store_ready import made_ready

    with closing(Archive(file)) as archive, made_ready(archive, project.directory) as ready:
        return _checked(archive.manifest, ready)


def restore_store(project: Project, actor: str, file: Path, *, force: bool) -> Restored:
    """Replace the store of this folder, or the database that PILOTAGE_DATABASE names, by a backup. The operating system
    decides who may: whoever has the folder and the file. The store that would know is the one that is replaced. Raises
    BadBackup, StoreInUse, StoreNotEmpty, RecordsChanged, NoRoom."""
    from pilotage.engine.records.store_ready import made_ready
    from pilotage.engine.records.store_restore import alone, replace

    now = project.clock.now()
    with closing(Archive(file)) as archive, alone(project.directory), made_ready(archive, project.directory) as ready:
        checked = _checked(archive.manifest, ready)
        if checked.changed and not force:
            raise RecordsChanged(checked.changed[0], where=str(file), cure="restore it all the same with --force")
        aside = replace(archive, ready, project.directory, force=force, now=now)
    _note(project, actor, file, checked)
    accept = bool(find_setbacks(project))
    return Restored(
        checked=checked, aside=aside, elsewhere=tuple(_elsewhere(project)), now=tuple(_now(project)), accept=accept
    )


def _now(project: Project) -> Iterator[str]:
    """A configuration that cannot be read is no reason to fail after the restore."""
    from pilotage.app.status import everywhere

    try:
        every = everywhere(project, None)
    except Invalid:
        return
    for one in every:
        if one.home is None and (one.serving or one.newest):
            yield f"{one.service} in {one.environment}: {one.headline}"
            if one.setback:
                lacks = one.setback.partition("; Pilotage")[0]
                yield f"  {lacks}; look what runs, then run {one.spelled.command('store accept')}"


def _checked(manifest: Manifest, ready: Path) -> Checked:
    from pilotage.engine.integrity.whole_store import verify_file
    from pilotage.engine.records.store_ready import in_one_file

    found = verify_file(ready)
    in_one_file(ready / "pilotage.sqlite")
    return Checked(manifest=manifest, rollouts=found.rollouts, events=found.events, changed=found.changed)


def _note(project: Project, actor: str, file: Path, checked: Checked) -> None:
    """The audit log of the restored store says that it is one."""
    from pilotage.app.auditing import act_of
    from pilotage.app.permissions import Thing
    from pilotage.engine.records import audit

    asked = act_of(project, actor, Permission.BACK_UP, Thing(service=""))
    act = replace_in(asked, action="restore-store", object=file.name)
    made_at = timestamp(checked.manifest.made_at)
    audit.write(project.store.engine, act, project.clock.now(), after={"made_at": made_at})


def _elsewhere(project: Project) -> Iterator[str]:
    """Environments that this folder does not run until they are adopted."""
    from pilotage.engine.placement.places import home_of, known

    engine = project.store.engine
    for service, environment in known(engine):
        home = home_of(engine, project.directory, service, environment)
        if home is not None and not home.is_here:
            yield f"{service}/{environment} has its home on {home.place.name}; `pilotage adopt {environment}` moves it"
