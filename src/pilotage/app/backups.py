"""Backups of an environment's database: make, try out, restore, list."""

from __future__ import annotations

from collections.abc import Iterator

from pilotage.adapters.backups.making import Backups, NotRestored, folder_of
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import resolve
from pilotage.app.permissions import Permission
from pilotage.app.project import Project, Unclear
from pilotage.config.backups import BackupSection
from pilotage.config.loading import Loaded
from pilotage.model.backup import Backup, Purpose
from pilotage.model.finding import Finding
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration
from pilotage.model.step_ids import RESTORE
from pilotage.rollout.strategies import strategy_of


class NoBackups(Unclear):
    """The environment has no `backup:` section, so Pilotage does not know its database."""


def section_of(loaded: Loaded, environment: str) -> BackupSection:
    """Raises NoBackups."""
    section = loaded.configuration.environments[environment].backup
    if section is None:
        raise NoBackups(
            f"{loaded.place('environments', environment)}: {environment} has no database to back up; add "
            "backup: {database: secret://env/DATABASE_URL, scratch: secret://env/SCRATCH_URL}"
        )
    return section


def backups_in(project: Project, environment: str | None) -> Backups:
    """Of one environment. Raises NoBackups, Unclear, and AdapterError for a secret that cannot be read."""
    place = project.environment(environment)
    section, reference = section_of(project.loaded, place), project.loaded.configuration.environments[place].backed_up
    service = project.loaded.configuration.service
    return Backups(
        folder=folder_of(project.folder, section.folder, service, place), service=service, environment=place,
        database=resolve(reference), scratch=resolve(section.scratch), keep=section.keep,
        timeout=section.timeout, programs=section.programs,
    )  # fmt: skip


def known_backups(loaded: Loaded, environment: str) -> tuple[Backup, ...]:
    """Those on disk, newest first; needs neither secrets nor a server. Raises NoBackups."""
    section = section_of(loaded, environment)
    return folder_of(loaded.folder, section.folder, loaded.configuration.service, environment).every()


def examine_backups(project: Project, environment: str) -> Iterator[Finding]:
    """What `doctor` says of an environment's backups; nothing where it has none."""
    from pilotage.adapters.backups import examining

    if project.loaded.configuration.environments[environment].backup is None:
        return
    try:
        backups = backups_in(project, environment)
        servers = backups.server(backups.database), backups.server(backups.scratch)
    except AdapterError as error:
        yield Finding("FAIL", "backup", str(error))
        return
    yield from examining.examine_backups(*servers)


def make_backup(project: Project, actor: str, environment: str | None, *, verify: bool) -> Backup:
    """A new backup, tried out where `verify` says so. Raises AdapterError."""
    backups = backups_in(project, environment)
    project.require(actor, Permission.BACK_UP, backups.environment)
    made = backups.make(project.clock.now())
    return backups.verify(made, project.clock.now()) if verify else made


def verify_backup(project: Project, actor: str, environment: str | None, identity: str | None) -> Backup:
    """Restore one into a scratch database and compare. identity: None for the newest. Raises UnknownBackup,
    AdapterError."""
    backups = backups_in(project, environment)
    project.require(actor, Permission.BACK_UP, backups.environment)
    return backups.verify(backups.folder.get(identity), project.clock.now())


def restore_backup(
    project: Project, actor: str, environment: str | None, identity: str, *, keep_replaced: bool
) -> tuple[Backup, float, Backup | None]:
    """Put a backup in place of what the database holds. Returns it, seconds, and the backup of what was replaced.

    Raises UnknownBackup, NotRestored and AdapterError; the database is then unchanged.
    """
    backups = backups_in(project, environment)
    project.require(actor, Permission.BACK_UP, backups.environment)
    wanted = backups.folder.get(identity)
    replaced = None
    if keep_replaced:
        try:
            replaced = backups.make(project.clock.now(), Purpose.REPLACED)
        except AdapterError as error:
            raise NotRestored(
                f"nothing was restored: the present data could not be backed up first: {error}",
                cure="restore without that with --discard-present",
            ) from None
    return wanted, backups.restore(wanted), replaced


def durations_of(loaded: Loaded, plan: Plan) -> Iterator[str]:
    """What the last verified backup took, where the plan makes and restores one; then what of it is too long."""
    if (last := _last_verified(loaded, plan)) is None or last.tried is None:
        return
    made, restored = (format_duration(max(1, round(seconds))) for seconds in (last.seconds, last.tried.seconds))
    longer = "the service stays closed that much longer, forward and back"
    yield f"backup {last.id} took {made} to make and {restored} to restore: {longer}"
    yield from late_backups(loaded, plan)


def late_backups(loaded: Loaded, plan: Plan) -> Iterator[str]:
    """What of the last verified backup took longer than the plan allows, a sentence each."""
    if (last := _last_verified(loaded, plan)) is None or last.tried is None:
        return
    seconds = last.seconds + last.tried.seconds
    for words, allowed, setting in (
        (
            "making backup {} and restoring it elsewhere",
            plan.number("big_bang.check_timeout"),
            "big_bang.check_timeout",
        ),
        ("restoring backup {} after another backup", plan.rollback.timeout, "rollback.timeout"),
    ):
        if seconds > allowed:
            took, limit = format_duration(round(seconds)), format_duration(int(allowed))
            yield f"{words.format(last.id)} took {took}; {setting} is {limit}"


def _last_verified(loaded: Loaded, plan: Plan) -> Backup | None:
    """Of the environment, where the plan's strategy restores backups and Pilotage makes them."""
    makes = loaded.configuration.environments[plan.environment].backup is not None
    if not makes or RESTORE not in strategy_of(plan).more_checks:
        return None
    return next((one for one in known_backups(loaded, plan.environment) if one.verified), None)
