"""Which instances a fleet over hosts has: what its book says, and what every host says that can be asked."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pilotage.adapters.fleets.book import Book, Entry
from pilotage.adapters.fleets.host_view import HostView
from pilotage.adapters.hosts.runner import Found
from pilotage.model.observation import Health, Instance

_WAIT, _FIRST_WAIT = 1.0, 8.0
"""Seconds that a listing waits for hosts: where all were heard before, and where some never were."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """An instance of the fleet. found: what its host says; None where it does not list it yet, or was never heard ·
    trouble: why the host cannot be asked · lost: whether others take over its load."""

    entry: Entry
    found: Found | None = None
    trouble: str = ""
    lost: bool = False

    @property
    def is_alive(self) -> bool:
        """Whether it runs, starts, or may run as far as anyone knows."""
        return not self.lost and (self.found is None or (self.found.running and not self.found.stopping))

    @property
    def must_start(self) -> bool:
        """Whether its start was only intended, or its host has not confirmed it yet."""
        return self.found is None and not self.trouble


class Census:
    """Of one fleet. lost_after: seconds of silence after which the others take over the load of a host."""

    def __init__(self, views: Mapping[str, HostView], lost_after: float) -> None:
        self._views, self._lost_after = views, lost_after
        self._silent: dict[str, float] = {}
        self._answered: dict[str, float] = {}

    def hear(self, *, now: bool = False) -> None:
        """Ask every host, and wait for the answers as long as it is worth: for none again that was late once, nor for
        a host that could not be reached."""
        never = any(view.found() is None and not view.trouble for view in self._views.values())
        errands = {name: errand for name, view in self._views.items() if (errand := view.ask(now=now)) is not None}
        for name, errand in errands.items():
            if now or not self._views[name].trouble:
                errand.wait(errand.began + (_FIRST_WAIT if never else _WAIT))

    def known(self, kept: Book) -> list[Known]:
        """All instances, oldest first: those that stay longest."""
        lost = self.lost(kept)
        remembered = {entry.key: entry for entry in kept.entries}
        known: list[Known] = []
        for name, view in self._views.items():
            there, trouble = view.found(), view.trouble
            if there is None and not trouble:
                trouble = f"{name or 'the host'} has not answered yet"
            for found in (there or {}).values():
                entry = Entry(
                    host=name, name=found.name, version=found.version, number=found.number, port=found.port, seen=True
                )
                remembered.pop(entry.key, None)
                known.append(Known(entry=entry, found=found, trouble=trouble, lost=name in lost))
            away = [entry for entry in remembered.values() if entry.host == name and (trouble or not entry.seen)]
            known += [Known(entry=entry, trouble=trouble, lost=name in lost) for entry in away]
        return sorted(known, key=lambda one: (one.entry.number, one.entry.host))

    def trouble(self) -> list[str]:
        """Why hosts do not answer, a sentence each."""
        return [view.trouble for view in self._views.values() if view.trouble]

    def note(self, known: Sequence[Known], shown: Sequence[Instance]) -> None:
        """Learn from how the instances are: since when a host that cannot be reached is silent altogether, and which
        hosts need not be asked every time."""
        answering: set[str] = set()
        unwell: set[str] = set()
        for one, instance in zip(known, shown, strict=True):
            (answering if instance.health is Health.HEALTHY else unwell).add(one.entry.host)
        for name, view in self._views.items():
            view.all_well(well=name not in unwell)
            if name in answering:
                self._answered[name] = time.monotonic()
            if view.trouble and name not in answering:
                # A connection that is given up late was silent all the time.
                self._silent.setdefault(name, max(view.unheard_since, self._answered.get(name, 0.0)))
            else:
                self._silent.pop(name, None)

    def lost(self, kept: Book) -> frozenset[str]:
        """Hosts whose load the others take over. Where most are silent, this machine is more likely to be split off
        than they are to be down. What was taken over stays so until the host is heard, also for another controller:
        instances that are gone would otherwise count again, and those that serve in their place would stop."""
        now = time.monotonic()
        silent = {name for name, since in self._silent.items() if now - since >= self._lost_after}
        few = 2 * len(self._silent) <= len(self._views)
        taken_over = {name for name in kept.lost if name in self._views and not self._is_heard(name)}
        return frozenset(silent | taken_over if few else taken_over)

    def _is_heard(self, name: str) -> bool:
        view = self._views[name]
        return view.found() is not None and not view.trouble


def staying(one: Known) -> Entry:
    """Its entry in the book. A host that cannot be asked has confirmed nothing new."""
    return replace(one.entry, seen=one.entry.seen or one.found is not None)
