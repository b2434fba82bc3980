"""Ansible's inventories in INI, YAML and JSON: which hosts there are, in which groups, and how SSH reaches them.

Of its variables those count that say how to log in; plain ones of other names become `vars`. What would change the way
to a host and is not understood is refused, because a half understood inventory deploys to the wrong place.
Source: https://docs.ansible.com/ansible/latest/inventory_guide/intro_inventory.html
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from pilotage.model.errors import Invalid
from pilotage.model.json import Json, JsonObject
from pilotage.model.text import line

_FIELDS = {
    "ansible_host": "address", "ansible_ssh_host": "address", "ansible_port": "port", "ansible_ssh_port": "port",
    "ansible_user": "user", "ansible_ssh_user": "user", "ansible_ssh_private_key_file": "identity_file",
    "ansible_private_key_file": "identity_file",
}  # fmt: skip
_ARGUMENTS = ("ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args")
_PASSWORDS = ("ansible_password", "ansible_ssh_pass", "ansible_ssh_password")
_RANGE = re.compile(r"\[([0-9]+|[a-z]):([0-9]+|[a-z])(?::([0-9]+))?\]")
_VARIABLE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_SECTION = re.compile(r"\[([^\[\]:]+)(?::(vars|children))?\]")
_MOST, _MOST_GROUPS, _DEEPEST = 10_000, 500, 20


class BadInventory(Invalid):
    """The inventory says something that Pilotage does not understand."""

    def __init__(self, sentence: str) -> None:
        super().__init__(line(sentence, 300))


@dataclass
class _Group:
    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, None] = field(default_factory=dict)
    variables: dict[str, Json] = field(default_factory=dict)


class _Tree:
    def __init__(self) -> None:
        self.groups: dict[str, _Group] = {}
        self.variables: dict[str, dict[str, Json]] = {}

    def group(self, name: str) -> _Group:
        if len(self.groups) >= _MOST_GROUPS and name not in self.groups:
            raise BadInventory(f"it has more than {_MOST_GROUPS} groups")
        return self.groups.setdefault(name, _Group())

    def host(self, name: str, variables: Mapping[str, Json]) -> None:
        if len(self.variables) >= _MOST:
            raise BadInventory(f"it lists more than {_MOST} hosts")
        self.variables.setdefault(name, {}).update(variables)

    def sections(self) -> dict[str, JsonObject]:
        """Hosts in the order of the inventory, as `hosts` of pilotage.yaml takes them."""
        mine: dict[str, list[str]] = {name: [] for name in self.variables}
        for group in self._outer_first():
            for host in self.variables if group == "all" else self._within(group):
                mine[host].append(group)
        return {host: self._section(host, groups) for host, groups in mine.items()}

    def _section(self, host: str, groups: list[str]) -> JsonObject:
        found: dict[str, Json] = {}
        for name in groups:
            found |= self.groups[name].variables
        section = _section_of(host, found | self.variables[host])
        shown: list[Json] = [name for name in groups if name not in ("all", "ungrouped")]
        return {**section, "groups": shown} if shown else section

    def _within(self, group: str) -> set[str]:
        """The hosts of a group and of the groups in it."""
        seen, left, hosts = {group}, [group], set[str]()
        while left:
            one = self.groups[left.pop()]
            hosts.update(one.hosts)
            inner = [child for child in one.children if child in self.groups and child not in seen]
            seen.update(inner)
            left += inner
        return hosts

    def _outer_first(self) -> list[str]:
        """Groups by depth: variables of an inner group override those of the outer ones."""
        depths = dict.fromkeys(self.groups, 1)
        if "all" in depths:
            depths["all"] = 0
        for _ in range(_DEEPEST):
            before = dict(depths)
            for name, group in self.groups.items():
                for child in group.children:
                    if child in depths and name != "all":
                        depths[child] = max(depths[child], depths[name] + 1)
            if depths == before:
                break
        return sorted(depths, key=lambda name: (depths[name], name))


def from_ini(text: str) -> dict[str, JsonObject]:
    """Raises BadInventory, with the line."""
    tree, group, part = _Tree(), "ungrouped", ""
    for number, raw in enumerate(text.splitlines(), 1):
        try:
            words = shlex.split(raw, comments=True) if part != "vars" else [raw.split("#")[0].split(";")[0].strip()]
            if not words or not words[0] or words[0].startswith(";"):
                continue
            if words[0].startswith("[") and (found := _SECTION.fullmatch(" ".join(words))):
                group, part = found[1], found[2] or ""
                tree.group(group)
            elif part == "vars":
                key, _, value = words[0].partition("=")
                tree.group(group).variables[key.strip()] = value.strip().strip("'\"")
            elif part == "children":
                tree.group(group).children[words[0]] = None
                tree.group(words[0])
            else:
                _host_line(tree, group, words)
        except ValueError as error:
            raise BadInventory(f"line {number}: {error}") from None
    return tree.sections()


def _host_line(tree: _Tree, group: str, words: list[str]) -> None:
    pairs = [word.partition("=") for word in words[1:]]
    if wrong := next((word for word, equals, _ in pairs if not equals), None):
        raise ValueError(f"{wrong!r} is not a variable such as ansible_host=10.0.0.5")
    variables: dict[str, Json] = {key: value for key, _, value in pairs}
    for name in _spread(words[0]):
        plain, colon, port = name.partition(":")
        extra: dict[str, Json] = {"ansible_port": port} if colon and port.isdecimal() else {}
        tree.host(plain if extra else name, {**extra, **variables})
        tree.group(group).hosts[plain if extra else name] = None


def _spread(pattern: str) -> list[str]:
    """`web[01:03]` are web01, web02 and web03."""
    names = list(islice(_names(pattern), _MOST + 1))
    if len(names) > _MOST:
        raise BadInventory(f"{pattern!r} stands for more than {_MOST} hosts")
    return names


def _names(pattern: str) -> Iterator[str]:
    found = _RANGE.search(pattern)
    if found is None:
        yield pattern
        return
    first, last, step = found[1], found[2], int(found[3] or 1)
    if first.isdecimal() != last.isdecimal() or step < 1:
        raise ValueError(f"{pattern!r} is not a range such as web[01:10]")
    if first.isdecimal():
        names = [
            f"{number:0{len(first)}d}" for number in range(int(first), min(int(last), int(first) + _MOST) + 1, step)
        ]
    else:
        names = [chr(code) for code in range(ord(first), ord(last) + 1, step)]
    for name in names:
        yield from _names(f"{pattern[: found.start()]}{name}{pattern[found.end() :]}")


def looks_like_one(data: JsonObject) -> bool:
    """Whether plain data are groups rather than hosts."""
    parts = [value for value in data.values() if isinstance(value, Mapping)]
    return "_meta" in data or any("hosts" in part or "children" in part for part in parts)


def from_data(data: JsonObject) -> dict[str, JsonObject]:
    """An inventory in YAML, or what an inventory script prints for `--list`. Raises BadInventory."""
    tree = _Tree()
    meta = data.get("_meta")
    known = meta.get("hostvars") if isinstance(meta, Mapping) else None
    for name, group in data.items():
        if name != "_meta":
            _take(tree, name, group, 0)
    for name, variables in known.items() if isinstance(known, Mapping) else ():
        if name in tree.variables and isinstance(variables, Mapping):
            tree.host(name, variables)
    return tree.sections()


def _take(tree: _Tree, name: str, given: Json, depth: int) -> None:
    group = tree.group(name)
    if given is None:
        return
    if isinstance(given, list):  # of a script: a group that is only a list of hosts
        given = {"hosts": given}
    if not isinstance(given, Mapping) or depth > _DEEPEST:
        raise BadInventory(f"group {name}: it is no mapping with hosts, children and vars")
    hosts, children, variables = given.get("hosts"), given.get("children"), given.get("vars")
    if isinstance(variables, Mapping):
        group.variables |= variables
    for host, own in _members(hosts):
        for one in _spread(host):
            tree.host(one, own if isinstance(own, Mapping) else {})
            group.hosts[one] = None
    for child, inside in _members(children):
        group.children[child] = None
        _take(tree, child, inside, depth + 1)


def _members(given: Json) -> list[tuple[str, Json]]:
    if isinstance(given, Mapping):
        return list(given.items())
    return [(str(one), None) for one in given] if isinstance(given, list) else []


def _section_of(host: str, variables: Mapping[str, Json]) -> JsonObject:
    section: dict[str, Json] = {}
    own: dict[str, Json] = {}
    for name, value in variables.items():
        if name in _PASSWORDS:
            raise BadInventory(f"host {host}: {name} is set, but Pilotage logs in with keys alone")
        if name == "ansible_connection" and value not in ("ssh", "smart", "openssh"):
            raise BadInventory(f"host {host}: ansible_connection {value} is not supported, only ssh")
        if name in _ARGUMENTS:
            section["jump"] = _jump(host, name, str(value))
        elif name in _FIELDS:
            section[_FIELDS[name]] = _plain(host, name, value)
        elif not name.startswith("ansible_") and _VARIABLE.fullmatch(name) and isinstance(value, str | int | float):
            own[name] = str(value)
    return {**section, "vars": own} if own else section


def _plain(host: str, name: str, value: Json) -> Json:
    if isinstance(value, str) and "{{" in value:
        raise BadInventory(f"host {host}: {name} is a template: write the value itself")
    if _FIELDS[name] == "port":
        if not str(value).isdecimal():
            raise BadInventory(f"host {host}: {name} {value!r} is no port")
        return int(str(value))
    return str(value)


def _jump(host: str, name: str, text: str) -> str:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise BadInventory(f"host {host}: {name}: {error}") from None
    match words:
        case ["-J", where]:
            return where
        case ["-o", option] if option.startswith("ProxyJump="):
            return option.removeprefix("ProxyJump=")
        case [option] if option.startswith("-oProxyJump="):
            return option.removeprefix("-oProxyJump=")
    raise BadInventory(f"host {host}: {name} is more than a jump host: put it in ssh_config, which Pilotage follows")
