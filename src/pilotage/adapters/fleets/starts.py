"""Host, number and port of instances that are about to start."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence

from pilotage.adapters.fleets.book import Entry
from pilotage.adapters.fleets.census import Known
from pilotage.adapters.fleets.host_view import HostView
from pilotage.adapters.fleets.spreading import Placed, places_for
from pilotage.adapters.hosts.host import Host, said_of
from pilotage.adapters.hosts.ports_there import next_port, used_ports
from pilotage.adapters.hosts.runner import name_of
from pilotage.adapters.hosts.together import Errand, wait_for
from pilotage.adapters.ports import AdapterError
from pilotage.model.text import line

_WAIT = 3.0


class Starts:
    """Of one fleet. ports: those that its instances may get."""

    def __init__(self, views: Mapping[str, HostView], ports: range) -> None:
        self._views, self._ports = views, ports
        self._given: dict[str, int] = {}

    def chosen(self, version: str, missing: int, known: Sequence[Known], highest: int) -> tuple[Entry, ...]:
        """Where to start `missing` more instances of a version; fewer where a host does not say in time which ports
        are free. highest: the last number that was given. Raises AdapterError if no host can take any."""
        hosts = places_for(version, missing, self._reachable(), _placed(known))
        used = self._used(dict.fromkeys(hosts))
        entries: list[Entry] = []
        for number, host in enumerate((host for host in hosts if host in used), highest + 1):
            here = [one.port for one in (*(one.entry for one in known), *entries) if one.host == host]
            # Fleets of several services share a host, and what starts does not listen yet: each begins elsewhere.
            after = self._given.get(host) or (here[-1] if here else random.choice(self._ports))
            port = next_port(self._ports, used[host].union(here), after)
            if port is None:
                span = f"{self._ports.start} to {self._ports.stop - 1}"
                raise AdapterError(f"{host or 'this machine'}: all ports from {span} are in use")
            self._given[host] = port
            entries.append(Entry(host=host, name=name_of(version, number), version=version, number=number, port=port))
        return tuple(entries)

    def _reachable(self) -> list[str]:
        found = [name for name, view in self._views.items() if not view.trouble and view.found() is not None]
        if not found:
            said = "; ".join(view.trouble or f"{view.name} has not answered yet" for view in self._views.values())
            raise AdapterError(f"no host of the fleet can be reached: {line(said, 500)}")
        return found

    def _used(self, hosts: Iterable[str]) -> dict[str, frozenset[int]]:
        """Ports in use on each host that says so in time. Raises AdapterError if none does."""
        asked = {name: _asking(self._views[name].host) for name in hosts}
        wait_for(asked.values(), _WAIT)
        found: dict[str, frozenset[int]] = {}
        trouble = []
        for name, errand in asked.items():
            try:
                if errand.is_done:
                    found[name] = errand.result()
            except AdapterError as error:
                trouble.append(said_of(name, error))
        if not found:
            raise AdapterError("; ".join(trouble) or f"{', '.join(asked)} did not answer in time")
        return found


def _asking(host: Host) -> Errand[frozenset[int]]:
    return Errand(lambda: used_ports(host))


def _placed(known: Iterable[Known]) -> list[Placed]:
    return [
        Placed(host=one.entry.host, version=one.entry.version, number=one.entry.number) for one in known if one.is_alive
    ]
