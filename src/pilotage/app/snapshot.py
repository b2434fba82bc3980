"""What a rollout keeps of the configuration, as of its creation."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from pilotage.app.migrations import migrations_of
from pilotage.config.loading import Loaded
from pilotage.engine.execution.description import describe, with_learned_routes
from pilotage.model.calendar import Calendar
from pilotage.model.channel import STATUS_PAGE
from pilotage.model.clock import day_of
from pilotage.model.json import JsonObject
from pilotage.model.snapshot import KnownCalendar, KnownFreeze, KnownPerson, KnownWindow, Snapshot


def snapshot_of(loaded: Loaded, environment: str, now: float, directory: Path) -> Snapshot:
    """All that a rollout must know of the configuration, as of its creation. directory: the store's."""
    from pilotage.config.calendars import calendar_of

    section = loaded.configuration.environments[environment]
    people = loaded.configuration.people.items()
    today = day_of(now, loaded.configuration.calendar.timezone)
    calendar = calendar_of(loaded, today)
    described = describe(section, loaded.folder)
    return replace(
        with_learned_routes(described, directory, loaded.configuration.service, environment),
        package=_package(loaded),
        migrations=migrations_of(loaded, environment),
        people={name: KnownPerson(roles=tuple(one.roles), aliases=tuple(one.aliases)) for name, one in people},
        notify=tuple(channels_of(loaded)),
        calendar=calendar_facts(calendar, today),
        server=loaded.configuration.server.url or "",
    )


def _package(loaded: Loaded) -> JsonObject:
    """The artifact of `readiness.artifact` as it is now."""
    from pilotage.adapters.evidence import ProjectFiles
    from pilotage.model.readiness import BadEvidence

    section = loaded.configuration.readiness
    if section is None or section.artifact is None:
        return {}
    try:
        digest = ProjectFiles(loaded.folder, math.inf, 0.0).digest(section.artifact).sha256
    except BadEvidence:
        digest = ""
    signed = section.signature
    keys = {"public_key": signed.public_key, "signature": signed.file or ""} if signed else {}
    return {"artifact": section.artifact, "sha256": digest, **keys}


def channels_of(loaded: Loaded) -> list[JsonObject]:
    """The channels of a configuration as plain JSON, as messages and rollouts keep them; the status page is one."""
    there = loaded.configuration.notify
    found = [channel.kept(loaded.folder) for channel in there]
    if loaded.configuration.status_page is not None and not any(one.kind == STATUS_PAGE for one in there):
        from pilotage.adapters.notify.publishing import StatusPageSection

        found.append(StatusPageSection.model_validate({"kind": STATUS_PAGE}).kept(loaded.folder))
    return found


_AHEAD = timedelta(days=92)
"""How far a rollout knows holidays: what is due after it is due within days."""


def calendar_facts(calendar: Calendar, today: date | None = None) -> KnownCalendar:
    """What a rollout must know of the calendar while it runs, to be kept with it. today: holidays from then on."""
    return KnownCalendar(
        zone=calendar.zone,
        holidays=tuple(f"{d}" for d in sorted(calendar.holidays) if today and today <= d <= today + _AHEAD),
        weekend=tuple(sorted(calendar.weekend)),
        workdays=tuple(f"{d}" for d in sorted(calendar.workdays) if today and today <= d <= today + _AHEAD),
        freezes=tuple(
            KnownFreeze(name=f.name, begins=f.begins.timestamp(), ends=f.ends.timestamp()) for f in calendar.freezes
        ),
        windows=tuple(
            KnownWindow(days=tuple(sorted(w.days)), opens=f"{w.opens:%H:%M}", closes=f"{w.closes:%H:%M}")
            for w in calendar.windows
        ),
    )
