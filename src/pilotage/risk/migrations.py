"""Irreversible and locking operations of migrations: from SQL, and from the operations of five frameworks."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Collection, Iterator

from pilotage.model.risk import Finding, RiskFactor, RiskLevel
from pilotage.risk.changelogs import new_sql
from pilotage.risk.code_migrations import of_code
from pilotage.risk.direction import forward, is_left_out, runs_again
from pilotage.risk.liquibase import of_changelog
from pilotage.risk.operations import BY_HAND, Found, is_unread, unread
from pilotage.risk.python_migrations import of_python
from pilotage.risk.rails_migrations import of_rails
from pilotage.risk.sql_migrations import of_sql


def findings_of(
    path: str, text: str, before: str = "", made: Collection[str] = (), known: Collection[str] | None = None
) -> list[Finding]:
    """The destructive and the locking operations of one migration file, in its forward direction. before: the file at
    the last release; what it has done is no part of this one · made: tables that the release itself creates ·
    known: names of migrations in its folder before the release. What cannot be read is a finding, too."""
    if is_left_out(path):
        return []
    found, done = list(_found(path, text, before, made, known)), Counter(_done(path, before))
    for one in found[:]:
        if done[one] > 0 and not is_unread(one):
            done[one] -= 1
            found.remove(one)
    return [Finding(RiskFactor.MIGRATIONS, level, what, path, cure) for level, what, cure in dict.fromkeys(found)]


def forward_sql(path: str, text: str, before: str = "") -> str:
    """The SQL of a file that runs forward; nothing for a file of another kind, or that no release runs."""
    return forward(new_sql(text, before)) if path.endswith(".sql") and not is_left_out(path) else ""


def _done(path: str, before: str) -> Iterator[Found]:
    """What the file has done before, where its tool runs a file once. Changelogs are read by their change sets."""
    is_changelog = posixpath.splitext(path)[1] in _CHANGELOGS or new_sql(before, before) != before
    if before and not is_changelog and not runs_again(path):
        yield from _found(path, before, "")


_CHANGELOGS = (".xml", ".yaml", ".yml", ".json")


def _found(
    path: str, text: str, before: str, made: Collection[str] = (), known: Collection[str] | None = None
) -> Iterator[Found]:
    suffix = posixpath.splitext(path)[1]
    match suffix:
        case ".sql":
            yield from of_sql(forward(new_sql(text, before)), path, created=made)
        case ".py":
            yield from of_python(text, made, known)
        case ".rb":
            yield from of_rails(text, made)
        case _ if suffix in _CHANGELOGS and not path.endswith(_OF_MONGODB):
            yield from of_changelog(text, before, is_xml=suffix == ".xml", made=made)
        case _:
            yield from of_code(text) if suffix in _CODE else ()
            yield unread(f"a migration that is not read here ({suffix or 'no suffix'})")


_CODE = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".cs", ".php", ".exs", ".java", ".kt", ".kts", ".groovy", ".go")

_OF_MONGODB = (".up.json",)
"""Commands of MongoDB, as golang-migrate runs them."""


def contractions_of(path: str, text: str) -> tuple[tuple[str, ...], str]:
    """What a migration takes from the version that still uses the schema, a phrase each, and why it is unknown what
    else it does: empty where all of it was read."""
    found = findings_of(path, text)
    takes = [one.sentence for one in found if one.level.rank >= RiskLevel.HIGH.rank or "forbids nulls" in one.sentence]
    unclear = [one.sentence for one in found if one.sentence.endswith(BY_HAND) and one.sentence not in takes]
    return tuple(takes), "; ".join(one.removesuffix(BY_HAND) for one in unclear)
