"""Tickets of a help desk as users' reports: `POST /helpdesk`, signed as the vendor signs.

A ticket counts once, however often the desk sends it. What is not about a version that users have is answered with 200
and not counted: a desk that gets errors stops sending.
"""

from __future__ import annotations

import hashlib
import html
import json
import logging
import re
from datetime import UTC, datetime

from pilotage.adapters import desk_signatures
from pilotage.adapters.intake_server import Answered, Asked, Flood
from pilotage.adapters.secrets import resolve
from pilotage.adapters.standard_webhooks import BadSignature
from pilotage.app.harm import tell_operators
from pilotage.app.intake import impersonal, versions_of
from pilotage.app.project import Project
from pilotage.app.signed_reports import said
from pilotage.config.intake import HelpdeskSection, IntakeSection
from pilotage.engine.records import reports
from pilotage.model.json import Json, find
from pilotage.model.json_path import JsonPath
from pilotage.model.report import LONGEST, Report, ReportKind, ReportSource
from pilotage.model.text import plain

PATH = "/helpdesk"
_TAG = re.compile(r"<[^<>]{0,500}>")
_LONGEST_NAME = 200
_DAY = 86_400.0
_TIMES = {
    "zendesk": (("time",), ("detail", "created_at")),
    "intercom": (("created_at",), ("data", "item", "created_at")),
    "jira": (("timestamp",), ("issue", "fields", "created")),
}
"""Where a message has its own time, and the time of its ticket."""
_log = logging.getLogger(__name__)


class _NotCounted(ValueError):
    """Why a message is no report; it is answered with 200."""


class _Refused(ValueError):
    """What is wrong with a message."""


class HelpDesk:
    """Raises AdapterError where the secret cannot be read."""

    def __init__(self, project: Project, section: IntakeSection) -> None:
        self._project, self._section, self._desk = project, section, section.helpdesk
        self._services = tuple(project.names.environments)
        self._secret = resolve(self._desk.secret) if self._desk else None
        self._flood = Flood(section.per_hour, section.per_hour)

    def answer(self, asked: Asked) -> Answered:
        if asked.method != "POST":
            return said(405, "send a ticket with POST")
        if self._desk is None or self._secret is None:
            return said(403, "the help desk is off: intake.helpdesk is not set")
        now = self._project.clock.now()
        try:
            _verify(self._desk)(asked.headers, asked.body, self._secret.reveal(), now)
        except BadSignature as error:
            return said(401, str(error))
        if not self._flood.admits(self._desk.kind, now):
            return said(429, f"more than {self._section.per_hour} tickets in an hour")
        try:
            ticket: Json = json.loads(asked.body)
            return self._counted(self._desk, ticket, now)
        except _NotCounted as why:
            return said(200, f"not counted: {why}")
        except _Refused as refused:
            _log.warning("a message of the help desk was refused: %s", refused)
            return said(422, str(refused))
        except (ValueError, RecursionError):
            return said(400, "not JSON")

    def _counted(self, desk: HelpdeskSection, ticket: Json, now: float) -> Answered:
        """Raises _NotCounted and _Refused."""
        for place, wanted in desk.only.items():
            if wanted not in map(str, JsonPath(place).all_in(ticket)):
                raise _NotCounted(f"{place} does not have {wanted!r}")
        if _is_old(desk, ticket):
            raise _NotCounted("the ticket is older than a day, so this is an update")
        identity = _name(desk, "id", ticket)
        if not identity:
            raise _NotCounted("it has no id of a ticket")
        report = self._report(desk, ticket, now)
        once = hashlib.sha256(f"{report.service}/{identity}".encode()).hexdigest()
        if reports.add(self._project.store.engine, report, f"helpdesk/{desk.kind}/{once}") is None:
            return said(200, "received before; it counts once")
        tell_operators(self._project, report)
        return said(201, "received")

    def _report(self, desk: HelpdeskSection, ticket: Json, now: float) -> Report:
        service = self._service(desk, ticket)
        sender = _name(desk, "reporter", ticket)
        return Report(
            service=service, environment=self._section.environment, version=self._version(desk, ticket, service),
            kind=ReportKind.HARM, source=ReportSource.SIGNED, text=_text(desk, ticket), at=now,
            sender=reports.hashed(reports.salt_of(self._project.store.engine, now), sender) if sender else "",
        )  # fmt: skip

    def _service(self, desk: HelpdeskSection, ticket: Json) -> str:
        if len(self._services) == 1:
            return self._services[0]
        named = _name(desk, "service", ticket)
        if named not in self._services:
            raise _NotCounted(f"it names none of the services {', '.join(self._services)}")
        return named

    def _version(self, desk: HelpdeskSection, ticket: Json, service: str) -> str:
        """Of the versions that a ticket names the one that users have; empty where it names none."""
        place = desk.place_of("version")
        named = [str(one)[:_LONGEST_NAME] for one in place.all_in(ticket) if one] if place else []
        known = versions_of(self._project, service, self._section.environment)
        found = next((one for one in named if one in known), "")
        # Tags hold other words, too; a field of its own holds a version and nothing else.
        if named and not found and len(named) == 1 and "[*]" not in (place.text if place else ""):
            raise _NotCounted(f"it is about {plain(named[0], 40)}, which users do not have")
        return found


def _is_old(desk: HelpdeskSection, ticket: Json) -> bool:
    """Whether the ticket was made long before this message; False where one of the times is missing."""
    sent, made = (_moment(find(ticket, *path)) for path in _TIMES.get(desk.kind, ((), ())))
    return sent is not None and made is not None and sent - made > _DAY


def _moment(found: Json) -> float | None:
    """Unix seconds of ISO 8601, seconds or milliseconds; None for anything else."""
    try:
        if isinstance(found, str):
            read = datetime.fromisoformat(found[:40])
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
        if isinstance(found, int | float) and not isinstance(found, bool):
            return found / 1000 if found > 1e11 else float(found)
    except (ValueError, OverflowError):
        pass
    return None


def _verify(desk: HelpdeskSection) -> desk_signatures.Verify:
    match desk.kind:
        case "zendesk":
            return desk_signatures.zendesk
        case "intercom":
            return desk_signatures.hub("sha1")
        case "jira":
            return desk_signatures.hub("sha256")
        case "freshdesk" | "token":
            return desk_signatures.token(desk.header)


def _name(desk: HelpdeskSection, field: str, ticket: Json) -> str:
    """An id or a name: a text or a whole number; empty where nothing is there. Raises _Refused for anything else."""
    place = desk.place_of(field)
    found = place.first_in(ticket) if place else None
    if found is None:
        return ""
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise _Refused(f"{place and place.text} must be a text or a whole number")
    return str(found)[:_LONGEST_NAME]


def _text(desk: HelpdeskSection, ticket: Json) -> str:
    """What does not work, without the tags of HTML. Raises _Refused."""
    place = desk.place_of("text")
    found = place.first_in(ticket) if place else None
    if not isinstance(found, str):
        raise _Refused(f"{place and place.text} must be a text that says what does not work")
    words = html.unescape(_TAG.sub(" ", found[: 10 * LONGEST]))
    if not (text := impersonal(" ".join(plain(words, LONGEST).split()))):
        raise _NotCounted("it says nothing")
    return text
