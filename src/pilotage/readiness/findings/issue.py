"""One finding of a scanner, and what a scanner reports without its being one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, kw_only=True)
class Issue:
    """A finding. severity: as its scanner says, empty where it does not · package, version: of a dependency · range:
    versions of the package that have it, where the report names no single one · aliases: its ids in other databases."""

    id: str
    sentence: str = ""
    place: str = ""
    severity: str = ""
    package: str = ""
    version: str = ""
    range: str = ""
    aliases: tuple[str, ...] = ()

    def is_called(self, name: str) -> bool:
        """By its id or an alias; databases differ in the case that they write."""
        return any(name.casefold() == one.casefold() for one in (self.id, *self.aliases))


class Passed(StrEnum):
    """Why something that a report lists is no finding; each value completes "3 …"."""

    NOTE = "of level note"
    SUPPRESSED = "suppressed"
    UNCHANGED = "unchanged since the baseline"
    GONE = "gone since the baseline"
    NOT_AFFECTED = "not affected by VEX"
    PERMISSIVE = "licences of low severity"


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All that a report says. passed: how many entries count as no finding, by reason."""

    issues: tuple[Issue, ...]
    passed: dict[Passed, int]
