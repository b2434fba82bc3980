"""What a lock file's change brings: new, removed, upgraded and downgraded packages, and known vulnerabilities."""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping

from pilotage.model.errors import Invalid
from pilotage.model.risk import Finding, RiskFactor, RiskLevel
from pilotage.risk.advisories import Advisories

_TEST_FIRST = (
    "release it separately, or run the whole test suite against it; read its release notes for breaking changes"
)


class UnreadableLock(Invalid):
    """A lock file does not have the format of its name."""


def packages(path: str, text: str) -> dict[str, str] | None:
    """Package → version as a lock file pins them; None for a file that pins nothing that is known here. Of a package in
    several versions, the newest. Raises UnreadableLock."""
    reader = _READERS.get(posixpath.basename(path)) or next(
        (read for pattern, read in _PATTERNS if pattern.fullmatch(posixpath.basename(path))), None
    )
    if reader is None:
        return None
    found: dict[str, str] = {}
    try:
        for name, version in reader(text):
            found[name] = max(found.get(name, version), version, key=_key)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableLock(f"{path}: {error}") from None
    return found


def _toml(text: str) -> Iterator[tuple[str, str]]:
    """uv, poetry, Cargo: `[[package]]` tables."""
    for package in tomllib.loads(text).get("package", []):
        if "version" in package and (package.get("source") or {}) not in ({"editable": "."}, {"virtual": "."}):
            yield str(package["name"]), str(package["version"])


def _npm(text: str) -> Iterator[tuple[str, str]]:
    read = json.loads(text)
    for path, package in read.get("packages", {}).items():
        if path and "version" in package and not package.get("link"):
            yield path.rpartition("node_modules/")[2], str(package["version"])
    if "packages" not in read:
        for name, package in read.get("dependencies", {}).items():
            yield name, str(package["version"])


_YARN_HEAD = re.compile(r'"?(@?[^@"\s]+)@')
_YARN_VERSION = re.compile(r'[ \t]+version:? "?([^"\s]+)')
_PNPM = re.compile(r"^ {2}['\"]?/?(@?[^@'\"\s(/]+(?:/[^@'\"\s(]+)?)[@/](\d[^'\":\s(]*)", re.MULTILINE)
_GO_HOST = re.compile(r"[\w.-]+")
_REQUIREMENT = re.compile(
    r"^[ \t]*([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]\n]*\])?[ \t]*==[ \t]*([^\s;#\\]+)", re.MULTILINE
)
_MAVEN = re.compile(
    r"<dependency>\s*<groupId>([^<]+)</groupId>\s*<artifactId>([^<]+)</artifactId>\s*<version>([^<$]+)</version>"
)
_GEM = re.compile(r"^ {4}([A-Za-z0-9_.-]+) \(([^)=<>~\n]+)\)$", re.MULTILINE)


def _pairs(pattern: re.Pattern[str]) -> Callable[[str], Iterator[tuple[str, str]]]:
    return lambda text: iter([(str(found[1]), str(found[2])) for found in pattern.finditer(text)])


def _maven(text: str) -> Iterator[tuple[str, str]]:
    return iter([(f"{m[1].strip()}:{m[2].strip()}", m[3].strip()) for m in _MAVEN.finditer(text)])


def _yarn(text: str) -> Iterator[tuple[str, str]]:
    """An entry's head, and the first `version` of the indented lines below it."""
    name = ""
    for line in text.splitlines():
        if head := _YARN_HEAD.match(line) if line.endswith(":") else None:
            name = head[1]
        elif not line.startswith((" ", "\t")):
            name = ""
        elif name and (version := _YARN_VERSION.match(line)):
            yield name, version[1]
            name = ""


def _go(text: str) -> Iterator[tuple[str, str]]:
    """`require HOST/PATH VERSION`, and the same without `require` in its block."""
    for line in text.splitlines():
        words = line.split()
        path, version = [*words[words[:1] == ["require"] :], "", ""][:2]
        host = path.partition("/")[0]
        if "." in host[1:-1] and _GO_HOST.fullmatch(host) and version[:1] == "v" and version[1:2].isdigit():
            yield path, version


_READERS: Mapping[str, Callable[[str], Iterator[tuple[str, str]]]] = {
    "uv.lock": _toml, "poetry.lock": _toml, "Cargo.lock": _toml, "package-lock.json": _npm,
    "npm-shrinkwrap.json": _npm, "yarn.lock": _yarn, "pnpm-lock.yaml": _pairs(_PNPM), "go.mod": _go,
    "pom.xml": _maven, "Gemfile.lock": _pairs(_GEM),
}  # fmt: skip
_PATTERNS = ((re.compile(r"requirements[^/]*\.txt"), _pairs(_REQUIREMENT)),)


def findings_of(path: str, before: str | None, after: str | None, advisories: Advisories) -> list[Finding]:
    """What changes between two texts of a lock file."""
    try:
        old, new = (packages(path, text) if text is not None else {} for text in (before, after))
    except UnreadableLock as error:
        return [_finding(RiskLevel.MEDIUM, f"is not a readable lock file: {error}", path)]
    if old is None or new is None or (not before and not after):
        return []
    found = list(_vulnerable(path, old, new, advisories))
    if before is None:
        return found
    changed = {name: (old[name], new[name]) for name in old.keys() & new.keys() if old[name] != new[name]}
    major = [name for name, (a, b) in changed.items() if _major(a) != _major(b) and _key(b) > _key(a)]
    down = [name for name, (a, b) in changed.items() if _key(b) < _key(a)]
    steps = [*((name, "a major version") for name in sorted(major)), *((name, "a downgrade") for name in sorted(down))]
    found += [_finding(RiskLevel.MEDIUM, f"{name} {' → '.join(changed[name])}, {what}", path) for name, what in steps]
    for words, names in (("new", new.keys() - old.keys()), ("removed", old.keys() - new.keys())):
        if names:
            found.append(_finding(RiskLevel.LOW, f"{len(names)} {words}: {_few(sorted(names))}", path))
    rest = sorted(changed.keys() - set(major) - set(down))
    if rest:
        found.append(_finding(RiskLevel.LOW, f"{len(rest)} upgraded within a major version: {_few(rest)}", path))
    return found


def _vulnerable(path: str, old: Mapping[str, str], new: Mapping[str, str], advisories: Advisories) -> Iterator[Finding]:
    for name, version in sorted(new.items()):
        if (known := advisories.of(name, version)) and old.get(name) != version:
            cure = f"do not release {name} {version}: use a version without this vulnerability"
            yield Finding(
                RiskFactor.DEPENDENCIES, RiskLevel.HIGH, f"{name} {version} is vulnerable: {known}", path, cure
            )


def _finding(level: RiskLevel, sentence: str, path: str) -> Finding:
    cure = _TEST_FIRST if level is not RiskLevel.LOW else ""
    return Finding(RiskFactor.DEPENDENCIES, level, sentence, path, cure)


def _few(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _major(version: str) -> tuple[int, ...]:
    """What may break: the first number, or the first two while the first is 0 (SemVer 2.0.0, section 4)."""
    numbers = _key(version)[0]
    return numbers[:2] if numbers[:1] == (0,) else numbers[:1]


def _key(version: str) -> tuple[tuple[int, ...], bool, str]:
    """Orders versions of any ecosystem well enough: numbers first, a pre-release before its release."""
    core, _, rest = version.lstrip("vV=^~ ").partition("-")
    numbers = tuple(int(n) for n in re.findall(r"\d+", core)[:4])
    return numbers, not rest, rest
