"""One service for a year: from `init` over a good and a bad release to the last follow-up, and what each person heard.

The clock is moved, in each process by the same file. Mailbox, feed reader, calendar client, Alertmanager, router and
users are real (R2, R20–R26).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import feedparser
import pytest
import yaml

from pilotage.adapters.clock import SystemClock
from pilotage.adapters.free_port import free_port
from pilotage.app.worker import jobs
from pilotage.demo.traffic import Traffic
from pilotage.engine.execution.sender import send_next
from pilotage.engine.records import outbox
from pilotage.engine.records.store import Store

from ..monitors import Monitors, monitors, wait_for
from ..receivers import Mailbox, mail_server
from .conftest import FAST

pytestmark = [pytest.mark.real, pytest.mark.long]
DAY = 86400.0


_MOVED = """
import time
real = time.time

def moved():
    with open({file!r}) as file:
        return real() + float(file.read())

time.time = moved
"""


@dataclass
class Time:
    """What all clocks show: the machine's time, moved."""

    file: Path
    offset: float = 0.0

    def to(self, moment: str) -> None:
        self.offset = datetime.fromisoformat(moment).timestamp() - time.time()
        self._tell()

    def pass_(self, seconds: float) -> None:
        self.offset += seconds
        self._tell()

    def now(self) -> float:
        return time.time() + self.offset

    def shown(self, *_clock: object) -> float:
        return self.now()

    def _tell(self) -> None:
        beside = self.file.with_suffix(".new")
        beside.write_text(repr(self.offset))
        beside.replace(self.file)

    def environment(self) -> dict[str, str]:
        """With which a Python process sees the moved time."""
        folder = self.file.with_name("moved")
        folder.mkdir(exist_ok=True)
        (folder / "sitecustomize.py").write_text(_MOVED.format(file=str(self.file)))
        return {"PYTHONPATH": os.pathsep.join((str(folder), os.environ.get("PYTHONPATH", "")))}


@dataclass
class Company:
    """A team with its service, its users' addresses and its monitors. read: mails that were looked at before."""

    directory: Path
    time: Time
    mailbox: Mailbox
    watched: Monitors
    port: int = field(default_factory=free_port)
    read: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def types(self, *arguments: str, actor: str = "ada", expect: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "pilotage.cli.main", *arguments],
            cwd=self.directory, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120,
            env={**os.environ, **self.time.environment(), "PILOTAGE_ACTOR": actor},
        )  # fmt: skip
        assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def store(self) -> Store:
        return Store(self.directory / ".pilotage")

    def until(self, last: str, days: int = 1) -> list[tuple[str, str, str]]:
        """Let time pass, so many days at once, with all that the worker does beside rollouts. Day, receiver and subject
        of each mail."""
        store, found = self.store(), []
        while (today := self.today()) < date.fromisoformat(last):
            self.time.pass_(days * DAY)
            for job in jobs(self.directory / ".pilotage"):
                job.work(store)
            found += [(f"{today + timedelta(days=days):%m-%d}", *one) for one in self.heard()]
        store.close()
        return found

    def today(self) -> date:
        return datetime.fromtimestamp(self.time.now(), UTC).date()

    def deliver(self, store: Store) -> None:
        """Until nothing is due any more. The worker may have taken up some of it."""
        until = time.monotonic() + 20
        while channels := outbox.due(store.engine, self.time.now()):
            for channel in channels:
                while send_next(store.engine, channel, "test"):
                    pass
            assert time.monotonic() < until, channels
            time.sleep(0.05)

    def heard(self) -> list[tuple[str, str]]:
        """Whom mails reached since the last time, and their subjects: in order, but for those of the same day."""
        store = self.store()
        self.deliver(store)
        store.close()
        found = self.mailbox.mails[self.read :]
        self.read = len(self.mailbox.mails)
        return sorted((_whom(str(mail["To"])), str(mail["Subject"])) for mail in found)

    def hears(self, number: int) -> list[tuple[str, str]]:
        """So many mails, whenever they come, and whatever comes with the last of them."""
        found, until = self.heard(), time.monotonic() + 30
        while len(found) < number and time.monotonic() < until:
            time.sleep(0.2)
            found += self.heard()
        time.sleep(1)
        return sorted([*found, *self.heard()])

    def users(self) -> Traffic:
        return Traffic(self.url, 50.0, users=200, seed=1, threads=8)

    def release(self, version: str, fault: str = "none") -> str:
        (self.directory / "releases" / f"{version}.json").write_text(json.dumps({"fault": fault}))
        return version


