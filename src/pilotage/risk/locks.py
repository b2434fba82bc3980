"""The packages that a lock file pins, in the formats of many tools."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping

from pilotage.model.errors import Invalid
from pilotage.risk import gradle, lock_documents, maven
from pilotage.risk.lock_documents import REVISION
from pilotage.risk.versions import Scheme

Pins = Mapping[str, frozenset[str]]
"""Versions by package; a Go module that another one replaces has that one, after REPLACED, in place of its version, and
a package from a repository has the commit after REVISION."""
REPLACED = "=> "

_Pair = tuple[str, str]
_Reader = Callable[[str], Iterator[_Pair]]


_CONFLICT = re.compile(r"^(?:<{7}|>{7}) \S", re.MULTILINE)
"""Conflict markers of git in an unmerged file: it holds both sides' versions."""
_LONGEST = 400
"""Characters of the message about an unreadable file."""


class UnreadableLock(Invalid):
    """A lock file is not in the format that its name implies."""


def packages(path: str, text: str) -> Pins | None:
    """All versions of each package that a file pins; None for a file that is not read here. Raises UnreadableLock."""
    if (known := _known(path)) is None:
        return None
    read, scheme = known
    found: dict[str, set[str]] = {}
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if conflict := _CONFLICT.search(text):
        raise UnreadableLock(f"{path}: line {text.count(chr(10), 0, conflict.start()) + 1} is a conflict of a merge")
    try:
        for name, version in read(text):
            name = re.sub(r"[-_.]+", "-", name).lower() if scheme is Scheme.PYTHON else name
            found.setdefault(name, set()).add(version)
    except ValueError as error:
        raise UnreadableLock(f"{path}: {str(error)[:_LONGEST]}") from None
    return {name: frozenset(versions) for name, versions in found.items()}


def scheme_of(path: str) -> Scheme:
    known = _known(path)
    return known[1] if known else Scheme.SEMVER


def is_manifest(path: str) -> bool:
    """Whether a file requests ranges of versions or holds checksums: what is installed is in the lock file next to
    it."""
    name = posixpath.basename(path)
    return name in _MANIFESTS or name.endswith((".gemspec", ".in"))


def _known(path: str) -> tuple[_Reader, Scheme] | None:
    name = posixpath.basename(path)
    in_folder = name.endswith(".txt") and posixpath.basename(posixpath.dirname(path)) == "requirements"
    if in_folder or _REQUIREMENTS.fullmatch(name):
        return _requirements, Scheme.PYTHON
    if name.endswith(("proj", ".props")) or name == "packages.config":
        return _props, Scheme.SEMVER
    return (lock_documents.toml, Scheme.PYTHON) if _PYLOCK.fullmatch(name) else _READERS.get(name)


def _pub(text: str) -> Iterator[_Pair]:
    name = ""
    for line in text.splitlines():
        if head := _PUB_HEAD.fullmatch(line):
            name = head[1]
        elif name and (version := _PUB_VERSION.fullmatch(line)):
            yield name, version[1]


_YARN_HEAD = re.compile(r'"?(@?[^@"\s]+)@')
_YARN_VERSION = re.compile(r'[ \t]+version:? "?([^"\s]+)')
_PNPM = re.compile(r"^( +)['\"]?/?(@?[^@'\"\s(/]+(?:/[^@'\"\s(]+)?)[@/](\d[^'\":\s(]*)", re.MULTILINE)
_PNPM_STEP = re.compile(r"^packages:[^\S\n]*\n(?:[^\S\n]*\n)*( +)", re.MULTILINE)
_GO_HOST = re.compile(r"[\w.-]+")
GO_MAJOR = re.compile(r"(?:/v|(?<=\w)\.v)\d+$")
_REQUIREMENT = re.compile(
    r"^[ \t]*([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]\n]*\])?[ \t]*(===?|[<>~!]=?|@)?[ \t]*([^\s;#\\]*)", re.MULTILINE
)
_FROM_GIT = re.compile(r"^[ \t]*(?:-e[ \t]+)?git\+[^@\s]*?/([\w.-]+?)(?:\.git)?@([\w./-]+)", re.MULTILINE)
_GEM_GIT = re.compile(r" {2}revision: (\w+)")
_GEM = re.compile(r"^ {4}([A-Za-z0-9_.-]+) \(([^)=<>~\n]+)\)$", re.MULTILINE)
_GEM_PLATFORM = re.compile(r"-(?:x86|x64|aarch64|arm|java|universal|mingw|mswin).*")
_PUB_HEAD = re.compile(r" {2}(\w+):")
_PUB_VERSION = re.compile(r" {4}version: \"?([^\"\s]+)\"?")
_MIX = re.compile(r'^ {2}"(\w+)": \{:(?:hex, :\w+|(git), "[^"\n]*"), "([^"\n]+)"', re.MULTILINE)
_BUN = re.compile(r'^ {4}"[^"\n]+": \["(@?[^@"\n]+)@(\d[^"\n]*)"', re.MULTILINE)
_PROPS = re.compile(
    r"<(?:(?:Package|GlobalPackage)(?:Version|Reference)|package)\b([^<>]*)>(?:\s{0,99}<Version>([^<>\s]*)<)?"
)
_INCLUDED = re.compile(r"\b(?:Include|Update|id)\s?=\s?\"([^\"<>]*)\"")
_NUGET_VERSION = re.compile(r"\b[Vv]ersion\s?=\s?\"([^\"<>]*)\"")
_GRADLE_LOCK = re.compile(r"^([\w.-]+:[\w.-]+):([^=:\s]+)=", re.MULTILINE)


def _pairs(pattern: re.Pattern[str]) -> _Reader:
    return lambda text: iter([(str(found[1]), str(found[2])) for found in pattern.finditer(text)])


