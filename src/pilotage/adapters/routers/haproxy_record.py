"""What a router remembers of its HAProxy in its own folder: the way back, `status` and the source of counts find it by
that, without a configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pilotage.adapters.files import read_leniently, write_json
from pilotage.adapters.hosts.host import Host
from pilotage.adapters.hosts.local import LocalHost
from pilotage.adapters.ports import AdapterError, Fenced
from pilotage.adapters.routers.haproxy_lines import Settings
from pilotage.model.json import (
    Json,
    JsonObject,
    entries,
    find,
    list_at,
    object_at,
    optional,
    read_as,
    text_at,
    whole_at,
)
from pilotage.model.traffic import Split

RECORD, PROCESSES = "haproxy.json", "haproxy-processes.json"
"""PROCESSES: which processes of HAProxy were told what."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """The machine of an HAProxy: a section of a host as plain data, None for this machine. base: the folder from which
    relative paths of the section start."""

    section: JsonObject | None = None
    base: str = ""

    def host(self, folder: Path) -> Host:
        """folder: Pilotage's own on this machine."""
        if self.section is None:
            return LocalHost(folder)
        from pilotage.adapters.hosts.ssh import SshHost
        from pilotage.config.hosts import HostSection

        section = HostSection.model_validate(self.section)
        return SshHost(section.address or "", section, Path(self.base))


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """settings, owner, place: of the router · split: the last one that was set · instances: of each version then."""

    settings: Settings
    owner: str
    split: Split
    place: Place = field(default_factory=Place)
    instances: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)


def remember(folder: Path, what: Remembered) -> None:
    """Write the record, unless it says the same already."""
    record: dict[str, Json] = {
        "settings": {**vars(what.settings), "headers": list(what.settings.headers)},
        "owner": what.owner,
        "weights": [list(pair) for pair in what.split.weights],
        "closed": what.split.closed,
        "place": {"section": what.place.section, "base": what.place.base},
        "instances": {version: [list(one) for one in addresses] for version, addresses in what.instances.items()},
    }
    if read_leniently(folder / RECORD) != record:
        write_json(folder / RECORD, record)


def remembered(folder: Path) -> Remembered | None:
    """None if no split was ever set from here, or the record cannot be read."""
    found = read_leniently(folder / RECORD)
    try:
        return Remembered(
            settings=read_as(Settings, found, "settings"),
            owner=text_at(found, "owner"),
            split=Split(tuple(map(_pair, list_at(found, "weights"))), closed=bool(find(found, "closed"))),
            place=Place(section=optional(object_at, found, "place", "section"), base=text_at(found, "place", "base")),
            instances={
                version: tuple(map(_pair, told)) for version, told in entries(list_at, found, "instances").items()
            },
        )
    except ValueError:
        return None


def forget(folder: Path) -> None:
    for name in (RECORD, PROCESSES):
        (folder / name).unlink(missing_ok=True)


def unwritten_of(write: Callable[[], None]) -> AdapterError | OSError | None:
    """Why a file could not be written; None if it was. Raises Fenced."""
    try:
        write()
    except Fenced:
        raise
    except (AdapterError, OSError) as error:
        return error
    return None


def _pair(found: Json) -> tuple[str, int]:
    return text_at(found, 0), whole_at(found, 1)
