"""Packages that a project asks for itself, where a lock file says so: what only they need comes after them.

A file that this module cannot read says nothing here; reading its versions says what is wrong with it.
"""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping

from pilotage.model.json import Json
from pilotage.risk.locks import GO_MAJOR

_OWN = frozenset(("editable", "virtual", "directory"))
_GROUPS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")


def direct_of(path: str, text: str) -> frozenset[str] | None:
    """Names as the lock file's reader has them; None where the file does not tell."""
    read = _READERS.get(posixpath.basename(path))
    if read is None or not text:
        return None
    try:
        found = frozenset(read(text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return found or None


def _npm(text: str) -> Iterator[str]:
    """The root's own, and those of the members of its workspace."""
    packages: Mapping[str, Mapping[str, Json]] = json.loads(text).get("packages", {})
    for place, package in packages.items():
        if "node_modules/" not in place:
            for group in _GROUPS:
                asked = package.get(group)
                yield from asked if isinstance(asked, dict) else ()


def _uv(text: str) -> Iterator[str]:
    for package in tomllib.loads(text).get("package", []):
        if _OWN.intersection(package.get("source", {})):
            groups = [package.get("dependencies", ())]
            for several in ("optional-dependencies", "dev-dependencies"):
                groups += package.get(several, {}).values()
            yield from (re.sub(r"[-_.]+", "-", one["name"]).lower() for group in groups for one in group)


def _cargo(text: str) -> Iterator[str]:
    """What packages without a source, which are the project's own, depend on."""
    for package in tomllib.loads(text).get("package", []):
        if "source" not in package:
            yield from (one.split(" ")[0] for one in package.get("dependencies", ()))


_OF_GO = re.compile(r"^[ \t]*(?:require[ \t]+)?([\w.~/-]{1,200})[ \t]+v\d[^\n]*", re.MULTILINE)


def _go(text: str) -> Iterator[str]:
    yield from (GO_MAJOR.sub("", said[1]) for said in _OF_GO.finditer(text) if "// indirect" not in said[0])


def _bundler(text: str) -> Iterator[str]:
    listed = text.partition("\nDEPENDENCIES\n")[2].partition("\n\n")[0]
    yield from (line.split()[0].rstrip("!") for line in listed.splitlines() if line.strip())


_READERS: Mapping[str, Callable[[str], Iterable[str]]] = {
    "package-lock.json": _npm,
    "npm-shrinkwrap.json": _npm,
    "uv.lock": _uv,
    "Cargo.lock": _cargo,
    "go.mod": _go,
    "Gemfile.lock": _bundler,
}
