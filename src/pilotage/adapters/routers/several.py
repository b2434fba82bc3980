"""Several routers as one (R28): a split is reached when all of them show it, and none stays ahead of the others.

A router that cannot be set or read is named. While one lags on the way forward, the others wait for it for
`switch_timeout`, then return to the split that all had, until it answers again. During a rollback every router is set
at once and none waits for another: users leave a harmful version wherever that is possible.

All are asked and set at the same time: one that is silent for seconds delays none of the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NoReturn, TypeVar

from pilotage.adapters.cohorts import with_members
from pilotage.adapters.hosts.together import FREE, Errand, wait_for
from pilotage.adapters.ports import AdapterError, Backends, Fenced, Router
from pilotage.model.traffic import Split

T = TypeVar("T")
_COHORTS = 8
"""So many sets of members are remembered."""
_LONGEST = 60.0
"""Seconds after which a router that keeps no deadline of its own counts as silent."""


class Several:
    """The Router port over others, by name.

    stable: the version to go back to, empty where that is not known · switch_timeout: seconds for which one router may
    be ahead of another.
    """

    def __init__(
        self,
        routers: Mapping[str, Router],
        *,
        stable: Callable[[], str],
        switch_timeout: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._routers, self._stable, self._deadline = dict(routers), stable, switch_timeout
        self._clock = clock
        self._wanted: Split | None = None
        self._together: Split | None = None
        """What all of them showed last."""
        self._shown: dict[str, Split | None] = {}
        self._lagging: dict[str, str] = {}
        """Routers that do not answer, or do not show the requested split while others do, as of the last read; and
        why."""
        self._members: dict[str, tuple[str, ...]] = {}
        """Of the cohorts that were set from here, by digest: routers show no members."""
        self._apart_since: float | None = None
        self._held: frozenset[str] = frozenset()
        """Routers for which the others wait."""

    def url(self) -> str:
        return next((url for router in self._routers.values() if (url := router.url())), "")

    def apply(self, split: Split, backends: Backends) -> None:
        if split.cohort and split.cohort.members:
            self._members = {**dict([*self._members.items()][-_COHORTS:]), split.cohort.digest: split.cohort.members}
        if split != self._wanted:
            self._wanted, self._apart_since, self._held = split, None, frozenset()
        back = self._is_back(split)
        if back:
            self._held = frozenset()
        if self._held:
            self._wait(split, backends)
        refused = self._tell(self._routers, split, backends)
        lagging = {**self._lagging, **refused}
        if not lagging:
            return
        if self._apart_since is None:
            self._apart_since = self._clock()
        if not back and self._clock() - self._apart_since > self._deadline:
            self._held = frozenset(lagging)
            self._keep_back(lagging, backends)
        if refused:
            raise AdapterError(_named(refused))

    def read(self) -> Split | None:
        shown, silent = _of_each({name: router.read for name, router in self._routers.items()})
        self._shown, self._lagging = shown, silent
        if silent:
            raise AdapterError(_named(silent))
        found = list(shown.values())
        if all(one == found[0] for one in found):
            self._together, self._apart_since = found[0], None
            return found[0]
        if self._apart_since is None:
            self._apart_since = self._clock()
        self._lagging = {name: f"shows {_shares(one)}" for name, one in shown.items() if one != self._wanted}
        return self._furthest([one for one in found if one is not None and one != self._wanted])

    def endpoints(self) -> dict[str, frozenset[tuple[str, int]]] | None:
        sent, silent = _of_each({name: router.endpoints for name, router in self._routers.items()})
        if silent:
            raise AdapterError(_named(silent))
        found: dict[str, frozenset[tuple[str, int]]] = {}
        for one in sent.values():
            for version, addresses in (one or {}).items():
                found[version] = found.get(version, frozenset()) | addresses
        return None if all(one is None for one in sent.values()) else found

    def stop(self) -> None:
        _, failed = _of_each({name: router.stop for name, router in self._routers.items()})
        if failed:
            raise AdapterError(_named(failed))

    def _tell(self, names: Iterable[str], split: Split, backends: Backends) -> dict[str, str]:
        """Routers that could not be set, and why. Raises Fenced."""
        _, refused = _of_each({name: partial(self._routers[name].apply, split, backends) for name in names})
        return refused

    def _wait(self, split: Split, backends: Backends) -> None:
        """Set the routers for which the others wait. Raises AdapterError until all of them show the split."""
        refused = self._tell(self._held, split, backends)
        behind = {name: self._lagging.get(name, f"shows {_shares(self._shown.get(name))}") for name in self._held}
        if refused or any(name in self._lagging or self._shown.get(name) != split for name in self._held):
            self._keep_back({**behind, **refused}, backends)
        # From now on it is the others' turn to follow.
        self._held, self._apart_since = frozenset(), self._clock()

    def _is_back(self, split: Split) -> bool:
        """Whether it takes users towards stable, seen from what all had and from any router that can be read; such a
        split never waits."""
        stable = self._stable()
        known = [shown for shown in (self._together, *self._shown.values()) if shown is not None]
        return not stable or all(split.weight(stable) >= shown.weight(stable) for shown in known)

    def _keep_back(self, lagging: Mapping[str, str], backends: Backends) -> NoReturn:
        """The others stay at what all had, or at what the most careful of them has; says so by an AdapterError."""
        stable = self._stable()
        known = [one for one in self._shown.values() if one is not None]
        careful = max(known, key=lambda one: one.weight(stable), default=None)
        target = self._together or careful
        if target is not None:
            target = with_members(target, lambda digest: self._members.get(digest, ()))
        kept = ""
        if target is not None and target != self._wanted:
            self._tell((name for name in self._routers if name not in self._held), target, backends)
            kept = f"; the other routers stay at {_shares(target)} until it catches up"
        raise AdapterError(f"{_named(lagging)}{kept}")

    def _furthest(self, behind: list[Split]) -> Split | None:
        """Of the splits that differ from the requested one, the one with the least traffic on stable: it affects most
        users."""
        stable = self._stable()
        return min(behind, key=lambda one: (one.weight(stable) if stable else 0, -len(one.weights)), default=None)


def _of_each(jobs: Mapping[str, Callable[[], T]]) -> tuple[dict[str, T], dict[str, str]]:
    """What each job returned, and why others failed. Raises Fenced if one of them did."""
    errands = {name: Errand(job, FREE) for name, job in jobs.items()}
    wait_for(errands.values(), _LONGEST)
    found: dict[str, T] = {}
    failed: dict[str, str] = {}
    for name, errand in errands.items():
        try:
            if errand.is_done:
                found[name] = errand.result()
            else:
                failed[name] = f"did not answer within {_LONGEST:g} s"
        except Fenced:
            raise
        except AdapterError as error:
            failed[name] = str(error)
    return found, failed


def _named(wrong: Mapping[str, str]) -> str:
    return "; ".join(f"router {name}: {why}" for name, why in wrong.items())


def _shares(split: Split | None) -> str:
    if split is None:
        return "nothing"
    return ", ".join(f"{version} {weight / 10:g}%" for version, weight in split.weights)
