"""The audit log: rows, their verification, and the signed head."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Literal

from starlette.responses import Response, StreamingResponse

from pilotage.app import audit_log
from pilotage.app.permissions import Permission
from pilotage.model.audit import Filter
from pilotage.model.errors import Conflict
from pilotage.model.output.audit import AuditCheckOutput, AuditHeadOutput, AuditLogOutput
from pilotage.render.audit import audit_output, checked_output
from pilotage.web.answers import json_answer
from pilotage.web.route import Asked, Body, Query, Route, Sharing

_MOST = 500
_LINES = 200


class NothingChanged(Conflict):
    """The audit log is empty, so it has no head."""


class AuditQuery(Query, frozen=True, kw_only=True):
    """Empty fields allow everything. below: only rows with smaller numbers · begins, ends: Unix seconds."""

    actor: str = ""
    action: str = ""
    object: str = ""
    service: str = ""
    environment: str = ""
    outcome: str = ""
    begins: float | None = None
    ends: float | None = None
    below: int | None = None
    limit: int = 50


class ExportQuery(AuditQuery, frozen=True, kw_only=True):
    """Empty fields allow everything. begins, ends: Unix seconds · below, limit: count for lists only · format: JSON
    lines with hashes, or CSV for spreadsheets."""

    format: Literal["jsonl", "csv"] = "jsonl"


class HeadBody(Body, frozen=True, kw_only=True):
    """Nothing."""


def filter_in(query: AuditQuery) -> Filter:
    return Filter(
        actor=query.actor, action=query.action, object=query.object, service=query.service,
        environment=query.environment, outcome=query.outcome, begins=query.begins, ends=query.ends,
    )  # fmt: skip


def rows_for(asked: Asked) -> AuditLogOutput:
    query = asked.query_as(AuditQuery)
    limit = min(max(query.limit, 1), _MOST)
    below = None if query.below is None else min(max(query.below, 0), 2**31 - 1)
    found = audit_log.page(asked.project, asked.who.name, filter_in(query), limit + 1, below)
    shown = found[:limit]
    return audit_output(shown, shown[-1].number if len(found) > limit else None)


def in_pieces(lines: Iterator[str]) -> Iterator[str]:
    """Many lines at a time: each piece is fetched in a thread and sent on its own."""
    while piece := "".join(islice(lines, _LINES)):
        yield piece


def _rows(asked: Asked) -> Response:
    return json_answer(rows_for(asked))


def _export(asked: Asked) -> Response:
    query = asked.query_as(ExportQuery)
    if query.format == "csv":
        lines = audit_log.csv_lines(asked.project, asked.who.name, filter_in(query))
        return StreamingResponse(in_pieces(lines), media_type="text/csv; charset=utf-8")
    lines = audit_log.json_lines(asked.project, asked.who.name, filter_in(query))
    return StreamingResponse(in_pieces(lines), media_type="application/jsonl")


def _verify(asked: Asked) -> Response:
    return json_answer(checked_output(audit_log.verify(asked.project, asked.who.name)))


def _head(asked: Asked) -> Response:
    line = audit_log.signed_head(asked.project, asked.who.name)
    if line is None:
        raise NothingChanged("nothing was changed yet, so there is no head to sign")
    return json_answer(AuditHeadOutput(line=line))


ROUTES = (
    Route(
        method="GET", path="/api/v1/audit", permission=Permission.READ_AUDIT, answer=_rows, query=AuditQuery,
        shared=Sharing.IDENTITY, summary="List who changed what, newest first.", gives=AuditLogOutput,
    ),
    Route(
        method="GET", path="/api/v1/audit/export", permission=Permission.READ_AUDIT, answer=_export,
        query=ExportQuery, media="application/jsonl", also=("text/csv",),
        summary="Give all rows, oldest first, as JSON lines or as CSV.",
    ),
    Route(
        method="GET", path="/api/v1/audit/verification", permission=Permission.READ_AUDIT, answer=_verify,
        summary="Verify the audit log against itself and its signed heads.", gives=AuditCheckOutput,
    ),
    Route(
        method="POST", path="/api/v1/audit/head", permission=Permission.READ_AUDIT, answer=_head, takes=HeadBody,
        summary="Sign how far the audit log is.", gives=AuditHeadOutput,
    ),
)  # fmt: skip
