"""The next version: what changed decides, by Semantic Versioning 2.0.0 or by PEP 440."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from pilotage.model.errors import Invalid
from pilotage.report.commit_words import Kind
from pilotage.report.commits import Change

if TYPE_CHECKING:
    from packaging.version import Version

_SEMVER = re.compile(
    r"^(?P<major>0|[1-9]\d*)\.(?P<minor>0|[1-9]\d*)\.(?P<patch>0|[1-9]\d*)"
    r"(?:-(?P<pre>(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$"
)
"""The expression that semver.org suggests."""

_LONGEST = 250
"""Characters of a version or tag; git's own names are no longer."""


class Scheme(StrEnum):
    SEMVER = "semver"
    PEP440 = "pep440"


class Part(StrEnum):
    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"


class BadVersion(Invalid):
    """The version number does not follow the chosen scheme."""


def part_of(changes: Sequence[Change]) -> Part | None:
    """The part that must grow; None when nothing reaches anybody."""
    if any(change.breaking is not None for change in changes):
        return Part.MAJOR
    if any(change.kind in (Kind.FEATURE, Kind.DEPRECATION) for change in changes):
        return Part.MINOR
    silent = (Kind.INTERNAL, Kind.DOCS)
    return Part.PATCH if any(change.kind not in silent for change in changes) else None


def next_version(now: str, changes: Sequence[Change], scheme: Scheme) -> str:
    """The version after `now`. Below 1.0.0 nothing is promised (semver's rule 4): what breaks raises the minor part. A
    pre-release becomes the release it announced, when that is large enough. Raises BadVersion."""
    prefix = "v" if now.startswith("v") else ""
    major, minor, patch, pre = _read(now.removeprefix("v"), scheme)
    part = part_of(changes)
    if part is None:
        return now
    if part is Part.MAJOR and major == 0:
        part = Part.MINOR
    grown = {
        Part.MAJOR: (major + 1, 0, 0), Part.MINOR: (major, minor + 1, 0), Part.PATCH: (major, minor, patch + 1),
    }[part]  # fmt: skip
    announced = {Part.MAJOR: (minor, patch) == (0, 0), Part.MINOR: patch == 0, Part.PATCH: True}[part]
    if pre and announced:
        grown = (major, minor, patch)
    return f"{prefix}{'.'.join(map(str, grown))}"


def _read(text: str, scheme: Scheme) -> tuple[int, int, int, bool]:
    if len(text) > _LONGEST:
        raise BadVersion(f"{text[:40]!r}… is not a version: it has more than {_LONGEST} characters")
    if scheme is Scheme.SEMVER:
        found = _SEMVER.match(text)
        if not found:
            raise BadVersion(f"{text!r} is not a semantic version such as 2.4.0 or 2.4.0-rc.1")
        return int(found["major"]), int(found["minor"]), int(found["patch"]), bool(found["pre"])
    from packaging.version import InvalidVersion, Version

    try:
        version = Version(text)
    except InvalidVersion:
        raise BadVersion(f"{text!r} is not a PEP 440 version such as 2.4.0 or 2.4.0rc1") from None
    release = (*version.release, 0, 0)
    return release[0], release[1], release[2], version.is_prerelease


def ordered(tags: Sequence[str]) -> list[str]:
    """Tags that are versions, oldest first; a pre-release before its release."""
    return [tag for _, tag in sorted(_versions(tags))]


def releases(tags: Sequence[str]) -> list[str]:
    """The same without pre-releases."""
    return [tag for version, tag in sorted(_versions(tags)) if not version.is_prerelease]


def _versions(tags: Sequence[str]) -> list[tuple[Version, str]]:
    from packaging.version import Version

    found = []
    for tag in tags:
        try:
            found.append((Version(re.sub(r"^.*?v?(?=\d)", "", tag[:_LONGEST], count=1)), tag))
        except ValueError:  # InvalidVersion, or a number of thousands of digits
            continue
    return found
