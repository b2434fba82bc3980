"""Reports of a period, retrospectives, incidents and the public page, from values alone (R21, R24–R26)."""

from __future__ import annotations

import csv
import json
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar

from pilotage.adapters.figures import values_of
from pilotage.adapters.ports import AdapterError
from pilotage.app.followups import to_issue
from pilotage.config.reporting import BusinessSection
from pilotage.engine.records import followups as actions
from pilotage.engine.records import outbox
from pilotage.engine.records.store import Store
from pilotage.model.answers import Answers
from pilotage.model.document import Bar, Document, Figure, Section
from pilotage.model.events import parse
from pilotage.model.followup import FollowUp
from pilotage.model.quantity import about
from pilotage.plan.making import make_plan
from pilotage.render.document import bars, to_html, to_markdown
from pilotage.render.status import files_of
from pilotage.render.status_parts import headline
from pilotage.render.tasks import to_tasks
from pilotage.report.dora import Deployment, End, dora_of
from pilotage.report.period import dora_document, report_of
from pilotage.report.quality import regressions
from pilotage.report.retro import Facts, fact_sheet
from pilotage.report.status import Condition, Happened, Planned, Rollout, Service, incident_of, status_of
from pilotage.report.told import Business, Compared, Period, Reader, Told

DAY = 86400.0
DEPLOYMENTS = [
    Deployment(f"r{n}", f"1.{n}", f"1.{n - 1}", n * DAY, n * DAY + 3600, End.COMPLETED) for n in range(1, 20)
]
DEPLOYMENTS.append(
    Deployment("r20", "1.20", "1.19", 20 * DAY, 20 * DAY + 60, End.ROLLED_BACK, trouble=20 * DAY, well=20 * DAY + 30)
)
COMPARED = (Compared("error rate", "0.1 %", "0.1 %", 1.0, 0.5, None, 900),)


def told_of(number: int, deployment: Deployment) -> Told:
    status, reason = ("completed", "") if deployment.end is End.COMPLETED else ("rolled-back", "error rate: canary 5 %")
    return Told(deployment.id, deployment.version, f"day {number}", status, 3600.0, reason, COMPARED)


TOLD = tuple(told_of(number, deployment) for number, deployment in enumerate(DEPLOYMENTS, 1))
PERIOD = Period("shop", "production", "all of it", dora_of(DEPLOYMENTS, 0, 28 * DAY), TOLD)
RETRO = make_plan(Answers("minor", "canary", "distributed", "weekly", "low", "enterprise"), version="2").retrospective


def section(document: Document, identity: str) -> Section:
    return next(one for one in document.sections if one.id == identity)


def test_c23_every_rate_has_its_interval_and_its_n() -> None:
    rows = {row[0]: row[1:] for row in section(report_of(PERIOD, Reader.TECHNICAL), "deployments").rows}
    assert rows["success rate"] == ("95.0%", "76%–99%, 19 of 20")
    assert rows["median duration"][1].endswith("of 19")


def test_c10_what_no_source_tells_is_not_connected() -> None:
    business = report_of(PERIOD, Reader.BUSINESS)
    assert "Not connected" in section(business, "business").sentences[0]
    assert "Not connected" in section(business, "feedback").sentences[0]
    read = Period(
        **{**vars(PERIOD), "business": (Business("sales", 12.0, 10.0, 30, 30), Business("mood", error="gone"))}
    )
    rows = section(report_of(read, Reader.BUSINESS), "business").rows
    assert rows == (("sales", "10", "12", "+20.0%", "30 and 30 readings"), ("mood", "–", "–", "–", "gone"))


def test_an_interval_with_an_open_end_says_so() -> None:
    assert section(report_of(PERIOD, Reader.TECHNICAL), "performance").rows[0][5] == "at least 0.50×"


def test_each_figure_of_dora_leads_to_what_it_counts() -> None:
    document = dora_document(PERIOD.dora, "shop", "all of it", TOLD)
    anchors = {one.id for one in document.sections}
    links = [link for one in document.sections for link in one.links if link]
    assert len(links) > 20
    assert all(link.removeprefix("#") in anchors for link in links)
    page = to_html(document)
    assert all(f'id="{link.removeprefix("#")}"' in page for link in links)
    technical = report_of(PERIOD, Reader.TECHNICAL)
    assert set(section(technical, "dora").links) <= {"#rollouts", ""}


