"""Which steps of a rollout something checks in an environment, as its configuration says."""

from __future__ import annotations

from pilotage.config.loading import Loaded
from pilotage.model.step_ids import CHECK_BACKUP, CHECK_DATA, CHECK_PACKAGE, CHECK_SCHEMA, RESTORE


def configured_checks(loaded: Loaded, environment: str) -> frozenset[str]:
    """Steps with at least one configured check, and those that Pilotage checks itself as the configuration says."""
    section, readiness = loaded.configuration.environments[environment], loaded.configuration.readiness
    names = {name for name, checks in section.checks.items() if checks}
    names |= {CHECK_BACKUP, RESTORE} if section.backup else set()
    names |= {CHECK_DATA} if section.database else set()
    names |= {CHECK_SCHEMA} if section.database and section.database.migrations else set()
    names |= {CHECK_PACKAGE} if readiness and readiness.artifact else set()
    return frozenset(names)
