"""Rollouts that were."""

from __future__ import annotations

from pilotage.app.project import Project
from pilotage.model.record import RolloutSummary


def history(project: Project, environment: str | None, limit: int) -> tuple[RolloutSummary, ...]:
    """The newest rollouts of an environment, or of all; of every service where several are configured and none is
    named. Raises Unclear, ConfigError."""
    from pilotage.config.yaml_reader import ConfigError

    try:
        names = project.names
        services = list(names.environments) if names.several and project.service is None else []
    except ConfigError:
        services = []
    if not services:
        service, name = project.place(environment) if environment else (project.service_name, None)
        return tuple(project.records.history(service, name, limit))
    found = [one for service in services for one in project.records.history(service, environment, limit)]
    return tuple(sorted(found, key=lambda one: one.created_at, reverse=True)[:limit])
