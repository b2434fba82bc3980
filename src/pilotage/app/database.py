"""What the environment's database says before a release: replication, and migrations against what the version brings.

`pilotage ready` asks, so does `deploy` where readiness is enforced, and `doctor`. The rollout's own steps ask again at
their moment, because a lag can change.
"""

from __future__ import annotations

from collections.abc import Iterator

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import resolve
from pilotage.app.migrations import brought_by
from pilotage.app.project import Project
from pilotage.config.databases import DatabaseSection
from pilotage.config.loading import Loaded
from pilotage.model.finding import Finding
from pilotage.model.migration import Moment
from pilotage.model.plan import Plan
from pilotage.model.readiness import Evidence, Gate, Signature
from pilotage.model.schedule import Requirement, Role
from pilotage.readiness.gates import DATABASE, ReleaseContext, gate
from pilotage.rollout.strategies import strategy_of


def requirement_of(loaded: Loaded, environment: str) -> tuple[Requirement, ...]:
    """The item of an environment that names its database; none for others."""
    if loaded.configuration.environments[environment].database is None:
        return ()
    item = Requirement(
        DATABASE, "infrastructure", "The database fits the release", Role.DEVOPS_ENGINEER,
        "replication and migrations, read from the database", "the standby follows, no migration breaks what serves",
        blocking=True, phase="", due=None, source="R12, R31",
    )  # fmt: skip
    return (item,)


def database_gates(
    loaded: Loaded, plan: Plan, stable: str, given: tuple[Signature, ...], where: ReleaseContext
) -> tuple[Gate, ...]:  # fmt: skip
    """The gate of the environment's database. stable: the version that serves, empty if none does."""
    section = loaded.configuration.environments[plan.environment].database
    if section is None:
        return ()
    try:
        proof = Evidence("database", True, _looked_at(loaded, section, plan, stable))
    except AdapterError as error:
        proof = Evidence("database", False, str(error))
    told = f"pilotage doctor -e {plan.environment} looks at the connections"
    return tuple(gate(item, (proof,), given, told, where) for item in requirement_of(loaded, plan.environment))


def _looked_at(loaded: Loaded, section: DatabaseSection, plan: Plan, stable: str) -> str:
    """What was found, in a sentence. Raises AdapterError with what is wrong."""
    from pilotage.adapters.databases.task import DataTask, perform

    task = DataTask(
        moment=Moment.BEFORE, max_lag=section.max_lag, timeout=section.timeout,
        migrations=brought_by(section.migrations, loaded.folder) if section.migrations else None,
        together=strategy_of(plan).shares_schema,
    )  # fmt: skip
    return perform(task, _secrets(section), plan.version, stable if stable != plan.version else "")


def _secrets(section: DatabaseSection) -> dict[str, str]:
    """Raises AdapterError for a reference that leads nowhere."""
    from pilotage.adapters.databases.task import STANDBY, URL

    standby = {STANDBY: resolve(section.standby).reveal()} if section.standby else {}
    return {URL: resolve(section.url).reveal(), **standby}


def examine_database(project: Project, environment: str) -> Iterator[Finding]:
    """What `doctor` says of an environment's database; nothing where it names none."""
    section = project.loaded.configuration.environments[environment].database
    if section is None:
        return
    from pilotage.adapters.databases.examining import examine

    brought = brought_by(section.migrations, project.folder) if section.migrations else None
    try:
        yield from examine(_secrets(section), section.timeout, brought)
    except AdapterError as error:
        yield Finding("FAIL", "database", str(error))
