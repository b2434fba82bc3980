"""Reads lists of hosts that are not in pilotage.yaml: files, and what commands print."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from pilotage.adapters.context import Context
from pilotage.adapters.files import read_leniently, write_json
from pilotage.adapters.hosts import ansible
from pilotage.adapters.hosts.local import LocalHost
from pilotage.adapters.ports import AdapterError
from pilotage.config.hosts import HostSection
from pilotage.config.inventories import InventorySection
from pilotage.config.yaml_reader import ConfigError, read
from pilotage.model.errors import Invalid
from pilotage.model.json import Json, JsonObject

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_log = logging.getLogger(__name__)


def hosts_listed(section: InventorySection, context: Context) -> Mapping[str, HostSection]:
    """The hosts, in the order of the list. Where the command fails, those that it printed last; the log then says so.

    Raises AdapterError.
    """
    found = _of_command(section, context) if section.command else _of_file(section.file or "", context)
    return _selected(section, {name: _host(name, one) for name, one in found.items()})


def read_inventory(text: str, name: str) -> Mapping[str, JsonObject]:
    """Hosts as `hosts` of pilotage.yaml takes them. name: of the file, for its ending. Raises Invalid."""
    if name.endswith((".yaml", ".yml", ".json")) or text.lstrip()[:1] in ("{", "-"):
        return _of_data(_yaml(text, name))
    return ansible.from_ini(text)


def _yaml(text: str, name: str) -> Json:
    document = read(text.encode(), name)
    if document.problems:
        raise ConfigError(name, document.problems[:1])
    return document.data


def _of_data(data: Json) -> Mapping[str, JsonObject]:
    if isinstance(data, list):
        return {str(name): {} for name in data}
    if not isinstance(data, Mapping):
        raise ansible.BadInventory("it lists no hosts")
    if ansible.looks_like_one(data):
        return ansible.from_data(data)
    wrong = next((name for name, one in data.items() if one is not None and not isinstance(one, Mapping)), None)
    if wrong is not None:
        raise ansible.BadInventory(f"host {wrong}: it is no mapping such as {{address: 10.0.0.5}}")
    return {name: one if isinstance(one, Mapping) else {} for name, one in data.items()}


def _of_file(name: str, context: Context) -> Mapping[str, JsonObject]:
    text = context.text_of(name)
    if text is None:
        raise AdapterError(f"the inventory {name} cannot be read")
    try:
        return read_inventory(text, name)
    except Invalid as error:
        raise AdapterError(f"the inventory {name}: {error}") from error


def _of_command(section: InventorySection, context: Context) -> Mapping[str, JsonObject]:
    last = context.directory / "inventory.json"
    try:
        found = _printed(section, context.folder)
    except AdapterError as error:
        before = read_leniently(last)
        if not isinstance(before, dict):
            raise
        _log.warning("%s; using the %s hosts it listed last", error, len(before))
        return {name: one for name, one in before.items() if isinstance(one, dict)}
    if context.fence.token and read_leniently(last) != found:  # who only asks has no token, and writes nothing
        write_json(last, found)
    return found


def _printed(section: InventorySection, folder: Path) -> Mapping[str, JsonObject]:
    name = section.command[0]
    done = LocalHost(folder).run(section.command, cwd=str(folder), within=section.timeout)
    if done.status:
        raise AdapterError(f"the inventory command {name} exited with {done.status}: {done.said}")
    text = done.out.decode(errors="replace")
    try:
        if text.lstrip()[:1] in ("{", "["):
            return _of_data(json.loads(text))
        return {word: {} for word in text.split()}
    except (ValueError, RecursionError) as error:
        raise AdapterError(f"the inventory command {name}: {error}") from error


def _host(name: str, given: JsonObject) -> HostSection:
    if not _NAME.fullmatch(name):
        raise AdapterError(f"the inventory's host {name!r} is no name of letters, digits, dots and dashes")
    try:
        return HostSection.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise AdapterError(f"the inventory's host {name}: {where}: {first['msg']}") from None


def _selected(section: InventorySection, hosts: Mapping[str, HostSection]) -> Mapping[str, HostSection]:
    groups = {group for host in hosts.values() for group in host.groups}
    for group in section.groups:
        if group not in groups:
            known = ", ".join(sorted(groups)) or "none"
            raise AdapterError(f"the inventory has no group {group!r}; its groups: {known}")
    wanted = {
        name: host for name, host in hosts.items() if not section.groups or set(section.groups) & set(host.groups)
    }
    if not wanted:
        raise AdapterError("the inventory lists no hosts")
    return wanted
