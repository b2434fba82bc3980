"""From a configuration to a plan; apart from the store, so that planning needs no database."""

from __future__ import annotations

from datetime import date

from pilotage.config.loading import Loaded
from pilotage.model.plan import Plan
from pilotage.plan.making import Service, make_plan
from pilotage.plan.numbers import Override


def plan_for(loaded: Loaded, environment: str, version: str, release_date: date | None = None) -> Plan:
    """The plan of releasing `version`, its overrides traced to their lines. Raises ValueError with what is wrong."""
    section = loaded.configuration.environments[environment]
    overrides = {
        path: Override(value, loaded.place("environments", environment, "overrides", path))
        for path, value in section.overrides.items()
    }
    service = Service(loaded.configuration.service, environment, section.fleet.count, overrides)
    return make_plan(
        loaded.configuration.answers.to_answers(), version=version, release_date=release_date, service=service
    )