def _requirements(text: str) -> Iterator[_Pair]:
    """The requested version, address, or range, as it is written."""
    for found in _REQUIREMENT.finditer(text):
        name, sign, said = found[1], found[2] or "", found[3]
        if sign or not said:  # else an address such as git+https://…
            said = said.partition(",")[0] if sign == "==" else said
            is_plain = sign in ("==", "===", "@") and "*" not in said
            yield name, said if is_plain else f"{sign}{said}" or "any"
    yield from ((found[1], f"{REVISION}{found[2][:12]}") for found in _FROM_GIT.finditer(text))


def _gems(text: str) -> Iterator[_Pair]:
    """One gem has a version for each platform: they are one. Those below PATH are the project's own."""
    section = commit = ""
    for line in text.splitlines():
        if line and not line.startswith(" "):
            section, commit = line, ""
        elif revision := _GEM_GIT.match(line):
            commit = f"{REVISION}{revision[1][:12]}"
        elif section != "PATH" and (found := _GEM.match(line)):
            yield found[1], commit or _GEM_PLATFORM.sub("", found[2])


def _mix(text: str) -> Iterator[_Pair]:
    for found in _MIX.finditer(text):
        yield found[1], f"{REVISION}{found[3][:12]}" if found[2] else found[3]


def _props(text: str) -> Iterator[_Pair]:
    for found in _PROPS.finditer(text):
        name, version = _INCLUDED.search(found[1]), _NUGET_VERSION.search(found[1])
        if name and (said := version[1] if version else found[2]):
            yield name[1], said


def _pnpm(text: str) -> Iterator[_Pair]:
    """The keys right below `packages`; Prettier indents them by four."""
    step = _PNPM_STEP.search(text)
    width = len(step[1]) if step else 2
    yield from ((found[2], found[3]) for found in _PNPM.finditer(text) if len(found[1]) == width)


def _yarn(text: str) -> Iterator[_Pair]:
    """An entry's head, and the first `version` of the indented lines below it."""
    name = ""
    for line in text.splitlines():
        if head := _YARN_HEAD.match(line) if line.endswith(":") else None:
            name = "" if "@workspace:" in line else head[1]
        elif not line.startswith((" ", "\t")):
            name = ""
        elif name and (version := _YARN_VERSION.match(line)):
            if version[1] != "0.0.0-use.local":
                yield name, version[1]
            name = ""


def _go(text: str) -> Iterator[_Pair]:
    """`require` and `replace`, alone or in a block. A major version's path (`…/v2`) is the same module."""
    block, pinned, replaced = "", list[_Pair](), dict[str, str]()
    for line in text.splitlines():
        words = line.partition("//")[0].split()
        if words[-1:] in (["("], [")"]):
            block = words[0] if words[-1] == "(" else ""
            continue
        verb, words = (block, words) if block else ("".join(words[:1]), words[1:])
        if verb == "require" and len(words) > 1 and _is_pinned(words[0], words[1]):
            pinned.append((words[0], words[1]))
        elif verb == "replace" and "=>" in words[1:-1]:
            replaced[words[0]] = " ".join(words[words.index("=>") + 1 :])
    for path, version in pinned:
        by = replaced.get(path, "")
        same = by.partition(" ")[0] == path and " " in by
        yield GO_MAJOR.sub("", path), by.rpartition(" ")[2] if same else f"{REPLACED}{by}" if by else version


def _is_pinned(path: str, version: str) -> bool:
    host = path.partition("/")[0]
    return "." in host[1:-1] and bool(_GO_HOST.fullmatch(host)) and version[:1] == "v" and version[1:2].isdigit()


_READERS: Mapping[str, tuple[_Reader, Scheme]] = {
    **dict.fromkeys(("uv.lock", "poetry.lock", "pdm.lock"), (lock_documents.toml, Scheme.PYTHON)),
    "Pipfile.lock": (lock_documents.pipenv, Scheme.PYTHON),
    "Cargo.lock": (lock_documents.cargo, Scheme.SEMVER),
    **dict.fromkeys(("package-lock.json", "npm-shrinkwrap.json"), (lock_documents.npm, Scheme.SEMVER)),
    "yarn.lock": (_yarn, Scheme.SEMVER),
    "pnpm-lock.yaml": (_pnpm, Scheme.SEMVER),
    "bun.lock": (_pairs(_BUN), Scheme.SEMVER),
    "go.mod": (_go, Scheme.SEMVER),
    "composer.lock": (lock_documents.composer, Scheme.SEMVER),
    "mix.lock": (_mix, Scheme.SEMVER),
    "packages.lock.json": (lock_documents.nuget, Scheme.SEMVER),
    "Directory.Packages.props": (_props, Scheme.SEMVER),
    "pubspec.lock": (_pub, Scheme.SEMVER),
    "Package.resolved": (lock_documents.swift, Scheme.SEMVER),
    "Gemfile.lock": (_gems, Scheme.RUBY),
    "pom.xml": (maven.packages, Scheme.MAVEN),
    "gradle.lockfile": (_pairs(_GRADLE_LOCK), Scheme.MAVEN),
    "libs.versions.toml": (lock_documents.catalog, Scheme.MAVEN),
    **dict.fromkeys(("build.gradle", "build.gradle.kts"), (gradle.packages, Scheme.MAVEN)),
}
_REQUIREMENTS = re.compile(r"[^/]{0,200}?requirements[^/]{0,200}\.txt|constraints[^/]{0,200}\.txt")
_PYLOCK = re.compile(r"pylock\.(?:[^/.]+\.)?toml")
_MANIFESTS = frozenset((
    "pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "package.json", "go.sum", "Cargo.toml", "Gemfile",
    "composer.json",
))  # fmt: skip
