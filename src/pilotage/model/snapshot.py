"""What a rollout knows of its configuration: a copy from the moment it was created.

A rollout never looks into `pilotage.yaml` again, so editing the file, moving it or deleting a page changes nothing that
is under way. Every shape ever written is read: unknown keys are ignored, missing ones take their default, and a part
that cannot be read is left out and named in `trouble`. The way back of a rollout depends on this file alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from types import NoneType
from typing import TypeVar, get_args, get_origin, get_type_hints

from pilotage.model.converting import convert
from pilotage.model.json import Json, JsonObject
from pilotage.model.renamed import renamed

_log = logging.getLogger(__name__)
_K = TypeVar("_K")

FORMAT = 3
"""Number of the shape below. Snapshots of the first versions have none; they read as format 0. Up to format 1 the keys
of `pilotage.yaml` had names that `model.renamed` knows."""

_RENAMED_SINCE = 2
_PLACES = {"environment": "environments.*", "notify": "notify", "people": "people"}
"""Where parts of a snapshot are in `pilotage.yaml`."""

_RENAMED_SINCE = 2
_PLACES = {"environment": "environments.*", "notify": "notify", "people": "people"}
"""Where parts of a snapshot are in `pilotage.yaml`."""


@dataclass(frozen=True, kw_only=True)
class KnownPerson:
    """Someone who commands and approves."""

    roles: tuple[str, ...] = ()
    """What they may answer for."""
    aliases: tuple[str, ...] = ()
    """Other names of the same person."""


@dataclass(frozen=True, kw_only=True)
class KnownFreeze:
    name: str
    begins: float
    """Unix seconds."""
    ends: float
    """Unix seconds; the freeze ends just before."""


@dataclass(frozen=True, kw_only=True)
class KnownWindow:
    """Hours in which the service may be closed."""

    days: tuple[int, ...]
    """Days of the week, Monday is 0."""
    opens: str
    """`HH:MM` in the calendar's zone."""
    closes: str


@dataclass(frozen=True, kw_only=True)
class KnownCalendar:
    zone: str = "UTC"
    freezes: tuple[KnownFreeze, ...] = ()
    windows: tuple[KnownWindow, ...] = ()
    holidays: tuple[str, ...] = ()
    """ISO days of the weeks after the rollout's creation."""
    weekend: tuple[int, ...] = (5, 6)
    """Days of the week without work, Monday is 0."""
    workdays: tuple[str, ...] = ()
    """ISO days of a weekend that are working days."""


@dataclass(frozen=True, kw_only=True)
class Membership:
    """How a rollout belongs to a release of several services."""

    after: tuple[str, ...] = ()
    """Services that must have the release first."""
    lockstep: bool = False
    """Stay within one weight of the others."""
    returns: bool = False
    """Take the service back because another one failed."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The configuration of one environment as of the rollout's creation."""

    format: int = FORMAT
    environment: JsonObject = field(default_factory=dict)
    """The section `environments.<name>` as plain JSON; `config.stored` reads it."""
    cwd: str = "."
    """Folder of `pilotage.yaml`: relative paths and commands start there."""
    routes: tuple[str, ...] = ()
    """Path prefixes that are judged on their own, configured or learned."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Text of the project files that the way back needs, by the name in the configuration."""
    package: JsonObject = field(default_factory=dict)
    """The released artifact as `adapters.package` checks it; empty where none is named."""
    built: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """SHA-256 of what a way built of the versions, by version; empty where none did. Fleets start nothing else."""
    migrations: JsonObject = field(default_factory=dict)
    """What the released version brings, as `model.migration.Brought`; empty where none are named."""
    people: Mapping[str, KnownPerson] = field(default_factory=dict)
    notify: tuple[JsonObject, ...] = ()
    """Channels as plain JSON; each notifier reads its own keys."""
    calendar: KnownCalendar = KnownCalendar()
    release: Membership | None = None
    """None for a rollout of one service."""
    server: str = ""
    """Address of the server, for links in messages; empty without one."""
    trouble: tuple[str, ...] = ()
    """What could not be read, one sentence each. Never stored."""

    def section(self, name: str) -> JsonObject:
        """One part of the environment's configuration; empty where it is missing or no mapping."""
        found = self.environment.get(name)
        return found if isinstance(found, Mapping) else {}

    def person(self, actor: str) -> tuple[str, KnownPerson] | None:
        """Whoever is called `actor`, by any of their names, with the name that the configuration gives them."""
        for name, person in self.people.items():
            if actor == name or actor in person.aliases:
                return name, person
        return None

    def to_dict(self) -> JsonObject:
        """Plain JSON, as it is stored."""
        import msgspec

        plain: dict[str, Json] = msgspec.to_builtins(self)
        del plain["trouble"]
        return {**plain, "format": FORMAT}