def test_recommendations_follow_from_the_figures_or_are_not_given() -> None:
    assert section(report_of(PERIOD, Reader.TECHNICAL), "recommendations").sentences == ("No recommendations.",)
    bad = [
        Deployment(f"b{n}", f"2.{n}", "1", day, day + 60, End.ROLLED_BACK, trouble=day, well=day + 7200)
        for n, day in ((n, n * DAY) for n in range(1, 9))
    ]
    told = tuple(Told(d.id, d.version, "day", "rolled-back", 60.0, "error rate: canary") for d in bad)
    found = section(
        report_of(Period("s", "p", "x", dora_of(bad, 0, 28 * DAY), told), Reader.TECHNICAL), "recommendations"
    )
    text = " ".join(" ".join(row) for row in found.rows)
    for words in (
        "8 of 8 deployments failed (100%, 95 % interval 68%–100%)",
        "recovery takes 2h, and more than 30 min is too long",
        "8 releases were rolled back because of error rate",
    ):
        assert words in text


def test_r24_one_of_four_undone_recommends_and_says_that_four_are_few() -> None:
    known = [
        Deployment(f"b{n}", f"2.{n}", "1", n * DAY, n * DAY + 60, End.ROLLED_BACK if n == 3 else End.COMPLETED)
        for n in range(1, 5)
    ]
    told = tuple(told_of(number, one) for number, one in enumerate(known, 1))
    period = Period("s", "p", "x", dora_of(known, 0, 28 * DAY), told)
    (row,) = section(report_of(period, Reader.TECHNICAL), "recommendations").rows
    assert row[0] == "make smaller changes, and start with a weight of 1 %"
    assert "1 of 4 deployments failed (25%, 95 % interval 5%–70%; too few for certainty)" in row[1]


# ── retrospectives ─────────────────────────────────────────────────────────────────────────────────────────


def facts(**changed: Any) -> Facts:
    whole = {
        "service": "shop", "environment": "production", "span": "a month", "dora": PERIOD.dora, "told": TOLD,
        "actions": (), "today": "2026-11-24",
    }  # fmt: skip
    return Facts(**{**whole, **changed})


def test_r25_figures_stand_against_targets_and_few_are_not_called_sure() -> None:
    rows = {row[0]: row[1:] for row in section(fact_sheet(facts(), RETRO), "targets").rows}
    assert rows["Rolled-back deployments"] == ("< 5 %", "5.0% (1%–24%, 1 of 20)", "no")
    assert rows["Time to recovery"] == ("< 30 min", "median 30s, n = 1", "yes")
    assert rows["Escaped bugs"] == ("< 2 %", "not connected", "–")
    few = [d for d in DEPLOYMENTS if d.end is End.COMPLETED][:3]
    rows = {
        row[0]: row[1:] for row in section(fact_sheet(facts(dora=dora_of(few, 0, 28 * DAY)), RETRO), "targets").rows
    }
    assert rows["Successful deployments"][2] == "yes, but 3 are too few for certainty"


def test_r25_c12_the_agenda_adds_up_and_a_distributed_team_writes_parts_of_it_beforehand() -> None:
    agenda = section(fact_sheet(facts(), RETRO), "agenda")
    assert agenda.title == "Agenda, 120 minutes"
    assert sum(int(row[0].split()[0]) for row in agenda.rows) == 120
    assert {row[2] for row in agenda.rows} == {"together", "in writing, beforehand"}


def test_r26_overdue_actions_surprise() -> None:
    late = FollowUp(3, "a smoke test", "bob", "2026-11-01", "it fails a bad build", "high", "1.20")
    done = FollowUp(4, "x", "eve", "2026-01-01", "y", "low", "1.19", done="2026-02-01")
    sheet = fact_sheet(facts(actions=(late, done)), RETRO)
    assert "action 3 is overdue since 2026-11-01, owned by bob: a smoke test" in section(sheet, "surprises").bullets
    assert [row[0] for row in section(sheet, "actions").rows] == ["3"]


