"""Where a lock file says that its packages come from: the same version from another place is another program."""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_SAME = {"registry.yarnpkg.com": "registry.npmjs.org", "registry.npmmirror.com": "registry.npmmirror.com"}
"""Names of one registry."""
_YARN_HEAD = re.compile(r'"?(@?[^@"\s]+)@')
_YARN_FIELD = re.compile(r'  (version|resolved|integrity) "?([^"\s]+)')


@dataclass(frozen=True, kw_only=True)
class Source:
    """host: of the registry, "" where the file does not say · sum: the checksum with its algorithm, such as sha512-…"""

    host: str
    sum: str


_Sources = Mapping[tuple[str, str], Source]
_Entry = tuple[str, str, Source]


def moved(path: str, before: str, after: str) -> Iterator[str]:
    """Sentences about packages that keep their version and have another source or content. A file that cannot be read
    has none: the comparison of its versions says so."""
    old, new = _sources(path, before), _sources(path, after)
    hosts: dict[tuple[str, str], list[str]] = {}
    for key in sorted(old.keys() & new.keys()):
        was, now = old[key], new[key]
        if was.host and now.host and was.host != now.host:
            hosts.setdefault((was.host, now.host), []).append(f"{key[0]} {key[1]}")
        elif was.sum != now.sum and _kind(was.sum) == _kind(now.sum) != "":
            yield f"{key[0]} {key[1]} has another checksum: its content is not what was released before"
    for (was_host, now_host), names in hosts.items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield f"{', '.join(names[:3])}{more} from {now_host}, until now from {was_host}"


def _kind(checksum: str) -> str:
    return checksum.partition("-")[0]


def _sources(path: str, text: str) -> _Sources:
    read = _READERS.get(posixpath.basename(path))
    if read is None:
        return {}
    try:
        return {(name, version): source for name, version, source in read(text.replace("\r\n", "\n"))}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _npm(text: str) -> Iterator[_Entry]:
    read = json.loads(text)
    for path, package in read.get("packages", {}).items():
        if "node_modules/" in path and "version" in package:
            yield path.rpartition("node_modules/")[2], str(package["version"]), _of_npm(package)
    left = [] if "packages" in read else [read]
    while left:
        inner = left.pop().get("dependencies", {})
        yield from ((name, str(package["version"]), _of_npm(package)) for name, package in inner.items())
        left += inner.values()


def _of_npm(package: Mapping[str, object]) -> Source:
    return Source(host=_host(str(package.get("resolved") or "")), sum=str(package.get("integrity") or ""))


def _host(url: str) -> str:
    host = urlsplit(url).hostname or "" if url.startswith(("https://", "http://")) else ""
    return _SAME.get(host, host)


def _yarn(text: str) -> Iterator[_Entry]:
    """yarn 1: a later yarn writes no address."""
    name, said = "", dict[str, str]()
    for line in [*text.splitlines(), ""]:
        if found := _YARN_FIELD.match(line):
            said[found[1]] = found[2]
        elif not line.startswith(" "):
            if name and "version" in said:
                yield name, said["version"], Source(host=_host(said.get("resolved", "")), sum=said.get("integrity", ""))
            head = _YARN_HEAD.match(line) if line.endswith(":") else None
            name, said = head[1] if head else "", {}


def _cargo(text: str) -> Iterator[_Entry]:
    for package in tomllib.loads(text).get("package", []):
        source = str(package.get("source") or "")
        host = source.partition("+")[2] if source.startswith(("registry+", "sparse+")) else ""
        checksum = str(package.get("checksum") or "")
        yield (
            str(package["name"]),
            str(package["version"]),
            Source(host=_CRATES_IO.get(host, host), sum=checksum and f"sha256-{checksum}"),
        )


_CRATES_IO = dict.fromkeys(("https://github.com/rust-lang/crates.io-index", "https://index.crates.io/"), "crates.io")
_READERS: Mapping[str, Callable[[str], Iterator[_Entry]]] = {
    **dict.fromkeys(("package-lock.json", "npm-shrinkwrap.json"), _npm),
    "yarn.lock": _yarn,
    "Cargo.lock": _cargo,
}
