"""Packages that only developers install, where a lock file says so: no user meets them.

A file that this module cannot read says nothing here; reading its versions says what is wrong with it.
"""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping

_Entry = tuple[str, bool]
"""A package, and whether it is one for developers alone in this place."""


def names_of_tools(path: str, text: str) -> frozenset[str]:
    """Packages that nothing which runs needs, by their names in the lock file; none where nothing else is listed, as in
    pages of the web whose build takes all it needs from there."""
    read = _READERS.get(posixpath.basename(path))
    if read is None or not text:
        return frozenset()
    tools, running = set[str](), set[str]()
    try:
        for name, is_tool in read(text):
            (tools if is_tool else running).add(name)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return frozenset()
    return frozenset(tools - running) if running else frozenset()


def _npm(text: str) -> Iterator[_Entry]:
    read = json.loads(text)
    for path, package in read.get("packages", {}).items():
        if "node_modules/" in path:
            name = package.get("name") or path.rpartition("node_modules/")[2]
            yield name, package.get("dev") is True
    left = [] if "packages" in read else [read]
    while left:
        inner = left.pop().get("dependencies", {})
        yield from ((name, package.get("dev") is True) for name, package in inner.items())
        left += inner.values()


def _composer(text: str) -> Iterator[_Entry]:
    read = json.loads(text)
    for key in ("packages", "packages-dev"):
        yield from ((package["name"], key == "packages-dev") for package in read.get(key) or ())


def _pipenv(text: str) -> Iterator[_Entry]:
    read = json.loads(text)
    for key in ("default", "develop"):
        yield from ((_plain(name), key == "develop") for name in read.get(key, {}))


def _grouped(text: str) -> Iterator[_Entry]:
    """poetry and PDM: the groups that a package belongs to, or its category in an older file."""
    for package in tomllib.loads(text).get("package", []):
        groups = package.get("groups") or [package.get("category", "main")]
        yield _plain(package["name"]), not _RUNNING.intersection(groups)


_RUNNING = frozenset(("main", "default"))


def _uv(text: str) -> Iterator[_Entry]:
    """What the members of the workspace need to run, extras too, and what that needs in turn."""
    packages = tomllib.loads(text).get("package", [])
    needs: dict[str, set[str]] = {}
    left = []
    for package in packages:
        extras = package.get("optional-dependencies", {}).values()
        needed = [*package.get("dependencies", ()), *(one for extra in extras for one in extra)]
        needs.setdefault(package["name"], set()).update(one["name"] for one in needed)
        if _OWN.intersection(package.get("source", {})):
            left.append(package["name"])
    running = set[str](left)
    while left:
        new = needs.get(left.pop(), set()) - running
        running |= new
        left += new
    yield from ((_plain(name), bool(running) and name not in running) for name in needs)


_OWN = frozenset(("editable", "virtual", "directory"))


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


_READERS: Mapping[str, Callable[[str], Iterable[_Entry]]] = {
    "package-lock.json": _npm,
    "npm-shrinkwrap.json": _npm,
    "composer.lock": _composer,
    "Pipfile.lock": _pipenv,
    "poetry.lock": _grouped,
    "pdm.lock": _grouped,
    "uv.lock": _uv,
}