def test_r26_actions_are_kept_reminded_of_once_finished_and_exported(tmp_path: Path) -> None:
    store = Store(tmp_path)
    ops = {
        "kind": "slack",
        "name": "ops",
        "severity": "info",
        "environments": [],
        "audiences": ["operators"],
        "quiet": None,
    }
    new = FollowUp(0, "a smoke test\nthat fails", "bob", "2026-11-01", "it fails a bad build", "high", "1.20")
    now = datetime(2026, 11, 24, tzinfo=UTC).timestamp()
    number = actions.add(store.engine, "shop", new, [ops], "ada", now)
    assert [actions.remind(store.engine, now + d * DAY) for d in (0, 1, 7)] == [1, 0, 0]
    assert {letter.channel for letter in outbox.letters(store.engine)} == {"ops"}
    tasks = Calendar.from_ical(to_tasks("shop", actions.actions_of(store.engine, "shop"), datetime.now(UTC)))
    (task,) = tasks.walk("VTODO")
    assert (str(task["summary"]), str(task["priority"])) == ("shop: a smoke test\nthat fails", "1")
    with pytest.raises(actions.UnknownAction, match="no open action has the number 99"):
        actions.done(store.engine, "shop", 99, "x", "ada", now)
    actions.done(store.engine, "shop", number, "written", "bob", now)
    assert actions.actions_of(store.engine, "shop", open_only=True) == ()
    assert actions.remind(store.engine, now + 30 * DAY) == 0
    store.close()


def test_r26_an_issue_is_opened_as_the_trackers_want_it() -> None:
    from ...receivers import Answer, Receiver, listening

    class Tracker(Receiver):
        def take(self, path: str, headers: Any, body: bytes) -> Answer:
            self.got.append(
                {
                    "path": path,
                    "token": headers.get("Authorization") or headers.get("PRIVATE-TOKEN"),
                    **json.loads(body),
                }
            )
            key = "html_url" if path.startswith("/repos") else "web_url"
            return 201, {}, json.dumps({key: f"https://x{path}/1"}).encode()

    one = FollowUp(3, "a smoke test", "bob", "2026-11-01", "it fails a bad build", "high", "1.20")
    with listening(tracker := Tracker()) as url:
        for kind in ("github", "gitlab"):
            address = to_issue(kind, "team/shop", url, "t0ken", one, private=True)
            assert address.startswith("https://x/")
    github, gitlab = tracker.got
    assert (github["path"], github["token"], github["title"]) == (
        "/repos/team/shop/issues",
        "Bearer t0ken",
        "a smoke test",
    )
    assert (gitlab["path"], gitlab["due_date"]) == ("/api/v4/projects/team%2Fshop/issues", "2026-11-01")


# ── the public page ────────────────────────────────────────────────────────────────────────────────────────


def happened(*types: str, at: float = 1000.0) -> tuple[Happened, ...]:
    return tuple(
        Happened(at + n, parse(type_, {"weight_percent": 5.0, "mode": "full"} if type_.endswith("started") else {}))
        for n, type_ in enumerate(types)
    )


def one(*types: str, final: bool = True, closed: bool = False) -> Rollout:
    return Rollout("r1", "shop", "2.0", final, closed, happened(*types))


def test_an_incident_is_of_users_and_ends_when_they_are_well() -> None:
    found = incident_of(one("rollout-started", "step-started", "rollback-started", "traffic-restored", "rolled-back"))
    assert found is not None
    assert (found.began, found.ended) == (1002.0, 1003.0)
    assert incident_of(one("rollout-started", "rollback-started", "rolled-back")) is None, "no user had it"
    open_ = incident_of(one("step-started", "rollback-started", "failed"))
    assert open_ is not None
    assert open_.ended is None


@pytest.mark.parametrize(
    ("rollouts", "condition"),
    [
        ([], Condition.OPERATIONAL),
        ([one("step-started", final=False)], Condition.RELEASING),
        ([one("step-started", final=False, closed=True)], Condition.MAINTENANCE),
        ([one("step-started", "rollback-started", final=False)], Condition.DEGRADED),
        ([one("step-started", "rollback-started", "traffic-restored", "rolled-back")], Condition.OPERATIONAL),
    ],
)
def test_the_page_says_how_a_service_is(rollouts: list[Rollout], condition: Condition) -> None:
    page = status_of("Status", ["shop"], rollouts, (), 5000.0)
    assert page.services == (Service("shop", condition),)
    assert headline(page).sentences[0].endswith(".")


