"""Where the access logs of an environment's nginxes lie: as configured, or as their routers remember."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.files import read_leniently
from pilotage.adapters.hosts.place import host_in, host_of
from pilotage.adapters.metrics.log_files import HostLogFiles, LocalLogFiles
from pilotage.adapters.metrics.rotated_log import RotatedLog
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.nginx_found import RECORD
from pilotage.model.json import find, object_at

if TYPE_CHECKING:
    from pilotage.config.hosts import HostSection


def log_at(log: str, section: HostSection | None, directory: Path, base: Path) -> RotatedLog:
    """A log on the host of a section. base: from which relative paths of the section start."""
    host = host_of(section, directory, base) if section else None
    return RotatedLog(HostLogFiles(host, log) if host else LocalLogFiles(log), log)


def logs_of(routers: Mapping[str, Path]) -> Mapping[str, RotatedLog]:
    """The log of each router of kind nginx. routers: folders by name. Raises AdapterError where one writes none."""
    found = {}
    for name, folder in routers.items():
        record = read_leniently(folder / RECORD)
        if record is None:
            continue
        log = find(record, "settings", "log")
        if not isinstance(log, str) or not log:
            raise AdapterError(f"router {name or 'nginx'} writes no log to count: set its log in pilotage.yaml")
        where = object_at(record, "host")
        found[name] = RotatedLog(HostLogFiles(host_in(where, folder), log) if where else LocalLogFiles(log), log)
    if not found:
        raise AdapterError("no router of kind nginx has been told anything yet, so there is no log to count")
    return found
