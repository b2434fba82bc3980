"""What a migration does that cannot be undone, or that locks: from SQL, and from the operations of five frameworks."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from pilotage.model.risk import Finding, RiskFactor
from pilotage.risk.direction import forward, is_way_back
from pilotage.risk.liquibase import of_xml, of_yaml
from pilotage.risk.operations import Found, unread
from pilotage.risk.python_migrations import of_python
from pilotage.risk.rails_migrations import of_rails
from pilotage.risk.sql_migrations import of_sql


def findings_of(path: str, text: str) -> list[Finding]:
    """The destructive and the locking operations of one migration file, in its forward direction. What cannot be read
    is a finding, too."""
    found = () if is_way_back(path) else _found(path, text)
    return [Finding(RiskFactor.MIGRATIONS, level, what, path, cure) for level, what, cure in dict.fromkeys(found)]


def forward_sql(path: str, text: str) -> str:
    """The SQL of a file that runs forward; nothing for a file of another kind, or that takes another one back."""
    return forward(text) if path.endswith(".sql") and not is_way_back(path) else ""


def _found(path: str, text: str) -> Iterator[Found]:
    suffix = posixpath.splitext(path)[1]
    match suffix:
        case ".sql":
            yield from of_sql(forward(text), path)
        case ".py":
            yield from of_python(text)
        case ".rb":
            yield from of_rails(text)
        case ".xml":
            yield from of_xml(text)
        case ".yaml" | ".yml" | ".json":
            yield from of_yaml(text)
        case _:
            yield unread(f"a migration that is not read here ({suffix or 'no suffix'})")
