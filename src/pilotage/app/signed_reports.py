"""Reports that programs send, such as a support desk: `POST /reports`, signed by Standard Webhooks.

A signed report counts as one that a known sender vouches for. The same message again, as a sender repeats it that got
no answer, is answered as the first time, and counts once.
"""

from __future__ import annotations

import json

from pilotage.adapters.intake_server import JSON, Answered, Asked
from pilotage.adapters.secrets import resolve
from pilotage.adapters.standard_webhooks import BadSignature, key_of, verify
from pilotage.app.harm import tell_operators
from pilotage.app.intake import impersonal, versions_of
from pilotage.app.project import Project
from pilotage.config.intake import IntakeSection
from pilotage.engine.records import reports
from pilotage.model.json import Json, JsonObject, find, object_at, optional, text_at, whole_at
from pilotage.model.report import BEST, LONGEST, Report, ReportKind, ReportSource
from pilotage.model.text import line, plain

_KINDS = {"harm.reported": ReportKind.HARM, "feedback.given": ReportKind.FEEDBACK}
_SHORT = 200


class _Refused(ValueError):
    """The sentence says what is wrong with a report."""


class SignedReports:
    """Raises AdapterError where the secret cannot be read, or is none."""

    def __init__(self, project: Project, section: IntakeSection) -> None:
        self._project, self._section = project, section
        self._services = tuple(project.names.environments)
        self._key = key_of(resolve(section.secret).reveal()) if section.secret else None

    def answer(self, asked: Asked) -> Answered:
        if asked.method != "POST":
            return said(405, "send a report with POST")
        if self._key is None:
            return said(403, "signed reports are off: intake.secret is not set")
        now = self._project.clock.now()
        try:
            identity = verify(asked.headers, asked.body, self._key, now)
        except BadSignature as error:
            return said(401, str(error))
        try:
            report = self._read(object_at(json.loads(asked.body)), now)
        except _Refused as refused:
            return said(422, str(refused))
        except (ValueError, RecursionError):
            return said(422, "not a report: see the guide for its fields")
        if reports.add(self._project.store.engine, report, f"signed/{identity}") is None:
            return said(200, "received before; it counts once")
        if report.kind is ReportKind.HARM:
            tell_operators(self._project, report)
        return said(201, "received")

    def _read(self, content: JsonObject, now: float) -> Report:
        """Raises ValueError."""
        kind = _KINDS.get(str(content.get("type")))
        if kind is None:
            raise _Refused(f"type must be one of {', '.join(_KINDS)}")
        data = object_at(content, "data")
        service = self._service(data)
        sender = _text(data, "reporter")
        report = Report(
            service=service, environment=self._section.environment, version=self._version(data, service), kind=kind,
            source=ReportSource.SIGNED, text=impersonal(plain(_text(data, "text"), LONGEST).strip()),
            request=line(_text(data, "request"), _SHORT), rating=_rating(data, kind), at=now,
            sender=reports.hashed(reports.salt_of(self._project.store.engine, now), sender) if sender else "",
        )  # fmt: skip
        if kind is ReportKind.HARM and not report.text:
            raise _Refused("data.text must say what does not work")
        return report

    def _service(self, data: JsonObject) -> str:
        named = _text(data, "service") or (self._services[0] if len(self._services) == 1 else "")
        if named not in self._services:
            raise _Refused(f"data.service must be one of {', '.join(self._services)}")
        return named

    def _version(self, data: JsonObject, service: str) -> str:
        named = _text(data, "version")
        known = versions_of(self._project, service, self._section.environment)
        if named and named not in known:
            raise _Refused(f"data.version must be one of {', '.join(known)}, or left out")
        return named


def _text(data: JsonObject, name: str) -> str:
    """Raises ValueError where it is something else than a text."""
    return (optional(text_at, data, name) or "")[: 2 * LONGEST]


def _rating(data: JsonObject, kind: ReportKind) -> int:
    if kind is not ReportKind.FEEDBACK:
        return 0
    found = whole_at(data, "rating") if find(data, "rating") is not None else 0
    if not 1 <= found <= BEST:
        raise _Refused(f"data.rating must be a whole number from 1 to {BEST}")
    return found


def said(status: int, sentence: str) -> Answered:
    content: Json = {"message": sentence}
    return Answered(status=status, content=json.dumps(content) + "\n", kind=JSON)
