"""Instances as targets: registered before their version gets requests, deregistered once others can take over."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from pilotage.adapters.ports import AdapterError, Backends
from pilotage.adapters.routers.alb_groups import Address, Group, Groups, if_there

_WITHIN, _EACH = 4.0, 0.1
_JUDGED = ("healthy", "unhealthy")

Wanted = Mapping[str, Mapping[Address, str]]
"""Targets of each version, with the host that the fleet calls them by."""


class Targets:
    def __init__(self, groups: Groups) -> None:
        self._groups = groups

    def resolved(self, groups: Mapping[str, Group], backends: Backends) -> dict[str, dict[Address, str]]:
        """Each instance as a target. Raises AdapterError."""
        return {
            version: {self._groups.target_of(group.kind, *at): at[0] for at in backends.get(version, ())}
            for version, group in groups.items()
        }

    def told(self, wanted: Wanted) -> dict[str, tuple[tuple[str, int, str], ...]]:
        """For the record: host, port and the address of the target."""
        return {
            version: tuple((host, port, ip) for (ip, port), host in there.items()) for version, there in wanted.items()
        }

    def register(self, groups: Mapping[str, Group], wanted: Wanted) -> None:
        """Register what is missing. Raises AdapterError, Fenced."""
        for version, group in groups.items():
            there = self._groups.targets(group.arn) if wanted[version] else {}
            missing = [at for at in wanted[version] if there.get(at, "draining") == "draining"]
            if missing:
                self._groups.register(group.arn, missing)

    def await_health(self, versions: Iterable[str], groups: Mapping[str, Group], wanted: Wanted) -> None:
        """Wait a few seconds until the load balancer knows how the targets of these versions are, and one is healthy.
        Raises AdapterError where that takes longer: the next call waits on."""
        until = time.monotonic() + _WITHIN
        for version in versions:
            while True:
                states = self._groups.targets(groups[version].arn)
                mine = [states.get(at, "unused") for at in wanted[version]]
                if "healthy" in mine and all(state in _JUDGED for state in mine):
                    break
                if time.monotonic() > until:
                    counts = ", ".join(f"{mine.count(state)} {state}" for state in sorted(set(mine)))
                    raise AdapterError(
                        f"the load balancer's health checks have not passed for {version} yet ({counts}), so users "
                        "stay where they are"
                    )
                time.sleep(_EACH)

    def leave(self, arns: Mapping[str, str], wanted: Wanted) -> None:
        """Deregister targets that are wanted no more, as soon as a wanted one is healthy. Raises AdapterError,
        Fenced."""
        for version, arn in arns.items():
            states = self._groups.targets(arn)
            others = [at for at, state in states.items() if at not in wanted[version] and state != "draining"]
            if others and (not wanted[version] or any(states.get(at) == "healthy" for at in wanted[version])):
                self._groups.deregister(arn, others)

    def empty(self, group: Group) -> bool:
        """Deregister all targets of a group; whether requests are still answered there. Raises AdapterError,
        Fenced."""
        states: dict[Address, str] = {}
        with if_there():
            states = self._groups.targets(group.arn)
            if left := [at for at, state in states.items() if state != "draining"]:
                self._groups.deregister(group.arn, left)
        return bool(states)
