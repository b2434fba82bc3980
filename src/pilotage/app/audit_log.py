"""Reads, verifies and exports the audit log."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.engine.records import audit
from pilotage.model.audit import Checked, Entry, Filter
from pilotage.model.canonical import canonical_json
from pilotage.model.timestamp import timestamp

COLUMNS = (
    "number", "at", "actor", "kind", "proof", "address", "action", "object", "service", "environment", "outcome",
    "reason", "before", "after", "previous", "hash",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def page(project: Project, actor: str, wanted: Filter, limit: int, below: int | None = None) -> tuple[Entry, ...]:
    """Newest rows first. below: only those with smaller numbers. Raises Forbidden."""
    project.require(actor, Permission.READ_AUDIT)
    return audit.page(project.store.engine, wanted, limit, below)


def verify(project: Project, actor: str, keys: Sequence[Path] = (), anchors: Sequence[Path] = ()) -> Checked:
    """keys: files with the public keys to trust; without any, those that signed here · anchors: files with signed
    heads. Raises Forbidden."""
    from pilotage.adapters.keys import key_id, known_keys, read_public
    from pilotage.app.verification import custody_for
    from pilotage.engine.integrity import audit_heads
    from pilotage.engine.integrity.testimony import Keys

    project.require(actor, Permission.READ_AUDIT)
    given = {key_id(pem): pem for pem in map(read_public, keys)}
    trusted = Keys(trusted=given or known_keys(project.directory))
    return audit_heads.verify(project.store.engine, project.directory, custody_for(project), trusted, anchors)


def signed_head(project: Project, actor: str) -> str | None:
    """The head of the log as it is now, signed: one line to keep outside; None for an empty log. Raises Forbidden."""
    from pilotage.engine.integrity import audit_heads
    from pilotage.engine.integrity.notary import Notary

    project.require(actor, Permission.READ_AUDIT)
    engine, now = project.store.engine, project.clock.now()
    audit_heads.note(engine, now)
    Notary(engine, project.directory).serve(now)
    found = audit_heads.newest(engine)
    return None if found is None else found.to_json()


def json_lines(project: Project, actor: str, wanted: Filter) -> Iterator[str]:
    """A line of JSON each, oldest first, with hashes, so that others can follow the chain. Raises Forbidden."""
    project.require(actor, Permission.READ_AUDIT)
    for row in audit.all_rows(project.store.engine, wanted):
        yield canonical_json(vars(row)) + "\n"


def csv_lines(project: Project, actor: str, wanted: Filter) -> Iterator[str]:
    """For spreadsheets, which must not take a cell for a formula. Raises Forbidden."""
    project.require(actor, Permission.READ_AUDIT)
    yield _csv(COLUMNS)
    for row in audit.all_rows(project.store.engine, wanted):
        shown = {**vars(row), "at": timestamp(row.at)}
        yield _csv([_cell(shown[name]) for name in COLUMNS])


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str | int) else canonical_json(value)
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else str(text)


def _csv(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
