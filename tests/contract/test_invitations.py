"""Invitations before a mail server and calendars that are none of ours: aiosmtpd, icalendar, calcurse and khal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import icalendar
import pytest

from pilotage import Plan
from pilotage.adapters.notifier import Delivery
from pilotage.adapters.notify import open_channel
from pilotage.app import meeting_commands, meetings
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.app.project import Project
from pilotage.config.loading import load
from pilotage.engine.execution.sender import send_next
from pilotage.engine.records.meetings import MeetingOver, UnknownMeeting
from pilotage.engine.records.store import Store
from pilotage.model.meeting import Meeting

from ..clock import FakeClock
from ..programs import needs
from ..receivers import Mailbox, mail_server

pytestmark = pytest.mark.real

RELEASE = date(2027, 6, 18)
PEOPLE = {
    "ada": {"roles": ["engineering lead", "security engineer"], "email": "ada@example.org"},
    "bob": {"roles": ["QA lead"], "email": "bob@example.org"},
    "eve": {"roles": ["customer success manager"], "email": "eve@example.org"},
    "max": {"roles": ["product manager"]},
}


@dataclass
class Team:
    """A project whose mail goes to a mailbox of this machine."""

    project: Project
    clock: FakeClock
    mailbox: Mailbox

    def plan(self) -> Plan:
        return plan_for(self.project.loaded, "production", PlanRequest("2.0.0"))

    def sent(self) -> list[EmailMessage]:
        """Send all that waits; what came since the last time."""
        before = len(self.mailbox.mails)
        while send_next(self.project.store.engine, "email", "test", self.clock):
            pass
        return self.mailbox.mails[before:]

    def list(self) -> dict[str, Meeting]:
        found = meeting_commands.meetings_here(self.project, everything=True)
        return {one.uid.partition(".")[0]: one for one in found}


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    monkeypatch.setattr("pilotage.engine.execution.supervisor.ensure_worker", lambda *_: None)
    mailbox, clock = Mailbox(), FakeClock("2027-06-01T09:00:00+02:00")
    with mail_server(mailbox, None) as port:
        mail = {"kind": "email", "host": "localhost", "port": port, "encryption": "none", "to": ["ops@example.org"],
                "sender": "releases@example.org", "allow_private_network": True, "min_severity": "warning"}  # fmt: skip
        customers = {**mail, "name": "customers", "audiences": ["customers", "support"], "to": ["all@example.org"]}
        (tmp_path / "pilotage.yaml").write_text(json.dumps(_configuration([mail, customers])))
        loaded, store = load(tmp_path / "pilotage.yaml"), Store(tmp_path / ".pilotage", clock=clock)
        yield Team(Project.of(loaded, store), clock, mailbox)
        store.close()


def _configuration(notify: list[dict[str, Any]]) -> dict[str, Any]:
    answers = {
        "release_type": "minor", "deployment_strategy": "canary", "team_size": "medium", "release_frequency": "weekly",
        "risk_tolerance": "medium", "stakeholder_complexity": ["customer-facing"],
    }  # fmt: skip
    environment = {
        "fleet": {"kind": "process", "command": ["shop", "{port}", "{version}"]},
        "router": {"kind": "envoy", "listen": "127.0.0.1:18080"},
    }
    return {
        "service": "shop", "answers": answers, "environments": {"production": environment}, "people": PEOPLE,
        "calendar": {"timezone": "Europe/Berlin", "workday_start": "09:00", "workday_end": "17:00"},
        "meetings": {"start": "11:00", "location": "Room 1", "webinar_link": "https://meet.example.org/shop"},
        "notify": notify,
    }  # fmt: skip


def invitation(mail: EmailMessage) -> tuple[str, Any]:
    """Its method as the mail says it, and the event in it."""
    alternatives = mail if mail.get_content_type() == "multipart/alternative" else next(mail.iter_parts())
    (part,) = [part for part in alternatives.iter_parts() if part.get_content_type() == "text/calendar"]
    calendar: Any = icalendar.Calendar.from_ical(part.get_content())
    (event,) = calendar.walk("VEVENT")
    method = part.get_param("method")
    assert calendar["METHOD"] == method, "RFC 6047, 2.4: the parameter is the calendar's own method"
    return str(method), event


def people(event: Any) -> dict[str, str]:
    found = event.get("ATTENDEE", [])
    every = found if isinstance(found, list) else [found]
    return {str(one).removeprefix("mailto:"): one.params["ROLE"] for one in every}


def test_r25_those_who_must_and_may_come_are_invited_moved_and_told_off(team: Team) -> None:
    meetings.keep_meetings(team.project, team.plan(), RELEASE)
    meetings.keep_meetings(team.project, team.plan(), RELEASE)
    (mail,) = team.sent()
    method, event = invitation(mail)
    assert (method, event["SEQUENCE"], event["STATUS"]) == ("REQUEST", 0, "CONFIRMED")
    assert mail["To"] == "ada@example.org, bob@example.org, eve@example.org"
    assert people(event) == {
        "ada@example.org": "REQ-PARTICIPANT", "bob@example.org": "REQ-PARTICIPANT",
        "eve@example.org": "OPT-PARTICIPANT",
    }  # fmt: skip
    assert event["ORGANIZER"] == "mailto:releases@example.org"
    assert event.decoded("DTSTART") == datetime(2027, 6, 22, 9, tzinfo=UTC), "two working days later, 11:00 in Berlin"
    assert (event.decoded("DTEND") - event.decoded("DTSTART")).total_seconds() == 90 * 60

    meetings.keep_meetings(team.project, team.plan(), date(2027, 6, 25))
    (mail,) = team.sent()
    method, moved = invitation(mail)
    assert (method, moved["UID"], moved["SEQUENCE"]) == ("REQUEST", event["UID"], 1)
    assert moved.decoded("DTSTART") == datetime(2027, 6, 29, 9, tzinfo=UTC)

    assert meetings.cancel_meetings(team.project, team.plan()) == 4
    (mail,) = team.sent()
    method, gone = invitation(mail)
    assert (method, gone["UID"], gone["SEQUENCE"], gone["STATUS"]) == ("CANCEL", event["UID"], 2, "CANCELLED")
    assert meetings.cancel_meetings(team.project, team.plan()) == 0


def test_what_a_person_moved_stays_and_what_a_person_cancelled_does_not_come_back(team: Team) -> None:
    meetings.keep_meetings(team.project, team.plan(), RELEASE)
    number = team.list()["retrospective"].id
    meeting_commands.move(team.project, "ada", number, datetime(2027, 6, 23, 15, 30))  # in the calendar's zone
    meetings.keep_meetings(team.project, team.plan(), RELEASE)
    assert [invitation(mail)[1]["SEQUENCE"] for mail in team.sent()] == [0, 1]
    meeting_commands.cancel(team.project, "ada", number)
    meetings.keep_meetings(team.project, team.plan(), date(2027, 6, 25))
    assert [invitation(mail)[0] for mail in team.sent()] == ["CANCEL"]
    with pytest.raises(MeetingOver):
        meeting_commands.move(team.project, "ada", number, datetime(2027, 6, 24, 9))
    with pytest.raises(UnknownMeeting, match="meeting list"):
        meeting_commands.cancel(team.project, "ada", 99)


def test_a_version_that_is_left_later_loses_its_meetings_and_gets_its_review(team: Team) -> None:
    meetings.keep_meetings(team.project, team.plan(), RELEASE)
    back = plan_for(team.project.loaded, "production", PlanRequest("1.9.0", going_back=True))
    assert meetings.cancel_meetings(team.project, back, "2.0.0") == 4
    meetings.keep_review(team.project, back, "shop-production-2", RELEASE, "2.0.0 was left.", "2.0.0")
    methods = [(invitation(mail)[0], str(mail["Subject"])) for mail in team.sent()]
    assert methods[1:] == [
        ("CANCEL", "Cancelled: shop: retrospective 2.0.0"), ("REQUEST", "shop 2.0.0: review of the rollback"),
    ]  # fmt: skip


def test_a_review_of_a_rollback_is_within_five_working_days_and_attendance_is_kept(team: Team) -> None:
    for _ in range(2):
        meetings.keep_review(team.project, team.plan(), "shop-production-1", date(2027, 6, 18), "Errors: 4 %.")
    (mail,) = team.sent()
    _, event = invitation(mail)
    assert event.decoded("DTSTART").date() == date(2027, 6, 23)
    number = team.list()["review"].id
    meeting_commands.note_attendance(team.project, "ada", number, ["ada"], ["bob"])
    meeting_commands.note_minutes(team.project, "ada", number, "We talked.\n")
    assert meeting_commands.note_attendance(team.project, "ada", number, ["bob"], []).attended == ("ada", "bob")
    assert meeting_commands.meeting_here(team.project, number).record == "We talked.\n"


def test_r22_an_announced_webinar_has_its_date_and_link_and_is_for_whom_the_mail_goes_to(
    team: Team, tmp_path: Path
) -> None:
    meetings.keep_meetings(team.project, team.plan(), RELEASE)
    there = meetings.inviting(team.project, team.plan(), "webinar_scheduling")
    assert there is not None
    assert there.facts == (
        ("when", "Tuesday, 22 June 2027, 15:00 (Europe/Berlin), 60 min"), ("where", "https://meet.example.org/shop"),
    )  # fmt: skip
    from pilotage.model.message import Message, Severity

    message = Message(
        "k", "k", "announcement", Severity.INFO, "Invitation", "What is new.", team.clock.now(), "shop", "production",
        "2.0.0", facts=there.facts, audience="customers", kind="webinar", attachments=there.attachments,
    )  # fmt: skip
    section = team.project.loaded.configuration.notify[1].kept(tmp_path)
    open_channel(section).send(Delivery(message=message))
    method, event = invitation(team.mailbox.mails[-1])
    assert (method, people(event)) == ("REQUEST", {"all@example.org": "OPT-PARTICIPANT"})
    assert event["LOCATION"] == "https://meet.example.org/shop"


def test_calcurse_and_khal_read_the_invitation_and_its_change(team: Team, tmp_path: Path) -> None:
    meetings.keep_meetings(team.project, team.plan(), RELEASE)
    meetings.keep_meetings(team.project, team.plan(), date(2027, 6, 25))
    first, second = (_file(mail, tmp_path / f"{n}.ics") for n, mail in enumerate(team.sent()))
    (tmp_path / "calcurse").mkdir()
    command = [needs("calcurse"), "-D", str(tmp_path / "calcurse"), "-i", str(first)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env={"TERM": "xterm"}).stdout
    assert re.search(r"1 app / 0 events / 0 todos / 0 skipped|1 apps / 0 events / 0 todos / 0 skipped", said), said
    shown = _khal(tmp_path, first, second)
    assert "2027-06-22" not in shown, "the same UID: the change takes its place"
    assert "2027-06-29 11:00 shop: retrospective 2.0.0" in shown


def _file(mail: EmailMessage, path: Path) -> Path:
    (part,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    path.write_text(part.get_content())
    return path


def _khal(folder: Path, *files: Path) -> str:
    configuration = folder / "khal.conf"
    configuration.write_text(
        f"[calendars]\n[[team]]\npath = {folder / 'team'}\n[sqlite]\npath = {folder / 'khal.db'}\n"
        "[locale]\nlocal_timezone = Europe/Berlin\ndefault_timezone = Europe/Berlin\ntimeformat = %H:%M\n"
        "dateformat = %Y-%m-%d\nlongdateformat = %Y-%m-%d\ndatetimeformat = %Y-%m-%d %H:%M\n"
        "longdatetimeformat = %Y-%m-%d %H:%M\n[default]\ndefault_calendar = team\n"
    )
    khal = [sys.executable, "-m", "khal", "-c", str(configuration)]
    for file in files:
        subprocess.run([*khal, "import", "--batch", str(file)], check=True, capture_output=True)
    listing = [*khal, "list", "--day-format", "", "--format", "{start-date} {start-time} {title}", "2027-06-01", "60d"]
    return subprocess.run(listing, check=True, capture_output=True, text=True).stdout
