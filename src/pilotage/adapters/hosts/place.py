"""The one machine on which a load balancer runs: this one, or one that SSH reaches; also from a record of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.hosts.host import Host
from pilotage.adapters.hosts.local import LocalHost
from pilotage.model.json import JsonObject, object_at, text_at

if TYPE_CHECKING:
    from pilotage.config.hosts import HostSection


def host_of(section: HostSection | None, folder: Path, base: Path) -> Host:
    """The machine that a section describes. folder: Pilotage's own on this machine · base: from which relative paths of
    the section start. Connects to nothing."""
    if section is None:
        return LocalHost(folder)
    from pilotage.adapters.hosts.ssh import SshHost

    return SshHost(section.address or "", section, base)


def record_of(section: HostSection | None, base: Path) -> JsonObject:
    """What `host_in` needs."""
    return {} if section is None else {"ssh": section.model_dump(mode="json", exclude_unset=True), "base": str(base)}


def host_in(record: JsonObject, folder: Path) -> Host:
    """The machine of a record. Raises ValueError for one that cannot be read."""
    if not record:
        return LocalHost(folder)
    from pilotage.config.hosts import HostSection

    section = HostSection.model_validate(object_at(record, "ssh"))
    return host_of(section, folder, Path(text_at(record, "base")))
