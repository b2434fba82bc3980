"""What was last observed of a target that no rollout is changing: who serves, and since when nobody does.

The worker notes it in a file next to the target, at most every few seconds. Readers (`status`, the public page) check
what this machine can show, and take the rest from that note, with its age.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.files import read_leniently
from pilotage.engine.placement.location import place_of, router_runs
from pilotage.model.json import WrongJson, number_at, optional, whole_at
from pilotage.model.observation import Health, Instance
from pilotage.model.traffic import Split

_FILE = "seen.json"
_BOOK = "instances.json"
"""In the folder of a fleet over hosts, whose runners know what runs: containers, units, or processes elsewhere."""
_EVERY = 5.0
"""Seconds between two notes of what has not changed."""

FRESH = 20.0
"""Seconds for which a note describes the present."""


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """Who serves users of a target, as far as is known.

    router_up: whether its router runs on this machine, as of now · healthy, instances: of the versions that get
    requests, None if nobody has looked lately · running: processes of instances as of now, whether healthy or not; None
    of a fleet that does not consist of processes here · at: Unix seconds of the worker's last look, None without one ·
    down_since: Unix seconds, None while something serves or if its end was not observed.
    """

    router_up: bool
    healthy: int | None = None
    instances: int | None = None
    running: int | None = None
    at: float | None = None
    down_since: float | None = None

    @property
    def serves(self) -> bool:
        """Whether anyone answers users, as far as is known."""
        return self.router_up and self.healthy != 0


class Noting:
    """Notes a keeper's observations in the target's folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._noted: tuple[float, tuple[int, int]] | None = None

    def note(self, split: Split | None, instances: tuple[Instance, ...] | None, now: float) -> None:
        """now: Unix seconds. What could not be read is not noted. A disk that is full costs only the note."""
        if split is None or instances is None:
            return
        ours = [one for one in instances if split.reaches(one.version)]
        counts = sum(one.health is Health.HEALTHY for one in ours), len(ours)
        if self._noted and self._noted[1] == counts and 0 <= now - self._noted[0] < _EVERY:
            return
        before = _read(self._path)
        since = None if counts[0] else _ended(before, now)
        self._noted = now, counts
        _write(self._path, {"at": now, "healthy": counts[0], "instances": counts[1], "down_since": since})


def _write(path: Path, data: dict[str, float | None]) -> None:
    import json
    from contextlib import suppress

    from pilotage.adapters.files import write_at_once

    with suppress(OSError):
        write_at_once(path, json.dumps(data).encode())


def sighting(directory: Path, service: str, environment: str, now: float) -> Sighting:
    """What is so now, of a target whose home is here. directory: the state's · now: Unix seconds. Writes nothing."""
    place = place_of(directory, service, environment)
    up, noted = router_runs(directory, service, environment), _read(place / _FILE)
    at = noted.at if noted else None
    running, recorded = _alive(place / "fleet")
    healthy = instances = None
    if running == 0:
        healthy, instances = 0, recorded
    elif noted and at is not None and 0 <= now - at < FRESH:
        # Healthy says more than running, but not about instances that exited since.
        healthy = noted.healthy if running is None else min(noted.healthy or 0, running)
        instances = noted.instances
    serves = up and healthy != 0
    since = None if serves else _since(noted, now)
    return Sighting(
        router_up=up, healthy=healthy, instances=instances, running=running, at=at, down_since=since
    )  # fmt: skip


def _since(noted: Sighting | None, now: float) -> float | None:
    """The last moment at which someone still served; where nothing serves, that is when it ended at the earliest."""
    if noted is None or noted.at is None or noted.at > now:
        return None
    return _ended(noted, noted.at)


def _ended(before: Sighting | None, at: float) -> float | None:
    """Since when nobody serves, as of a moment at which nobody does; None where nobody was ever seen to serve: a first
    version that is not healthy yet is no outage."""
    if before is None:
        return None
    return before.down_since or (at if before.healthy else None)


def _read(path: Path) -> Sighting | None:
    found = read_leniently(path)
    if found is None:
        return None
    try:
        return Sighting(
            router_up=True, healthy=optional(whole_at, found, "healthy"),
            instances=optional(whole_at, found, "instances"), at=number_at(found, "at"),
            down_since=optional(number_at, found, "down_since"),
        )  # fmt: skip
    except WrongJson:
        return None


def _alive(fleet: Path) -> tuple[int | None, int | None]:
    """Running processes of instances, and their records, without health checks. None for both if the fleet does not
    consist of processes."""
    if not fleet.is_dir() or (fleet / _BOOK).exists():
        return None, None
    from pilotage.adapters.running import runs

    records = [Path(entry.path) for entry in os.scandir(fleet) if entry.name.endswith(".json")]
    return sum(runs(record) for record in records), len(records)
