"""One plan, every form (R3): complete, escaped, valid by the format's own reader."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
import yaml
from icalendar import Calendar as Ics

from pilotage import Answers, Calendar, Plan, Service, make_plan
from pilotage.model.answers import DeploymentStrategy, ReleaseFrequency, ReleaseType
from pilotage.model.meeting import Guest
from pilotage.model.schedule import Role
from pilotage.render.charts import gantt, staircase
from pilotage.render.html import to_html
from pilotage.render.ics import NoDate, to_ics
from pilotage.render.markdown import to_markdown
from pilotage.render.rules import NoSeries, to_rules
from pilotage.render.sections import IDS, headline, sections

STAMP = datetime(2026, 11, 23, 12, tzinfo=UTC)
MEASURED = {"application_error_rate": "envoy", "response_time_p95": "envoy"}


def plan(day: date | None = date(2027, 6, 16), version: str = "2.4.0", **changes: Any) -> Plan:
    usual: dict[str, Any] = {
        "release_type": "major",
        "deployment_strategy": "canary",
        "team_size": "distributed",
        "release_frequency": "monthly",
        "risk_tolerance": "medium",
        "stakeholder_complexity": ["enterprise", "customer-facing"],
    }
    answers = Answers(**{**usual, **changes})
    calendar = Calendar("Europe/Berlin", ("Europe/Berlin", "America/New_York"))
    service = Service("shop", instances=4, measured=MEASURED)
    return make_plan(answers, version=version, release_date=day, calendar=calendar, service=service)


EVERY = [
    {"release_type": kind, "deployment_strategy": strategy, "release_frequency": frequency, "day": day}
    for kind, strategy, frequency, day in itertools.product(
        ReleaseType,
        DeploymentStrategy,
        (ReleaseFrequency.CONTINUOUS, ReleaseFrequency.WEEKLY),
        (None, date(2027, 6, 16)),
    )
]


@pytest.mark.parametrize("changes", EVERY, ids=lambda changes: "-".join(str(value) for value in changes.values()))
def test_every_form_of_every_plan_can_be_made(changes: dict[str, Any]) -> None:
    made = plan(**changes)
    assert [section.id for section in sections(made)] == [
        name for name in IDS
        if (name != "conflicts" or made.conflicts) and (name != "on-call" or made.on_call)
        and (name != "risk" or made.risk) and (name != "waves" or made.waves)
    ]  # fmt: skip
    for section in sections(made):
        assert section.rows
        assert all(len(row) == len(section.headers) for row in section.rows)
        assert all(isinstance(cell, str) for row in section.rows for cell in row)
        assert set(section.numbers) <= set(section.headers)
    assert headline(made) in to_html(made)
    assert to_markdown(made)
    for chart in (gantt(made), staircase(made)):
        ET.fromstring(chart)
    assert yaml.safe_load(to_rules(made))["groups"]


def test_markdown_names_every_step_number_message_and_trigger() -> None:
    made, text = plan(), to_markdown(plan()).replace("\\", "")
    assert all(step.title in text for step in made.steps)
    assert all(setting.path in text for setting in made.settings)
    assert all(trigger in text for trigger in made.rollback.triggers)
    assert all(message.draft in text for message in made.communication)
    assert all(item.title in text for item in made.readiness)
    assert made.hash in text


def test_markdown_is_not_broken_by_what_a_plan_says() -> None:
    made = make_plan(Answers("patch", "canary", "small", "weekly", "high", "enterprise"), version="1|2 `x` <b>")
    # Such a version is refused today; a plan on file may still have one.
    nasty = replace(made, version="1|2 `x` <b>\n# no")
    lines = to_markdown(nasty).splitlines()
    assert "<b>" not in to_markdown(nasty).replace(r"\<b>", "")
    assert not any(line.startswith("# no") for line in lines)
    for block in itertools.groupby(lines, key=lambda line: line.startswith("|")):
        if block[0]:
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block[1]}) == 1


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value for name, value in attrs if name in ("href", "src") and value]
        if tag not in ("meta", "rect", "line", "circle", "path", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("rect", "line", "circle", "path"):
            return
        assert self.open.pop() == tag


def test_html_stands_alone_without_script_and_its_links_lead_inside() -> None:
    page = _Page()
    page.feed(to_html(plan()))
    assert page.open == []
    assert not page.tags & {"script", "img", "link", "iframe"}
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert len(page.ids) == len(set(page.ids))
    assert "http:" not in to_html(plan()).replace("http://www.w3.org/2000/svg", "")
    assert "https:" not in to_html(plan())


def test_html_escapes_what_a_plan_says() -> None:
    page = to_html(plan(version="<script>alert(1)</script>"))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_html_says_when_the_plan_is_stopped() -> None:
    assert "cannot be executed" in to_html(plan(stakeholder_complexity=["internal-only", "enterprise"]))
    assert "cannot be executed" not in to_html(plan())


# ── ICS ────────────────────────────────────────────────────────────────────────────────────────────────────────


def events(made: Plan, stamp: datetime = STAMP) -> dict[str, Any]:
    calendar: Any = Ics.from_ical(to_ics(made, stamp))
    return {str(event["uid"]): event for event in calendar.walk("VEVENT")}


def test_ics_survives_a_round_trip_and_has_what_rfc_5545_demands() -> None:
    text = to_ics(plan(), STAMP)
    calendar: Any = Ics.from_ical(text)
    assert calendar.to_ical() == text
    assert calendar["version"] == "2.0"
    assert calendar["prodid"]
    assert all(len(line) <= 75 for line in text.split(b"\r\n"))
    found: list[Any] = calendar.walk("VEVENT")
    assert len({str(event["uid"]) for event in found}) == len(found)
    for event in found:
        assert {"UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "SEQUENCE"} <= set(event)
        assert event["dtstart"].dt <= event["dtend"].dt


def test_ics_has_every_dated_thing_of_the_plan_with_its_time() -> None:
    made, found = plan(), events(plan())
    named = {uid.partition(".")[0]: event for uid, event in found.items()}
    for phase in made.timeline.phases:
        event = named[f"phase-{phase.id}"]
        assert event["dtstart"].dt == phase.start
        assert event["dtend"].dt - timedelta(days=1) == phase.end
    for message in made.communication:
        if message.due is None:
            assert f"message-{message.id}" not in named
        else:
            event = named[f"message-{message.id}"]
            assert event["dtstart"].dt == (message.due_at or message.due)
            assert message.draft in str(event["description"])
    assert sum(name.startswith("wave-") for name in named) == len(made.on_call)
    assert sum(name.startswith("milestone-") for name in named) == 20
    assert named["retrospective"]["dtstart"].dt == made.retrospective.due


def test_ics_a_moved_plan_takes_the_place_of_the_one_before() -> None:
    before, after = events(plan()), events(plan(date(2027, 6, 23)), STAMP + timedelta(hours=1))
    assert set(before) == set(after)
    for uid, event in after.items():
        assert event["sequence"] > before[uid]["sequence"]


def test_r25_ics_names_who_must_and_may_come_where_they_have_an_address() -> None:
    bob, eve = Guest(name="Bob", email="bob@x.org"), Guest(name="Eve", email="e@x.org")
    guests = {Role.QA_LEAD: (bob,), Role.SUPPORT_LEAD: (eve,)}
    calendar: Any = Ics.from_ical(to_ics(plan(), STAMP, "r@x.org", guests))
    assert "METHOD" not in calendar, "what is published has no participants (RFC 5546, 3.2.1)"
    (event,) = [one for one in calendar.walk("VEVENT") if str(one["uid"]).startswith("retrospective.")]
    assert {str(one): one.params["ROLE"] for one in event["ATTENDEE"]} == {
        "mailto:bob@x.org": "REQ-PARTICIPANT", "mailto:e@x.org": "OPT-PARTICIPANT",
    }  # fmt: skip
    assert event["ORGANIZER"] == "mailto:r@x.org"


def test_ics_of_a_plan_without_a_date_is_refused_with_what_to_do() -> None:
    with pytest.raises(NoDate, match="--date"):
        to_ics(plan(None), STAMP)


# ── Charts ─────────────────────────────────────────────────────────────────────────────────────────────────────


def texts(chart: str) -> str:
    return " ".join(ET.fromstring(chart).itertext())


def test_the_gantt_chart_shows_every_phase_with_its_days() -> None:
    made = plan()
    shown = texts(gantt(made))
    for phase in made.timeline.phases:
        assert phase.title in shown
        assert f"{phase.start} … {phase.end}" in shown
    bars = [float(rect.get("x", 0)) for rect in ET.fromstring(gantt(made)).iter() if rect.get("class") == "bar"]
    assert bars == sorted(bars)


def test_the_pipelines_chart_shows_estimates() -> None:
    assert "this plan 12h" in texts(gantt(plan(release_frequency="continuous")))


def test_the_staircase_rises_to_the_top() -> None:
    path = next(item.get("d", "") for item in ET.fromstring(staircase(plan())).iter() if item.get("class") == "stair")
    heights = [float(point.split()[1]) for point in re.findall(r"[ML]([\d.]+ [\d.]+)", path)]
    assert heights == sorted(heights, reverse=True)
    assert heights[-1] == 24.0


# ── Alert rules ────────────────────────────────────────────────────────────────────────────────────────────────


def test_rules_carry_the_plans_limits_and_their_source() -> None:
    (group,) = yaml.safe_load(to_rules(plan(), page=True))["groups"]
    rules = {rule["alert"]: rule for rule in group["rules"]}
    assert " > 0.05 " in rules["HighErrorRate"]["expr"]
    assert "rollback_triggers.error_rate" in rules["HighErrorRate"]["annotations"]["description"]
    assert rules["HighErrorRate"]["labels"]["action"] == "immediate_rollback"
    assert rules["PerformanceDegradation"]["for"] == "5m"
    assert set(rules) == {
        "HighErrorRate", "PerformanceDegradation", "LowSuccessRate", "NoData", "CanaryHealthCheckFailed",
    }  # fmt: skip


def test_without_pilotages_page_there_is_no_rule_that_could_not_fire() -> None:
    """Envoy knows only instances that are ready: 1 of 2 shows as 1 of 1."""
    (group,) = yaml.safe_load(to_rules(plan()))["groups"]
    assert "CanaryHealthCheckFailed" not in {rule["alert"] for rule in group["rules"]}


def test_rules_without_series_are_refused_with_what_would_give_them() -> None:
    bare = make_plan(Answers("patch", "canary", "small", "weekly", "high", "enterprise"), version="1")
    with pytest.raises(NoSeries, match=r"metrics: \{kind: envoy\}"):
        to_rules(bare)


@pytest.mark.parametrize("strategy", ["canary", "blue-green", "rolling", "big-bang", "feature-toggle"])
def test_the_steps_of_a_plan_stand_whole_on_80_columns(strategy: str) -> None:
    """Seven columns leave a step nine letters; below 110 columns it has a line of its own (R3)."""
    from rich.console import Console

    from pilotage.render.plan_view import plan_view

    made = plan(deployment_strategy=strategy)
    with (console := Console(width=80)).capture() as captured:
        console.print(plan_view(made, ("steps",)))
    lines = [line.strip() for line in captured.get().splitlines()]
    assert all(f"{number}  {step.title}" in lines for number, step in enumerate(made.steps, 1))