def read_snapshot(data: object) -> Snapshot:
    """The snapshot in `data`, written by any version of Pilotage. Never fails.

    Unreadable values get their default, and the snapshot's `trouble` says so. A list or a mapping (people, channels,
    freezes) keeps its readable members.
    """
    if not isinstance(data, Mapping):
        return Snapshot(format=0, trouble=("the rollout's stored configuration is not an object",))
    trouble: list[str] = []
    number = data.get("format", 0)
    if not isinstance(number, int) or number > FORMAT:
        _say_newer(repr(number))
    parts = {key: value for key, value in data.items() if key not in ("format", "trouble")}
    if not isinstance(number, int) or number < _RENAMED_SINCE:
        parts |= {key: renamed(parts[key], place)[0] for key, place in _PLACES.items() if key in parts}
    found = _read(Snapshot, parts, "", trouble)
    assert isinstance(found, Snapshot), "every part of it has a default"
    return replace(found, format=number if isinstance(number, int) else 0, trouble=tuple(trouble))


@cache
def _say_newer(number: str) -> None:
    """Once: a rollout is read many times a minute."""
    _log.warning("a rollout's stored configuration has format %s, not %d: unknown keys are ignored", number, FORMAT)


class _Unreadable(Exception):
    """Nothing of a value can be kept; `trouble` has the reason."""


def _read(kind: object, value: object, place: str, trouble: list[str]) -> object:
    """`value` as `kind`; of a collection what can be read of it. Raises _Unreadable."""
    import msgspec

    try:
        return convert(value, kind)
    except msgspec.ValidationError as error:
        why = str(error)
    arguments = get_args(kind)
    if NoneType in arguments:
        kind = arguments[0]
    if isinstance(value, Mapping) and callable(kind) and hasattr(kind, "__dataclass_fields__"):
        with suppress(TypeError):  # a required part is missing
            return kind(**_parts(kind, value, place, trouble))
    if isinstance(value, list) and get_origin(kind) is tuple:
        return tuple(_members(arguments[0], enumerate(value), place, trouble).values())
    if isinstance(value, Mapping) and get_origin(kind) is Mapping:
        return _members(arguments[1], value.items(), place, trouble)
    trouble.append(f"{place} in the rollout's stored configuration is unreadable: {why}")
    raise _Unreadable


def _parts(kind: object, value: Mapping[str, object], place: str, trouble: list[str]) -> dict[str, object]:
    """The fields of `kind` that `value` holds in a form that can be read."""
    found = {}
    for name, hint in _hints(kind).items():
        if value.get(name) is not None:
            with suppress(_Unreadable):
                found[name] = _read(hint, value[name], f"{place}.{name}".lstrip("."), trouble)
    return found


@cache
def _hints(kind: object) -> Mapping[str, object]:
    """The types of its fields, evaluated once: a controller reads thousands of snapshots."""
    return get_type_hints(kind)


def _members(kind: object, members: Iterable[tuple[_K, object]], place: str, trouble: list[str]) -> dict[_K, object]:
    found: dict[_K, object] = {}
    for key, member in members:
        with suppress(_Unreadable):
            found[key] = _read(kind, member, f"{place}.{key}", trouble)
    return found
