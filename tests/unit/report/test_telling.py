"""One message a transition, to those who asked for it, when they are awake; one incident a rollout (R20, R21)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pilotage.model.channel import QuietHours
from pilotage.model.events import EVENTS, parse
from pilotage.model.json import read_as
from pilotage.model.message import Incident, Message, Severity
from pilotage.report.telling import Happened, Subject, channels_for, due_at, incident_of, message_of

SUBJECT = Subject("shop-production-1", "shop", "production", "2.0", "1.0", "ada", "f" * 64)


def event(type_: str, number: int = 1, **data: Any) -> Happened:
    return Happened(number, 1_800_000_000.0, type_, f"{type_} happened", data)


def channel(**given: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "kind": "slack",
        "name": None,
        "min_severity": "info",
        "environments": [],
        "audiences": ["operators"],
        "quiet_hours": None,
    }
    return {**whole, **given}


def told(message: Message, **given: Any) -> bool:
    return bool(channels_for(message, [channel(**given)]))


@pytest.mark.parametrize("type_", [e.type for e in EVENTS])
def test_every_transition_is_one_message_with_its_facts(type_: str) -> None:
    message = message_of(SUBJECT, event(type_, 7, weight=250))
    assert (message.key, message.thread, message.about) == ("shop-production-1/7", "shop-production-1", 7)
    assert (("users", "25 %") in message.facts) == (type_ == "step-started")
    assert told(message, min_severity="progress")


@pytest.mark.parametrize("type_", ["completed", "rolled-back", "failed"])
def test_the_end_says_how_long_it_took(type_: str) -> None:
    """The id of the release, its status and its duration."""
    subject = replace(SUBJECT, started_at=1_800_000_000.0 - 754)
    assert ("duration", "12m34s") in message_of(subject, event(type_)).facts
    assert "duration" not in dict(message_of(subject, event("step-started")).facts)


def test_what_pages_is_what_is_critical() -> None:
    """No event opens an incident by another rule than its severity."""
    for kind in EVENTS:
        found = parse(kind.type, {"cause": "degraded", "verdict": "fail", "mode": "full", "command": "abort"})
        assert (incident_of(False, found) is Incident.TRIGGER) == (found.severity is Severity.CRITICAL)


@pytest.mark.parametrize(
    ("type_", "data", "severity"),
    [
        ("step-started", {}, Severity.PROGRESS),
        ("rollback-started", {}, Severity.CRITICAL),
        ("hold-started", {"cause": "insufficient-data"}, Severity.WARNING),
        ("hold-started", {"cause": "degraded"}, Severity.CRITICAL),
        ("traffic-withdrawn", {"cause": "error rate"}, Severity.CRITICAL),
        ("traffic-withdrawn", {"cause": "error rate", "excuse": "warm-up"}, Severity.WARNING),
        ("paused", {"cause": "regression"}, Severity.CRITICAL),
        ("paused", {"cause": "insufficient-data"}, Severity.WARNING),
        ("verdict-changed", {"verdict": "fail"}, Severity.WARNING),
        ("verdict-changed", {"verdict": "pass"}, Severity.PROGRESS),
        ("something-new", {}, Severity.INFO),
    ],
)
def test_how_loud(type_: str, data: dict[str, Any], severity: Severity) -> None:
    assert message_of(SUBJECT, event(type_, **data)).severity is severity


def test_a_channel_hears_from_its_severity_on_and_always_the_end() -> None:
    step, start, end = (message_of(SUBJECT, event(t)) for t in ("step-started", "rollout-started", "completed"))
    assert [told(m, min_severity="warning") for m in (step, start, end)] == [False, False, True]
    assert [told(m, min_severity="critical") for m in (step, start, end)] == [False, False, False]
    assert [told(m, min_severity="progress") for m in (step, start, end)] == [True, True, True]
    assert not told(end, environments=["staging"])
    assert not told(end, audiences=["customers"])


def test_pagerduty_hears_of_incidents_alone() -> None:
    assert not told(message_of(SUBJECT, event("rollout-started")), kind="pagerduty")
    assert told(message_of(SUBJECT, event("rollback-started")), kind="pagerduty", min_severity="critical")


TYPES = st.sampled_from(
    [
        ("rollback-started", {}), ("rolled-back", {}), ("intervention-required", {"cause": "x"}), ("failed", {}),
        ("completed", {}), ("hold-started", {"cause": "degraded"}), ("hold-ended", {"cause": "degraded"}),
        ("hold-started", {"cause": "inconclusive"}), ("hold-ended", {"cause": "inconclusive"}), ("step-started", {}),
        ("resumed", {}), ("paused", {}), ("promoted", {}), ("traffic-withdrawn", {"cause": "error rate"}),
        ("traffic-withdrawn", {"retry_reason": "warm-up"}), ("retry-started", {}), ("paused", {"cause": "past"}),
        ("analysis-incomplete", {}), ("regression-accepted", {}),
    ]
)  # fmt: skip


@given(st.lists(TYPES, max_size=30))
def test_r21_an_incident_is_opened_and_resolved_in_turn_whatever_happens(
    story: list[tuple[str, dict[str, Any]]],
) -> None:
    open_ = False
    for type_, data in story:
        match incident_of(open_, parse(type_, data)):
            case Incident.TRIGGER:
                assert not open_
                open_ = True
            case Incident.RESOLVE:
                assert open_
                open_ = False
            case Incident.ACKNOWLEDGE:
                assert open_


def test_r12_a_hold_for_complaints_pages_and_its_end_resolves() -> None:
    assert incident_of(False, parse("hold-started", {"cause": "complaints"})) is Incident.TRIGGER
    assert incident_of(True, parse("hold-ended", {"cause": "complaints"})) is Incident.RESOLVE
    assert incident_of(True, parse("hold-ended", {"cause": "alert"})) is Incident.NONE


def test_c1_withdrawn_traffic_pages_and_bad_luck_with_a_second_try_does_not() -> None:
    assert incident_of(False, parse("traffic-withdrawn", {"cause": "error rate"})) is Incident.TRIGGER
    assert incident_of(False, parse("traffic-withdrawn", {"excuse": "instance"})) is Incident.NONE
    assert incident_of(False, parse("paused", {"cause": "past"})) is Incident.TRIGGER
    assert incident_of(True, parse("promoted", {})) is Incident.ACKNOWLEDGE


def test_buttons_are_offered_where_a_person_is_asked() -> None:
    assert message_of(SUBJECT, event("hold-started", cause="gate")).asks == ("approve", "reject")
    assert message_of(SUBJECT, event("hold-started", cause="degraded")).asks == ("abort",)
    assert message_of(SUBJECT, event("traffic-withdrawn")).asks == ("abort",)
    assert message_of(SUBJECT, event("step-started")).asks == ()


NIGHT = {"start": "22:00", "end": "07:00", "timezone": "Europe/Berlin", "min_severity": "critical"}
NOON = {"start": "12:00", "end": "13:00", "timezone": "Europe/Berlin", "min_severity": "warning"}


@pytest.mark.parametrize(
    ("quiet", "type_", "clock", "due"),
    [
        (NIGHT, "completed", "2027-01-10 23:00", "2027-01-11 07:00"),
        (NIGHT, "completed", "2027-01-10 03:00", "2027-01-10 07:00"),
        (NIGHT, "completed", "2027-01-10 07:00", "2027-01-10 07:00"),
        (NIGHT, "rollback-started", "2027-01-10 23:00", "2027-01-10 23:00"),
        (NIGHT, "completed", "2027-03-27 23:30", "2027-03-28 07:00"),
        (NOON, "completed", "2027-01-10 12:30", "2027-01-10 13:00"),
        (NOON, "hold-started", "2027-01-10 12:30", "2027-01-10 12:30"),
        (NOON, "completed", "2027-01-10 11:59", "2027-01-10 11:59"),
    ],
)
def test_quiet_hours_hold_back_what_can_wait(quiet: dict[str, str], type_: str, clock: str, due: str) -> None:
    def moment(text: str) -> float:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()

    message = message_of(SUBJECT, Happened(1, moment(clock), type_, "x", {}))
    assert due_at(message, read_as(QuietHours, quiet)) == moment(due)