def _whom(to: str) -> str:
    """`ada, bob` of their addresses."""
    return ", ".join(address.partition("@")[0] for address in to.split(", "))


def mail(port: int, name: str, **more: Any) -> dict[str, Any]:
    return {
        "kind": "email", "name": name, "host": "localhost", "port": port, "encryption": "none",
        "sender": "releases@shop.example", "to": [f"{name}@shop.example"], "allow_private_network": True, **more,
    }  # fmt: skip


@pytest.fixture
def company(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    moved, mailbox = Time(tmp_path / "time"), Mailbox()
    moved.to("2027-06-01T09:00:00+00:00")
    with ExitStack() as stack:
        port = stack.enter_context(mail_server(mailbox, None))
        watched = stack.enter_context(monitors(tmp_path_factory.mktemp("monitors")))
        stack.enter_context(mock.patch.object(SystemClock, "now", moved.shown))
        (tmp_path / "shop" / "releases").mkdir(parents=True)
        made = Company(tmp_path / "shop", moved, mailbox, watched)
        made.types(
            "init", "--service", "shop", "--listen", f"127.0.0.1:{made.port}", "--health-check-path", "/healthz",
            "--risk-tolerance", "low", "--command", f"{sys.executable} -m pilotage.demo.shop --port {{port}} "
            f"--release {{version}} --releases {made.directory}/releases",
        )  # fmt: skip
        complete(made, port)
        yield made
        made.types("down", "--yes")


def complete(company: Company, port: int) -> None:
    """What a team adds to the file that `init` wrote."""
    path = company.directory / "pilotage.yaml"
    whole = yaml.safe_load(path.read_text())
    (name,) = whole["environments"]
    environment = whole["environments"][name]
    environment["fleet"]["pass_env"] = ["PYTHONPATH"]
    environment["overrides"] = dict(FAST)
    environment["monitoring"] = {"alertmanager": company.watched.alertmanager}
    environment["overrides"] |= {"hold.timeout": "60s", "canary.phase_duration": "4s"}
    whole["notify"] = [
        mail(port, "operators", min_severity="info"),
        mail(port, "customers", audiences=["customers"], messages=["e-mail", "survey", "webinar"]),
        mail(port, "support", audiences=["support"], messages=["meeting"]),
        {"kind": "status-page", "audiences": ["customers"]},
    ]
    whole["people"] = {
        "ada": {"roles": ["engineering lead", "release manager", "DevOps engineer"], "email": "ada@shop.example"},
        "bob": {"roles": ["product manager", "product owner", "communications manager"], "email": "bob@shop.example"},
        "eve": {"roles": ["QA lead", "support lead", "customer success manager"], "email": "eve@shop.example"},
    }
    whole["status_page"] = {"folder": "public", "environment": name, "title": "Shop"}
    whole["intake"] = {"url": "https://feedback.shop.example", "environment": name}
    whole["incidents"] = {"folder": "incidents", "watch": "2s"}
    whole["meetings"] = {"webinar_link": "https://meet.example.org/shop"}
    path.write_text(yaml.safe_dump(whole, sort_keys=False))


TEAM = "ada, bob, eve"
DATED = ("1.1.0", "--date", "2027-06-25", "--done", "planning_phase,development_phase")
SENT = {
    "release_announcement": "bob", "webinar_scheduling": "bob", "support_team_briefing": "eve",
    "status_page_start": "ada", "status_page_done": "ada", "success_metrics": "bob", "customer_feedback": "eve",
    "follow_up_webinar": "bob",
}  # fmt: skip
"""Announcements that the team sends, by who approves them."""


def announce(company: Company, *plan: str) -> None:
    """Approve and schedule what the team sends, and skip the rest."""
    company.types("announce", "track", *plan)
    for one in json.loads(company.types("announce", "list", *plan, "--json"))["announcements"]:
        item = one["item"]
        if item in SENT and (one["due_at"] or one["after"]):
            who = SENT[item]
            at = ("--at", one["due_at"][:16]) if one["due_at"] else ("--on", one["after"])
            company.types("announce", "approve", item, *plan, actor=who)
            company.types("announce", "send", item, *plan, *at, actor=who)
        elif item != "rollback_notice":
            company.types("announce", "skip", item, *plan, "--reason", "we have no such channel")


def test_a_year_of_a_service(company: Company) -> None:
    """From `init` to the follow-up a year later: who heard what, in order, and nothing else."""
    company.types("deploy", company.release("1.0.0"))
    assert company.hears(3) == [
        (TEAM, "shop: retrospective 1.0.0"),
        ("operators", "[info] shop 1.0.0 → production: completed"),
        ("operators", "[info] shop 1.0.0 → production: rollout started"),
    ]
    announce(company, *DATED)
    assert company.hears(1) == [(TEAM, "shop: retrospective 1.1.0")]
    assert company.until("2027-06-25") == [
        ("06-02", "operators", "[warning] shop 1.0.0: 2 announcements are overdue"),
        ("06-03", "operators", "[warning] shop 1.0.0: 3 announcements are overdue"),
        ("06-16", "customers", "Invitation: what is new in shop 1.1.0"),
        ("06-16", "customers", "shop 1.1.0 is coming on Friday, 25 June 2027"),
        ("06-16", "support", "Briefing: shop 1.1.0 on Friday, 25 June 2027"),
    ]
    _release_during_an_alert(company)
    assert company.until("2027-07-01") == [
        ("06-28", "customers", "How do you like shop 1.1.0?"),
        ("06-28", "customers", "Invitation: working with shop 1.1.0"),
        ("06-28", "customers", "What shop 1.1.0 changed"),
    ]
    assert _entries(company) == ["shop 1.1.0 is available", "We are releasing shop 1.1.0"]
    _release_that_is_undone(company)
    _a_year_of_follow_ups(company)
    _read_the_invitations(company)


def _release_during_an_alert(company: Company) -> None:
    company.watched.post(
        {"alertname": "DiskFull", "service": "shop", "environment": "production", "severity": "critical"}
    )
    with company.users():
        company.types("deploy", company.release("1.1.0"), "--detach")
        wait_for(lambda: "DiskFull" in company.types("status"), lambda: company.types("status"))
        company.watched.amtool("silence", "add", "alertname=DiskFull", "--comment=known", "--author=ada")
        company.types("watch")
    heard = company.hears(4)
    assert {whom for whom, _ in heard} == {"operators"}, "customers hear of it on the status page"
    told = [subject.partition("production: ")[2] for _, subject in heard if "verdict changed" not in subject]
    assert sorted(told) == ["completed", "hold ended", "hold started", "rollout started"]


def _release_that_is_undone(company: Company) -> None:
    announce(company, "1.2.0")
    with company.users():
        company.types("deploy", company.release("1.2.0", "errors"), expect=4)
        wait_for(lambda: "stability-confirmed" in company.types("events"), lambda: company.types("events"))
    heard = company.hears(7)
    assert [one for one in heard if one[0] != "operators"] == [(TEAM, "shop 1.2.0: review of the rollback")]
    told = [subject.partition("production: ")[2] for whom, subject in heard if whom == "operators"]
    assert sorted(one for one in told if one != "verdict changed") == [
        "incident document", "rollback started", "rolled back", "rollout started", "stability confirmed",
        "traffic restored",
    ]  # fmt: skip
    assert {path.suffix for path in (company.directory / "incidents").iterdir()} == {".md", ".zip"}
    entries = _entries(company)
    assert not any("1.2.0 is available" in entry for entry in entries), entries
    assert any("1.2.0 was rolled back" in entry for entry in entries), entries


def _a_year_of_follow_ups(company: Company) -> None:
    """What the rollback left to do is done in time, but one: that is named each week until a year later."""
    listed = json.loads(company.types("followup", "list", "--json"))["followups"]
    assert len(listed) == 6
    for one in listed[1:]:
        company.types("followup", "done", str(one["id"]), "--outcome", "done", actor="eve")
    first = company.until("2027-07-15")
    assert first[0] == ("07-02", "operators", "[info] shop: follow-ups, 2027-W26")
    rest = [*first, *company.until("2028-07-07", days=7)]
    assert {whom for _, whom, _ in rest} == {"operators"}
    kinds = Counter(subject.partition("shop: ")[2].partition(",")[0] for _, _, subject in rest)
    number = listed[0]["id"]
    assert kinds == {
        "follow-ups": 55, "effect of follow-ups": 12, "effectiveness of the process": 4, "a year of follow-ups": 1,
        f"action {number} is overdue": 1,
    }  # fmt: skip
    company.types("followup", "done", str(number), "--outcome", "found at last", actor="eve")


def _entries(company: Company) -> list[str]:
    """What a feed reader shows of the status page, newest first."""
    feed = feedparser.parse((company.directory / "public" / "feed.xml").read_bytes())
    assert not feed.bozo, feed.get("bozo_exception")
    return [str(entry.title) for entry in feed.entries]


def _read_the_invitations(company: Company) -> None:
    """Whatever was mailed, in its order, by a calendar client. A cancelled event is told to it as such."""
    folder = company.directory
    (folder / "khal.conf").write_text(
        f"[calendars]\n[[team]]\npath = {folder / 'team'}\n[sqlite]\npath = {folder / 'khal.db'}\n"
        "[locale]\nlocal_timezone = UTC\ndefault_timezone = UTC\ntimeformat = %H:%M\n"
        "dateformat = %Y-%m-%d\nlongdateformat = %Y-%m-%d\ndatetimeformat = %Y-%m-%d %H:%M\n"
        "longdatetimeformat = %Y-%m-%d %H:%M\n[default]\ndefault_calendar = team\n"
    )
    (folder / "team").mkdir()
    khal = [sys.executable, "-m", "khal", "-c", str(folder / "khal.conf")]
    for number, mail in enumerate(company.mailbox.mails):
        for part in mail.walk():
            if part.get_content_type() == "text/calendar" and part.get_param("method") == "REQUEST":
                (folder / f"{number}.ics").write_text(part.get_content())
                command = [*khal, "import", "--batch", str(folder / f"{number}.ics")]
                subprocess.run(command, check=True, capture_output=True)
    listing = [*khal, "list", "--day-format", "", "--format", "{start-date} {start-time} {title}", "2027-06-01", "90d"]
    shown = subprocess.run(listing, check=True, capture_output=True, text=True).stdout
    assert shown.splitlines() == [
        "2027-06-03 14:00 shop: retrospective 1.0.0",
        "2027-06-18 14:00 shop 1.1.0: support briefing",
        "2027-06-29 14:00 shop: retrospective 1.1.0",
        "2027-06-29 15:00 shop 1.1.0: what is new",
        "2027-07-06 14:00 shop 1.2.0: review of the rollback",
        "2027-07-09 15:00 shop 1.1.0: working with it",
    ]
