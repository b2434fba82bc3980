"""What a rollout keeps of the configuration, as of its creation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pilotage.config.loading import Loaded
from pilotage.engine.execution.description import describe, with_learned_routes
from pilotage.model.calendar import Calendar
from pilotage.model.clock import day_of
from pilotage.model.json import JsonObject
from pilotage.model.snapshot import KnownCalendar, KnownFreeze, KnownPerson, KnownWindow, Snapshot


def snapshot_of(loaded: Loaded, environment: str, now: float, directory: Path) -> Snapshot:
    """All that a rollout must know of the configuration, as of its creation. directory: the store's."""
    from pilotage.config.calendars import calendar_of

    section = loaded.configuration.environments[environment]
    people = loaded.configuration.people.items()
    calendar = calendar_of(loaded, day_of(now, loaded.configuration.calendar.timezone))
    described = describe(section, loaded.folder)
    return replace(
        with_learned_routes(described, directory, loaded.configuration.service, environment),
        people={name: KnownPerson(roles=tuple(one.roles), aliases=tuple(one.aliases)) for name, one in people},
        notify=tuple(channels_of(loaded)),
        calendar=calendar_facts(calendar),
    )


def channels_of(loaded: Loaded) -> list[JsonObject]:
    """The channels of a configuration as plain JSON, as messages and rollouts keep them."""
    return [channel.model_dump(mode="json") for channel in loaded.configuration.notify]


def calendar_facts(calendar: Calendar) -> KnownCalendar:
    """What a rollout must know of the calendar while it runs, to be kept with it."""
    return KnownCalendar(
        zone=calendar.zone,
        freezes=tuple(
            KnownFreeze(name=f.name, begins=f.begins.timestamp(), ends=f.ends.timestamp()) for f in calendar.freezes
        ),
        windows=tuple(
            KnownWindow(days=tuple(sorted(w.days)), opens=f"{w.opens:%H:%M}", closes=f"{w.closes:%H:%M}")
            for w in calendar.windows
        ),
    )
