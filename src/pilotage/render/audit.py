"""Rows of the audit log as JSON and in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from pilotage.model.access import Grant
from pilotage.model.audit import Checked, Entry
from pilotage.model.json import Json, JsonObject
from pilotage.model.output.audit import AuditCheckOutput, AuditLogOutput, AuditRowOutput
from pilotage.model.timestamp import timestamp

_TIMES = ("_at", "begins", "ends", "until")
_HASHES = ("sha256", "plan_hash", "plan", "artifact")
_HIDDEN = (
    "actor",
    "service",
    "environment",
    "rollout",
    "id",
    "full",
    "preserved",
    "holder",
    "holder_kind",
    "home",
    "person",
)
"""Columns that the row says anyway, and those that nobody outside of the program knows."""
_NAMES = {
    "plan_hash": "plan", "release_date": "date", "disabled_at": "disabled", "expires_at": "ends",
    "revoked_at": "revoked",
    "created_by": "made by", "lifted_by": "lifted by", "decided_by": "decided by", "done_by": "done by",
    "home_name": "runs on", "old": "stable version", "issuer": "identity provider", "totp": "code", "person": "account",
    "agent": "browser", "attended": "there", "until": "until",
}  # fmt: skip
"""Columns in words."""


def audit_output(rows: Sequence[Entry], following: int | None = None) -> AuditLogOutput:
    """following: where the next page begins."""
    shown = tuple(AuditRowOutput(**{**vars(row), "at": timestamp(row.at)}) for row in rows)
    return AuditLogOutput(rows=shown, next=following)


def checked_output(found: Checked) -> AuditCheckOutput:
    return AuditCheckOutput(
        intact=not found.faults, rows=found.rows, faults=found.faults, unsure=found.unsure, signed=found.signed
    )  # fmt: skip


def in_words(row: Entry) -> str:
    """What changed, such as `role: viewer → deployer`; its reason, unless that only repeats the outcome."""
    said = list(_changes(row))
    reason = "" if row.reason == row.outcome else row.reason
    words = "; ".join(said)
    return f"{words} ({reason})" if words and reason and f"reason: {reason}" not in said else words or reason


def _changes(row: Entry) -> Iterator[str]:
    before, after = row.before or {}, row.after or {}
    nothing: JsonObject = {}
    for table in dict.fromkeys((*before, *after)):
        for was, is_ in zip_longest(_rows(before, table), _rows(after, table), fillvalue=nothing):
            for name in dict.fromkeys((*was, *is_)):
                if name not in _HIDDEN and not _is_same(was, is_, name):
                    called = _NAMES.get(name, name.replace("_", " "))
                    yield f"{called}: {_one(was, is_, name)}"


def _is_same(was: JsonObject, is_: JsonObject, name: str) -> bool:
    """Whether nothing is to be said of it; of a new row, also what it does not have."""
    if not was:
        return is_.get(name) in (None, "", [], 0)
    return bool(is_) and was.get(name) == is_.get(name)


def _rows(of: JsonObject, table: str) -> Sequence[JsonObject]:
    found = of.get(table)
    if not isinstance(found, list | tuple):
        return [{table: found}] if found is not None else []
    return [one for one in found if isinstance(one, dict)]


def _one(was: JsonObject, is_: JsonObject, name: str) -> str:
    if not is_:
        return f"{_text(was.get(name), name)} → nothing"
    new = _text(is_.get(name), name)
    return f"{_text(was.get(name), name)} → {new}" if was else new


def _text(value: Json, name: str = "") -> str:
    if value is None or value in ("", []):
        return "nothing"
    if name.endswith(_TIMES) and isinstance(value, int | float) and not isinstance(value, bool):
        return timestamp(float(value))[:16].replace("T", " ") + " UTC"
    if name in _HASHES and isinstance(value, str):
        return f"{value[:12]}…"
    if isinstance(value, list | tuple):
        return ", ".join(_text(one) for one in value)
    if isinstance(value, dict) and value.keys() == {"role", "service", "environment"}:
        return Grant(**{key: str(each) for key, each in value.items()}).text
    if isinstance(value, dict):
        return " ".join(str(one) for one in value.values())
    return str(value)
