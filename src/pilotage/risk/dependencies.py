"""What a lock file's change brings: new, removed, upgraded and downgraded packages, and known vulnerabilities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pilotage.model.file_kind import LONGEST_PATH
from pilotage.model.risk import Finding, RiskFactor, RiskLevel
from pilotage.risk.advisories import Advisories
from pilotage.risk.direct_packages import direct_of
from pilotage.risk.lock_documents import REVISION
from pilotage.risk.locks import REPLACED, Pins, UnreadableLock, is_manifest, packages, scheme_of
from pilotage.risk.package_pages import page_of
from pilotage.risk.sources import moved
from pilotage.risk.tool_packages import names_of_tools
from pilotage.risk.versions import Scheme, compare, has_major_step, ordered

READ_NOTES = "read their release notes for breaking changes, and run the whole test suite against them"
_READ_NOTES = "read its release notes for breaking changes, and run the whole test suite against it"
MAJOR, WITHIN_MAJOR = ", a major version", " upgraded within a major version: "
INDIRECT = " (indirect)"
"""What only the project's packages need."""
BEFORE_1 = ", a minor version before 1.0, which may break"
"""SemVer 2.0.0, section 4: anything may change while the first number is 0."""


def findings_of(path: str, before: str | None, after: str | None, advisories: Advisories) -> list[Finding]:
    """What changes between two texts of a lock file. A lock file that is not read here says so."""
    try:
        old, new = (packages(path, text) if text is not None else {} for text in (before, after))
    except UnreadableLock as error:
        why = str(error).removeprefix(f"{path}: ")
        words = f"a lock file cannot be read: {why}"
        return [Finding(RiskFactor.DEPENDENCIES, RiskLevel.MEDIUM, words, path, "compare both versions by hand")]
    if old is None or new is None:
        unread = before != after and not is_manifest(path)
        return [_finding(RiskLevel.MEDIUM, "packages changed in a file that is not read here", path)] if unread else []
    if not before and not after:
        return []
    found = list(_vulnerable(path, old, new, advisories))
    found += [_finding(RiskLevel.MEDIUM, said, path) for said in moved(path, before or "", after or "")]
    if before is None or after is None:
        return found  # a file that is new, moved or gone adds and removes nothing by itself
    tools = {*old, *new} if is_of_tools(path) else _tools(path, before, after, new)
    direct = direct_of(path, after)
    running, developing = (
        _changes(_grouped(_only(old, tools, kept)), _grouped(_only(new, tools, kept)), scheme_of(path), direct)
        for kept in (False, True)
    )
    return [*found, *_told(running, path), *_of_tools(developing, path)]


def _tools(path: str, before: str, after: str, new: Pins) -> set[str]:
    """Packages that only developers install, or did until they were removed."""
    return {*names_of_tools(path, after), *(names_of_tools(path, before) - new.keys())}


def _only(pins: Pins, names: set[str], kept: bool) -> Pins:
    return {name: versions for name, versions in pins.items() if (name in names) is kept}


_OF_TOOLS = re.compile(
    r"(^|/)(tests?|testing|docs?|dev|development|ci|lint|benchmarks?|\.github)(/|$)"
    r"|(^|/)(requirements|constraints)?[-_./]?(dev|develop|development|tests?|testing|docs?|lint|linters?|ci|typing|mypy|build)"
    r"([-_][\w-]*)?\.(txt|in|lock)$|[-_](dev|tests?|docs?|lint|ci|typing)\.(txt|in|lock)$"
)


def is_of_tools(path: str) -> bool:
    """Whether its name says that what it lists is for development and tests, and no part of what runs."""
    return bool(_OF_TOOLS.search(path[-LONGEST_PATH:]))


def _of_tools(changes: _Changes, path: str) -> Iterator[Finding]:
    breaking = (*changes.other, *changes.source, *changes.major, *changes.before_1, *changes.down)
    steps = [*breaking, *dict.fromkeys(changes.minor)]
    if steps:
        which = "1 package" if len(steps) == 1 else f"{len(steps)} packages"
        words = f"{which} for development and tests in {path}: {_few(steps)}"
        yield Finding(RiskFactor.DEPENDENCIES, RiskLevel.LOW, words, path)


def _vulnerable(path: str, old: Pins, new: Pins, advisories: Advisories) -> Iterator[Finding]:
    for name, version in sorted((one, number) for one, numbers in new.items() for number in numbers):
        package, number = _built(name, version)
        if (known := advisories.of(package, number)) and version not in old.get(name, ()):
            cure = f"do not release {package} {number}: use a version without this vulnerability"
            yield Finding(
                RiskFactor.DEPENDENCIES, RiskLevel.HIGH, f"{package} {number} is vulnerable: {known}", path, cure
            )


def _built(name: str, version: str) -> tuple[str, str]:
    """The package that is built in, and its version: where a Go module is replaced, another one."""
    by, _, number = version.removeprefix(REPLACED).rpartition(" ")
    return (by, number) if version.startswith(REPLACED) and by else (name, version)


_PLATFORM = re.compile(
    r"(?P<tool>.{0,100}?)(?:^|[-_/])(?:linux|linuxmusl|darwin|win32|windows|freebsd|openbsd|netbsd|openharmony|android|sunos"
    r"|aix|wasm32)"
    r"[-_](?:x64|x86|i686|ia32|arm|aarch64|ppc|s390x|riscv|loong|mips|universal|wasi|sunos)\w*"
)


