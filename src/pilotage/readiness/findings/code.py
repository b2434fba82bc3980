"""Findings in code, in the tools' own JSON: Semgrep and Bandit."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pilotage.model.readiness import BadEvidence
from pilotage.readiness.evidence import shaped
from pilotage.readiness.findings.issue import Issue, Passed


class _Start(msgspec.Struct, frozen=True):
    line: int | None = None


class _Extra(msgspec.Struct, frozen=True):
    severity: str
    message: str | None = None
    is_ignored: bool | None = None


class _Match(msgspec.Struct, frozen=True):
    check_id: str
    path: str
    extra: _Extra
    start: _Start | None = None


class _Error(msgspec.Struct, frozen=True):
    level: str = "error"
    message: str | None = None
    long_msg: str | None = None
    path: str | None = None


class _Paths(msgspec.Struct, frozen=True):
    scanned: tuple[str, ...] | None = None


class _Semgrep(msgspec.Struct, frozen=True):
    results: tuple[_Match, ...]
    errors: tuple[_Error, ...]
    paths: _Paths | None = None


def semgrep(read: object, name: str) -> Iterator[Issue | Passed]:
    """Raises BadEvidence for a run that checked no files."""
    found = shaped(read, _Semgrep, name)
    if found.paths is not None and found.paths.scanned == () and not found.results:
        raise BadEvidence(f"{name}: Semgrep checked no files")
    for error in found.errors:
        words = " ".join((error.message or error.long_msg or "").split())[:200]
        if error.level.lower() in ("warn", "warning", "info"):
            yield Passed.NOTE
        else:
            yield Issue(id="semgrep-error", sentence=words, place=error.path or "", severity=error.level)
    for match in found.results:
        if match.extra.is_ignored:
            yield Passed.SUPPRESSED
        elif match.extra.severity.upper() in ("INFO", "INVENTORY", "EXPERIMENT"):
            yield Passed.NOTE
        else:
            line = f":{match.start.line}" if match.start and match.start.line else ""
            words, short = " ".join((match.extra.message or "").split()), match.check_id.rpartition(".")[2]
            yield Issue(
                id=match.check_id, sentence=words, place=f"{match.path}{line}", severity=match.extra.severity,
                aliases=(short,),
            )  # fmt: skip


class _BanditResult(msgspec.Struct, frozen=True):
    test_id: str
    issue_severity: str
    issue_text: str
    filename: str
    line_number: int | None = None
    test_name: str | None = None


class _BanditError(msgspec.Struct, frozen=True):
    filename: str
    reason: str


class _Bandit(msgspec.Struct, frozen=True):
    results: tuple[_BanditResult, ...]
    errors: tuple[_BanditError, ...]
    metrics: dict[str, object]


def bandit(read: object, name: str) -> Iterator[Issue | Passed]:
    """Raises BadEvidence for a run that checked no files."""
    found = shaped(read, _Bandit, name)
    if not found.metrics.keys() - {"_totals"} and not found.results:
        raise BadEvidence(f"{name}: Bandit checked no files")
    for error in found.errors:
        yield Issue(id="bandit-error", sentence=f"was not checked: {error.reason}", place=error.filename)
    for one in found.results:
        line = f":{one.line_number}" if one.line_number else ""
        yield Issue(
            id=one.test_id, sentence=one.issue_text, place=f"{one.filename}{line}", severity=one.issue_severity,
            aliases=(one.test_name,) if one.test_name else (),
        )  # fmt: skip
