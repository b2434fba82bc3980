"""What a version brings of migrations, and what each of them takes from the version before."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from pilotage.adapters.databases.scripts import TABLES, scripts_in
from pilotage.adapters.ports import AdapterError
from pilotage.config.databases import MigrationsSection
from pilotage.config.loading import Loaded
from pilotage.model.json import JsonObject
from pilotage.model.migration import Brought
from pilotage.risk.migrations import contractions_of


def brought_by(section: MigrationsSection, folder: Path) -> Brought:
    """folder: of the project. What cannot be read is in its `trouble`."""
    table = section.table or TABLES[section.kind]
    try:
        files = scripts_in(folder / section.folder, section.kind)
    except AdapterError as error:
        return Brought(tool=section.kind, table=table, trouble=str(error))
    scripts = []
    for one in files:
        contracts, unread = contractions_of(f"{section.folder}/{one.path}", one.text)
        scripts.append(replace(one.script, contracts=contracts, unread=unread))
    return Brought(tool=section.kind, table=table, scripts=tuple(scripts))


def migrations_of(loaded: Loaded, environment: str) -> JsonObject:
    """As a rollout keeps them; empty where the environment names none."""
    database = loaded.configuration.environments[environment].database
    if database is None or database.migrations is None:
        return {}
    return asdict(brought_by(database.migrations, loaded.folder))