def _grouped(pins: Pins) -> dict[str, set[str]]:
    """The packages, with the binaries of one tool for many platforms as one: `@esbuild/*` for `@esbuild/linux-x64`."""
    found: dict[str, set[str]] = {}
    for name, versions in pins.items():
        binary = _PLATFORM.match(name[:200])
        found.setdefault(_tool(binary["tool"], name) if binary else name, set()).update(versions)
    return found


def _tool(tool: str, name: str) -> str:
    if not tool:
        return f"{re.split('[-_]', name)[0]}-*"
    return f"{tool}/*" if tool.startswith("@") and "/" not in tool else f"{tool}-*"


@dataclass(frozen=True, kw_only=True)
class _Changes:
    """Names with versions, for display; minor has only names."""

    major: list[str] = field(default_factory=list)
    before_1: list[str] = field(default_factory=list)
    down: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    source: list[str] = field(default_factory=list)
    minor: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


def _changes(
    old: dict[str, set[str]], new: dict[str, set[str]], scheme: Scheme, direct: frozenset[str] | None
) -> _Changes:
    """What the project asks for itself comes first. direct: those packages; None where nobody knows."""
    found = _Changes()
    asked = direct or old.keys() | new.keys()
    found.new.extend(sorted(new.keys() - old.keys()))
    found.removed.extend(sorted(old.keys() - new.keys()))
    for name in sorted(old.keys() & new.keys(), key=lambda one: (one not in asked, one)):
        gone, come = old[name] - new[name], new[name] - old[name]
        for one, other in _paired(ordered(gone, scheme), ordered(come, scheme), scheme):
            step = f"{name} {one} → {other}{'' if name in asked else INDIRECT}"
            if not one or not other:
                (found.new if other else found.removed).append(f"{name} {one or other}")
            elif one.startswith(REPLACED) or other.startswith(REPLACED):
                found.other.append(f"{name} {one} → {other.removeprefix(REPLACED)}")
            elif not (_is_version(one) and _is_version(other)):
                found.source.append(step)
            elif compare(other, one, scheme) < 0:
                found.down.append(step)
            elif has_major_step(one, other, scheme) and not _is_always_0(name, one, other):
                (found.before_1 if _is_before_1(one, other) else found.major).append(step)
            else:
                found.minor.append(name)
    for name in found.new[:]:
        replaced = [v for v in new.get(name, ()) if v.startswith(REPLACED)]
        found.other.extend(f"{name} → {version.removeprefix(REPLACED)}" for version in replaced)
    return found


def _is_always_0(name: str, one: str, other: str) -> bool:
    """Go's own modules beside the standard library stay below 1: their second number says nothing of what breaks."""
    return name.startswith("golang.org/x/") and one.startswith("v0.") and other.startswith("v0.")


def _is_before_1(one: str, other: str) -> bool:
    return all(re.match(r"v?0\b", version) for version in (one, other))


def _is_version(said: str) -> bool:
    """Whether it is a number that can be compared, and no commit, address or range."""
    return said.lstrip("vV")[:1].isdigit() and not said.startswith(REVISION)


def _paired(gone: list[str], come: list[str], scheme: Scheme) -> Iterator[tuple[str, str]]:
    """(before, after) of each version that changed, first within a major version; "" for none."""
    for one in gone[:]:
        near = next((other for other in come if not has_major_step(one, other, scheme)), None)
        if near is not None:
            gone.remove(one)
            come.remove(near)
            yield one, near
    yield from zip(gone, come, strict=False)
    both = min(len(gone), len(come))
    yield from ((one, "") for one in gone[both:])
    yield from (("", other) for other in come[both:])


def _told(changes: _Changes, path: str) -> Iterator[Finding]:
    for steps, what in (
        (changes.other, ", another module is built in"),
        (changes.source, ", with no version to compare"),
        (changes.major, MAJOR),
        (changes.before_1, BEFORE_1),
        (changes.down, ", a downgrade"),
    ):
        yield from (_finding(RiskLevel.MEDIUM, f"{step}{what}", path, _page(step, path)) for step in steps)
    for words, names in (("new", changes.new), ("removed", changes.removed)):
        if names:
            yield _finding(RiskLevel.LOW, f"{len(names)} {words}: {_few(names)}", path)
    if rest := list(dict.fromkeys(changes.minor)):
        yield _finding(RiskLevel.LOW, f"{len(rest)}{WITHIN_MAJOR}{_few(rest)}", path)


def _page(step: str, path: str) -> str:
    """The registry's page of the new version in `name 1.0 → 2.0`; of no package that is no public version."""
    name, _, versions = step.partition(" ")
    one, _, other = versions.removesuffix(INDIRECT).partition(" → ")
    return page_of(path, name, other) if _is_version(one) and _is_version(other) else ""


def _finding(level: RiskLevel, sentence: str, path: str, page: str = "") -> Finding:
    cure = _READ_NOTES if level is not RiskLevel.LOW else ""
    return Finding(RiskFactor.DEPENDENCIES, level, sentence, path, cure, page)


def _few(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
