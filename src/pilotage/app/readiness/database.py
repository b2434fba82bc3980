"""Whether the newest backup that Pilotage made has been restored elsewhere, and is still the file that was."""

from __future__ import annotations

from pilotage.app.backups import known_backups
from pilotage.app.readiness.remote import CheckContext
from pilotage.model.backup import Backup
from pilotage.model.quantity import format_duration
from pilotage.model.readiness import Evidence
from pilotage.model.schedule import Requirement

ITEM = "backup_procedures"


def makes_backups(case: CheckContext) -> bool:
    """Whether the environment has a `backup:` section."""
    return case.loaded.configuration.environments[case.plan.environment].backup is not None


def backup(case: CheckContext, _item: Requirement) -> Evidence:
    """The newest one that came back whole decides, if it is young enough."""
    every = known_backups(case.loaded, case.plan.environment)
    proven = next((one for one in every if one.verified), None)
    if proven is None:
        return Evidence("backup", False, _without(every))
    words = _words(proven, case.now)
    if why := _damage(case, proven):
        return Evidence("backup", False, why)
    longest = case.section.max_age
    if case.now - proven.at > longest:
        return Evidence("backup", False, f"{words}: older than {format_duration(int(longest))}")
    return Evidence("backup", True, words)


def _without(every: tuple[Backup, ...]) -> str:
    if not every:
        return "there is no backup yet"
    newest = every[0]
    if newest.tried is None:
        return f"backup {newest.id} was never restored"
    return f"backup {newest.id} does not restore: {newest.tried.problem}"


def _words(proven: Backup, now: float) -> str:
    assert proven.tried is not None
    age = format_duration(round(max(0.0, now - proven.at)))
    return (
        f"backup {proven.id}, made {age} ago in {proven.seconds:.1f} s, was restored elsewhere in "
        f"{proven.tried.seconds:.1f} s with all {proven.contents.rows} rows of {len(proven.contents.tables)} tables"
    )


def _damage(case: CheckContext, proven: Backup) -> str:
    """What became of its dump since. A file that nobody changed is not read again: it may be large."""
    from pilotage.adapters.backups.making import folder_of
    from pilotage.adapters.backups.store import DamagedBackup
    from pilotage.app.backups import section_of

    section = section_of(case.loaded, case.plan.environment)
    folder = folder_of(case.loaded.folder, section.folder, case.plan.service, case.plan.environment)
    try:
        modified = folder.check_size(proven)
        if proven.tried is not None and modified != proven.tried.modified:
            folder.dump_of(proven)
    except DamagedBackup as error:
        return str(error)
    return ""
