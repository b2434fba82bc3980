"""The audit log as a page, as JSON lines and as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import Response, StreamingResponse

from pilotage.app import audit_log
from pilotage.app.permissions import Permission
from pilotage.model.access import ANYWHERE
from pilotage.model.audit import Entry, Outcome
from pilotage.model.output.audit import AuditLogOutput
from pilotage.render.audit import in_words
from pilotage.web.answers import json_answer
from pilotage.web.api.audit import AuditQuery, filter_in, in_pieces, rows_for
from pilotage.web.pages.page import page
from pilotage.web.route import Asked, Kind, Route, Sharing

_PILLS = {Outcome.DONE: "good", Outcome.ALLOWED: "live", Outcome.REFUSED: "bad", Outcome.FAILED: "bad"}
_LIMIT = 100
_DIGITS = frozenset("0123456789abcdef")


@dataclass(frozen=True, kw_only=True)
class Row:
    """entry, and what it says in words."""

    entry: Entry
    words: str
    pill: str

    @property
    def about(self) -> str:
        """What it is about and where; numbers that only the store knows are left out."""
        entry = self.entry
        where = "/".join(one for one in (entry.service, entry.environment) if one not in ("", ANYWHERE))
        anywhere = "everywhere" if ANYWHERE in (entry.service, entry.environment) and not where else where
        if self.rollout:
            return f"rollout: {entry.object.replace(self.rollout, '').strip(' ,') or where or self.rollout[:-9]}"
        return " · ".join(one for one in ("" if entry.object.isdecimal() else entry.object, anywhere) if one)

    @property
    def rollout(self) -> str:
        """The id of the rollout that it is about; empty of anything else."""
        return next((word for word in self.entry.object.replace(",", " ").split() if _names_a_rollout(word)), "")


def _names_a_rollout(word: str) -> bool:
    """Ids of rollouts end with eight hexadecimal digits, as do those of ways and of releases of several services."""
    begin, end = word[:-8], word[-8:]
    others = begin == "release-" or begin.endswith("-way-")
    return len(begin) > 1 and begin.endswith("-") and not others and set(end) <= _DIGITS


def _page(asked: Asked) -> Response:
    query = asked.query_as(AuditQuery)
    below = None if query.below is None else min(max(query.below, 0), 2**31 - 1)
    found = audit_log.page(asked.project, asked.who.name, filter_in(query), _LIMIT + 1, below)
    rows = [
        Row(entry=one, words=in_words(one), pill=_PILLS.get(Outcome(one.outcome), "none")) for one in found[:_LIMIT]
    ]
    return page(
        asked, "audit.html.j2", rows=rows, query=query, filters=_kept(query),
        more=_address(query, rows[-1].entry.number) if len(found) > _LIMIT else "",
        actors=asked.site.audit_choices.of("actor"), actions=asked.site.audit_choices.of("action"),
        outcomes=list(Outcome),
    )  # fmt: skip


def _kept(query: AuditQuery) -> str:
    """The filter as the parameters of an address, without the place in the list."""
    names = ("actor", "action", "object", "service", "environment", "outcome", "begins", "ends")
    return urlencode({name: value for name in names if (value := getattr(query, name)) not in ("", None)})


def _address(query: AuditQuery, below: int) -> str:
    return "&".join(part for part in (_kept(query), f"below={below}") if part)


def _json(asked: Asked) -> Response:
    return json_answer(rows_for(asked))


def _jsonl(asked: Asked) -> Response:
    lines = audit_log.json_lines(asked.project, asked.who.name, filter_in(asked.query_as(AuditQuery)))
    return _file(lines, "audit.jsonl", "application/jsonl")


def _csv(asked: Asked) -> Response:
    lines = audit_log.csv_lines(asked.project, asked.who.name, filter_in(asked.query_as(AuditQuery)))
    return _file(lines, "audit.csv", "text/csv; charset=utf-8")


def _file(lines: Iterator[str], name: str, media: str) -> Response:
    return StreamingResponse(
        in_pieces(lines), headers={"Content-Disposition": f'attachment; filename="{name}"'}, media_type=media
    )  # fmt: skip


ROUTES = (
    Route(
        method="GET", path="/audit", permission=Permission.READ_AUDIT, answer=_page, kind=Kind.PAGE, query=AuditQuery,
        shared=Sharing.IDENTITY, summary="Who changed what, and how they proved who they are.",
    ),
    Route(
        method="GET", path="/audit.json", permission=Permission.READ_AUDIT, answer=_json, kind=Kind.PAGE,
        query=AuditQuery, shared=Sharing.IDENTITY, summary="Who changed what, as JSON.", gives=AuditLogOutput,
    ),
    Route(
        method="GET", path="/audit.jsonl", permission=Permission.READ_AUDIT, answer=_jsonl, kind=Kind.PAGE,
        query=AuditQuery, summary="All rows as JSON lines, oldest first.",
    ),
    Route(
        method="GET", path="/audit.csv", permission=Permission.READ_AUDIT, answer=_csv, kind=Kind.PAGE,
        query=AuditQuery, summary="All rows as CSV, oldest first.",
    ),
)  # fmt: skip
