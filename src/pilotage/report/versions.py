"""The next version: what changed decides, by Semantic Versioning 2.0.0 or by PEP 440."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pilotage.model.errors import Invalid
from pilotage.report.calendar_versions import following_day, is_calendar
from pilotage.report.commit_words import Kind
from pilotage.report.commits import Change

_SEMVER = re.compile(
    r"^(?P<major>0|[1-9]\d*)\.(?P<minor>0|[1-9]\d*)\.(?P<patch>0|[1-9]\d*)"
    r"(?:-(?P<pre>(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$"
)
"""The expression that semver.org suggests."""

_SHORT = re.compile(r"^(?P<major>0|[1-9]\d*)\.(?P<minor>0|[1-9]\d*)$")
"""A range may start at `v1.2`; versions after it are named by the caller."""

_NUMBER = re.compile(r"(?<!\d)(?<!\d\.)\d+(?=\.\d)")
"""Where the number of a tag with a prefix may start."""

_LONGEST = 250
"""Characters of a version or tag; git's own names are no longer."""


class Scheme(StrEnum):
    SEMVER = "semver"
    PEP440 = "pep440"
    CALVER = "calver"


class Part(StrEnum):
    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"


class BadVersion(Invalid):
    """The version number does not follow the chosen scheme."""


def part_of(changes: Sequence[Change]) -> Part | None:
    """The part that must grow; None when nothing reaches anyone."""
    if any(change.breaking is not None for change in changes):
        return Part.MAJOR
    if any(change.kind in (Kind.FEATURE, Kind.DEPRECATION) for change in changes):
        return Part.MINOR
    silent = (Kind.INTERNAL, Kind.DOCS)
    return Part.PATCH if any(change.kind not in silent for change in changes) else None


@dataclass(frozen=True, kw_only=True)
class Tag:
    """A tag that is a version. prefix: text before the number, such as `v` or `api-v` · order: compares versions of one
    scheme · final: whether it is not a pre-release."""

    name: str
    prefix: str
    release: tuple[int, int, int]
    order: tuple[object, ...]
    final: bool

    @property
    def package(self) -> str:
        """The part of the prefix that names a package: `api` of `api-v1.2.0`, empty where the tag is of everything."""
        return re.sub(r"(?:(?<![A-Za-z])v)$", "", self.prefix).rstrip("-/@_.")


def tag_of(name: str, scheme: Scheme) -> Tag | None:
    """The version that a tag names, `1.2.0`, `v1.2.0`, `api/v1.2.0`, `api-1.2.0` or `@acme/api@1.2.0`; None where it
    names none, as `build-1234` and `sprint42` do."""
    name_ = name[:_LONGEST]
    plain = 1 if name_[:1] in ("v", "V") and name_[1:2].isdigit() else 0
    starts = [plain] if name_[plain : plain + 1].isdigit() else [found.start() for found in _NUMBER.finditer(name_)]
    for start in starts:
        if found := _numbered(name_, start, scheme):
            return found
    return None


def _numbered(name: str, start: int, scheme: Scheme) -> Tag | None:
    text, prefix = name[start:], name[:start]
    if scheme is Scheme.SEMVER:
        found = _SEMVER.match(text) or (_SHORT.match(text) if prefix in ("", "v", "V") else None)
        if found is None:
            return None
        numbers = found.groupdict()
        release, pre = (
            (int(numbers["major"]), int(numbers["minor"]), int(numbers.get("patch") or 0)),
            numbers.get("pre"),
        )
        order = (*release, pre is None, tuple(_identifier(part) for part in (pre or "").split(".")))
        return Tag(name=name, prefix=prefix, release=release, order=order, final=pre is None)
    from packaging.version import InvalidVersion, Version

    try:
        version = Version(text)
    except (InvalidVersion, ValueError):  # ValueError: a number of thousands of digits
        return None
    major, minor, patch = (*version.release, 0, 0)[:3]
    final = not version.is_prerelease
    return Tag(name=name, prefix=prefix, release=(major, minor, patch), order=(version,), final=final)


def _identifier(text: str) -> tuple[bool, int, str]:
    """Numbers before words, and by size (rule 11 of Semantic Versioning 2.0.0)."""
    return (not text.isdecimal(), int(text) if text.isdecimal() else 0, text)


def next_version(
    now: str,
    changes: Sequence[Change],
    scheme: Scheme,
    announced: str = "",
    day: date | None = None,
    part: Part | None = None,
) -> str:
    """The version after `now`. Below 1.0.0 nothing is promised (semver's rule 4): what breaks raises the minor part. A
    pre-release becomes the release it announced, when that is large enough. announced: a pre-release after `now`, whose
    changes are among these · day: of the release, which decides calendar versions · part:
    the one that change sets ask for, which decides, below 1.0.0 as well. Raises BadVersion."""
    tag = _read(now, scheme)
    if scheme is Scheme.CALVER:
        return _by_calendar(tag, changes, day)
    is_asked, part = part is not None, part or part_of(changes)
    if part is None and not announced:
        return now
    grown = _grown(tag, part, promises=is_asked or tag.release[0] > 0)
    if announced:
        grown = max(grown, _read(announced, scheme).release)
    return f"{tag.prefix}{'.'.join(map(str, grown))}"


def _by_calendar(tag: Tag, changes: Sequence[Change], day: date | None) -> str:
    number = tag.name[len(tag.prefix) :]
    if not is_calendar(number):
        raise BadVersion(f"{tag.name!r} is not a calendar version such as 2026.3.1 or 26.03")
    return f"{tag.prefix}{following_day(number, day)}" if day and changes else tag.name


def asked_version(now: str, changes: Sequence[Change], scheme: Scheme) -> str:
    """The version that the newest change asks for with `Release-As`, with the prefix of `now`; empty where none does or
    where it is no version."""
    for change in changes:
        wanted = change.release_as.removeprefix("v")
        if wanted and (found := tag_of(wanted, scheme)) and not found.prefix:
            before = tag_of(now, scheme)
            return f"{before.prefix if before else ''}{wanted}"
    return ""


def _grown(tag: Tag, part: Part | None, *, promises: bool) -> tuple[int, int, int]:
    major, minor, patch = tag.release
    if part is Part.MAJOR and not promises:
        part = Part.MINOR
    match part:
        case None:
            return tag.release
        case Part.MAJOR:
            grown, fits = (major + 1, 0, 0), (minor, patch) == (0, 0)
        case Part.MINOR:
            grown, fits = (major, minor + 1, 0), patch == 0
        case Part.PATCH:
            grown, fits = (major, minor, patch + 1), True
    return tag.release if fits and not tag.final else grown


def _read(text: str, scheme: Scheme) -> Tag:
    if len(text) > _LONGEST:
        raise BadVersion(f"{text[:40]!r}… is not a version: it has more than {_LONGEST} characters")
    found = tag_of(text, scheme)
    if scheme is Scheme.CALVER and found is None:
        raise BadVersion(f"{text!r} is not a calendar version such as 2026.3.1 or 26.03")
    if scheme is Scheme.SEMVER and (found is None or text[len(found.prefix) :].count(".") < 2):
        two = ": versions of two numbers are of --scheme pep440" if _SHORT.match(text.removeprefix("v")) else ""
        raise BadVersion(f"{text!r} is not a semantic version such as 2.4.0 or 2.4.0-rc.1{two}")
    if found is None:
        raise BadVersion(f"{text!r} is not a PEP 440 version such as 2.4.0 or 2.4.0rc1")
    return found
