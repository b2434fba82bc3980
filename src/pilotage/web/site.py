"""What all requests of one server share: the project, its store, and how its addresses begin."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pilotage.app.now import calendar_freezes
from pilotage.app.outages import Outage, outages
from pilotage.app.own_metrics import OwnMetrics
from pilotage.app.project import Project
from pilotage.app.public import Doors
from pilotage.app.unread import unread
from pilotage.engine.placement.leases import holder
from pilotage.engine.records.audit_choices import Choices
from pilotage.engine.records.once import Once
from pilotage.engine.records.store import Store
from pilotage.engine.records.version import Version, Versions
from pilotage.model.access import Identity
from pilotage.model.calendar import Freeze
from pilotage.model.errors import PilotageError
from pilotage.web.hub import MOST, Hub
from pilotage.web.limits import Limits
from pilotage.web.measured import Traffic
from pilotage.web.recognised import Recognised
from pilotage.web.shared import Shared
from pilotage.web.threads import Threads
from pilotage.web.version_now import VersionNow

if TYPE_CHECKING:
    from pilotage.web.route import Route


_OUTAGES_STAY = 2.0
"""Seconds."""


@dataclass(kw_only=True)
class Site:
    """root: the path under which a proxy shows it, such as `/pilotage`; empty for none · url: how browsers reach it,
    without a slash at the end; empty where only their requests tell · hosts: other names than those of loopback under
    which they may do so then, in lower case · secure: whether browsers reach it by HTTPS, so
    that cookies need it · origins: what `Origin` may say besides the host that was asked · routes: all there are ·
    limits: how much one client may ask · doors: for people without an account · ending: whether the server is about to
    stop · streams: event streams at the same time."""

    project: Project
    root: str = ""
    url: str = ""
    hosts: frozenset[str] = frozenset()
    secure: bool = False
    origins: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    traffic: Traffic = field(default_factory=Traffic)
    limits: Limits = field(default_factory=Limits)
    doors: Doors = field(default_factory=Doors)
    ending: Callable[[], bool] = lambda: False
    streams: int = MOST
    shared: Shared = field(default_factory=Shared)
    recognised: Recognised = field(default_factory=Recognised)
    threads: Threads = field(default_factory=Threads)
    _read: tuple[float, int] = (0.0, 0)
    _custom: tuple[Version, float, Mapping[str, frozenset[str]]] | None = None
    _known: Project | None = None
    _unread: str = ""
    _freezes: tuple[Project, date, tuple[Freeze, ...]] | None = None
    _outages: tuple[float, Version, tuple[Outage, ...]] | None = None
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @property
    def store(self) -> Store:
        return self.project.store

    @cached_property
    def metrics(self) -> OwnMetrics:
        return OwnMetrics(self.store, self.traffic.families)

    @cached_property
    def once(self) -> Once:
        """Requests that are carried out once."""
        return Once(self.store.engine, holder())

    @cached_property
    def hub(self) -> Hub:
        """Hands what happens to who follows the event stream."""
        return Hub(self.store, lambda: self.ending(), self.streams)

    @cached_property
    def audit_choices(self) -> Choices:
        return Choices(self.store.engine)

    @cached_property
    def versions(self) -> Versions:
        return Versions(self.store.engine)

    @cached_property
    def version_now(self) -> VersionNow:
        """For requests in the event loop."""
        return VersionNow(self.versions.now)

    def custom_roles(self, version: Version) -> Mapping[str, frozenset[str]]:
        """As of a version or later; read again once a second at least, where somebody wrote into the tables by hand."""
        if (known := self.custom_roles_at_hand(version)) is not None:
            return known
        now, found = self.store.clock.now(), self.store.persons.custom_roles()
        self._custom = (version, now, found)
        return found

    def custom_roles_at_hand(self, version: Version) -> Mapping[str, frozenset[str]] | None:
        """None where they have to be read."""
        now, known = self.store.clock.now(), self._custom
        return known[2] if known is not None and known[0] == version and 0 <= now - known[1] <= 1 else None

    def outages(self, version: Version) -> tuple[Outage, ...]:
        """Where users are not served, or nobody knows, as of a version or later. Kept for a moment: every target's
        notes are read for it."""
        now, known = self.store.clock.now(), self._outages
        if known is None or known[1] != version or not 0 <= now - known[0] <= _OUTAGES_STAY:
            known = self._outages = (now, version, outages(self._current()))
        return known[2]

    @property
    def unread(self) -> str:
        """Why pilotage.yaml cannot be used now; empty while it can."""
        self._current()
        return self._unread

    @property
    def configured(self) -> tuple[float, int]:
        """Which state of pilotage.yaml counts now."""
        self._current()
        return self._read

    @property
    def configured_at_hand(self) -> tuple[float, int] | None:
        """The same; None where the file has to be read first."""
        return self._read if self._known is not None and self._read == self._state_of_file() else None

    def for_(self, identity: Identity | None, service: str | None = None) -> Project:
        """The project as this identity works in it, with the configuration as the file has it now."""
        known = self._current()
        named = service if service and _must_be_named(known, service) else known.service
        made = Project(known.config, named, known.clock, known.warn, identity)
        shared = ("whole", "names", "store", "records", "calendars")
        made.__dict__ |= {name: known.__dict__[name] for name in shared if name in known.__dict__}
        return made

    @property
    def zone(self) -> ZoneInfo:
        """Of the times on pages: that of the configured calendar, UTC while the configuration cannot be read."""
        try:
            return ZoneInfo(self._current().whole.configuration.calendar.timezone)
        except PilotageError:
            return ZoneInfo("UTC")

    def frozen_days(self, today: date) -> tuple[Freeze, ...]:
        """Freezes of the calendar around this day; worked out once a day, and when the file changes."""
        known = self._current()
        if self._freezes is None or self._freezes[0] is not known or self._freezes[1] != today:
            try:
                found = calendar_freezes(known, today)
            except PilotageError:
                found = ()
            self._freezes = (known, today, found)
        return self._freezes[2]

    def _current(self) -> Project:
        """Read again only when the file has changed: a server runs for weeks."""
        state = self._state_of_file()
        with self._turn:
            if self._known is None or self._read != state:
                first = self.project
                self._known, self._read = Project(first.config, first.service, first.clock, first.warn), state
                self._known.__dict__ |= {"store": first.store, "calendars": {}}
                # Read now, or each request would read it for itself; who needs it says what is wrong with it.
                self._unread = unread(self._known)
            return self._known

    def _state_of_file(self) -> tuple[float, int]:
        try:
            found = self.project.config.stat()
        except OSError:
            return 0.0, 0
        return found.st_mtime, found.st_size


def _must_be_named(project: Project, service: str) -> bool:
    """Whether a service has to be named; also while the configuration cannot be read or no longer has it, because then
    the store knows it by its name: stopping something must not wait until a file is mended."""
    try:
        return project.names.several or service not in project.names.environments
    except PilotageError:
        return True