def test_the_page_is_escaped_and_its_feed_is_xml() -> None:
    from xml.etree.ElementTree import fromstring

    evil = '<script>alert("1")</script>&\'"'
    planned = (Planned("p", 9000.0, evil, evil),)
    made = files_of(status_of(evil, [evil], [one("step-started", "rollback-started")], planned, 5000.0), "https://x/")
    assert "<script>" not in made["index.html"].replace("&lt;script&gt;", "")
    feed = fromstring(made["feed.xml"])
    assert feed.find("{http://www.w3.org/2005/Atom}title").text == evil  # type: ignore[union-attr]
    assert json.loads(made["status.json"])["title"] == evil
    past = status_of("S", ["shop"], [], planned, 9001.0)
    assert past.planned == ()


# ── forms ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_documents_are_escaped_in_every_form() -> None:
    evil = "<b>*x*</b> `code` |"
    figure = Figure(evil, (Bar(evil, 1.0, evil, 0.5, 2.0), Bar("none", 0.0, "0")), 0.7, evil)
    document = Document(evil, (evil,), (Section("a", evil, (evil,), (evil,), ((evil,),), (evil,), figure=figure),))
    page = to_html(document)
    assert "<b>" not in page
    assert "<b>" not in bars(figure)
    markdown = to_markdown(document)
    assert "\\<b>\\*x\\*" in markdown
    assert "`code`" in markdown, "what is code stays code"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "40ms"), (2.5, "2.5s"), (59.0, "59s"), (61, "1m1s"), (4521, "1h15m"), (5_935_000, "68d17h")],
)
def test_times_are_told_to_what_matters(seconds: float, text: str) -> None:
    assert about(seconds) == text


# ── figures of the business ────────────────────────────────────────────────────────────────────────────────


def source(**given: str) -> BusinessSection:
    return BusinessSection.model_validate({"name": "sales", **given})


def test_figures_are_read_from_a_csv_and_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("day", "value"), ("2026-11-01", "1"), ("2026-11-02T12:00:00+02:00", "3"), ("2026-12-01", "9")]
        )
    begin, end = (datetime(2026, month, 1, tzinfo=UTC).timestamp() for month in (11, 12))
    assert values_of(source(csv="a.csv"), tmp_path, begin, end) == [1.0, 3.0]
    base = sqlite3.connect(tmp_path / "b.sqlite")
    base.executescript("CREATE TABLE sales (day TEXT, value REAL); INSERT INTO sales VALUES ('2026-11-03', 7);")
    base.commit()
    base.close()
    monkeypatch.setenv("SALES", f"sqlite:///{tmp_path / 'b.sqlite'}")
    kept = source(sql="SELECT day, value FROM sales", database="secret://env/SALES")
    assert values_of(kept, tmp_path, begin, end) == [7.0]
    with pytest.raises(AdapterError, match="the query failed"):
        values_of(kept.model_copy(update={"sql": "DELETE FROM sales"}), tmp_path, begin, end)
    assert values_of(kept, tmp_path, begin, end) == [7.0], "nothing is written"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        ("day,value\nx,1\n", "a.csv:2"),
        ("day,value\n2026-01-01,much\n", "must be a date and a number"),
        ("a,b\n1,2\n", "must be a date and a number"),
    ],
)
def test_a_source_that_is_none_says_what_is_wrong(tmp_path: Path, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / "a.csv").write_text(content)
    with pytest.raises(AdapterError, match=words):
        values_of(source(csv="a.csv"), tmp_path, 0, time.time())
    with pytest.raises(AdapterError, match="outside the project"):
        values_of(source(csv="../a.csv"), tmp_path, 0, time.time())


def test_r25_regressions_that_were_rolled_back_and_those_that_stayed() -> None:
    slower = Compared("slow requests", "5 %", "9 %", 1.8, 1.2, None, 900)
    unsure = Compared("slow requests", "5 %", "6 %", 1.2, 0.9, 1.4, 900)
    accepted = ("12:00", "regression-accepted", "nobody decided")
    told = (
        Told("a", "1", "d", "rolled-back", 1.0, "slow requests: canary 40 %"),
        Told("b", "2", "d", "rolled-back", 1.0, "error rate: canary 40 %"),
        Told("c", "3", "d", "completed", 1.0, "", (slower,)),
        Told("d", "4", "d", "completed", 1.0, "", (unsure,)),
        Told("e", "5", "d", "completed", 1.0, "", (), events=(accepted,)),
    )
    assert regressions(told) == (1, 2)
    rows = {row[0]: row[1:] for row in section(fact_sheet(facts(told=told), RETRO), "targets").rows}
    assert rows["Performance regressions"] == ("0", "2 stayed, 1 rolled back", "no")
