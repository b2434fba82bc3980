"""Freezes and maintenance windows, as they are now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from pilotage.engine.records import readable
from pilotage.engine.store import Store
from pilotage.engine.tables import rollouts, snapshots
from pilotage.model.calendar import WEEKDAYS, Calendar, Freeze
from pilotage.model.record import Rollout
from pilotage.model.snapshot import KnownCalendar, KnownFreeze, KnownWindow, read_snapshot


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


def calendar_zones(connection: Connection, services: Iterable[str]) -> dict[str, str]:
    """The calendar's zone of each service, as of its newest rollout; UTC where there was none."""
    found = {}
    for service in services:
        query = (
            select(snapshots.c.body)
            .join(rollouts, rollouts.c.snapshot == snapshots.c.hash)
            .where(rollouts.c.service == service)
            .order_by(rollouts.c.created_at.desc())
            .limit(1)
        )
        found[service] = _known_zone(read_snapshot(readable(connection.scalar(query))).calendar.zone)
    return found


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, LookupError, OSError):
        return "UTC"
    return name


def reigning(freezes: tuple[Freeze, ...], now: float) -> Freeze | None:
    """The freeze that reigns at `now`, Unix seconds; of several the one that ends last."""
    here = [f for f in freezes if f.begins.timestamp() <= now < f.ends.timestamp()]
    return max(here, key=lambda f: f.ends, default=None)


def freeze_now(store: Store, rollout: Rollout, now: float) -> str:
    """The freeze that reigns, in words: one of the calendar as of the rollout's begin, or one declared since."""
    calendar = rollout.snapshot.calendar
    planned = tuple(
        Freeze(f.name, datetime.fromtimestamp(f.begins, UTC), datetime.fromtimestamp(f.ends, UTC))
        for f in calendar.freezes
        if f.begins <= now < f.ends
    )
    found = reigning((*planned, *store.freezes.of(rollout.service, rollout.environment, now)), now)
    return in_words(found, calendar.zone) if found else ""


def in_words(freeze: Freeze, zone: str) -> str:
    return f"the freeze {freeze.name!r} reigns until {freeze.ends.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M %Z}"


def outside_windows(calendar: KnownCalendar, now: float) -> str:
    """Why now is no time for maintenance, in words; empty inside a window, and where no windows are agreed."""
    windows = calendar.windows
    if not windows:
        return ""
    here = datetime.fromtimestamp(now, ZoneInfo(calendar.zone))
    clock = f"{here:%H:%M}"
    if any(here.weekday() in w.days and w.opens <= clock < w.closes for w in windows):
        return ""
    agreed = "; ".join(f"{', '.join(WEEKDAYS[d] for d in w.days)} {w.opens}–{w.closes}" for w in windows)
    return f"it is {here:%a %H:%M} in {calendar.zone}, outside every window ({agreed})"
