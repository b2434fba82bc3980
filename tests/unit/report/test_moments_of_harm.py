"""R21, R25: every report counts from the first harm that users met until they were well again."""

from __future__ import annotations

import pytest

from pilotage.model.events import (
    Completed,
    HoldEnded,
    HoldStarted,
    Occurrence,
    Promoted,
    RetryStarted,
    RollbackStarted,
    RolledBack,
    StepStarted,
    TrafficRestored,
    TrafficWithdrawn,
    VerdictChanged,
)
from pilotage.model.observation import VerdictKind
from pilotage.model.rollout import HoldCause
from pilotage.model.timestamp import timestamp
from pilotage.render.status import files_of
from pilotage.render.status_parts import headline
from pilotage.report.harm import exposure, harm_began, well_again
from pilotage.report.status import Condition, Happened, Rollout, Seen, Service, StatusPage, incident_of, status_of

EXPOSED = StepStarted(step="weight-25", finished_step="start", weight_percent=25, title="send 25%")
ABORT = RollbackStarted(cause="command", step="weight-25", reason="aborted by ada")
HARM = HoldStarted(
    cause=HoldCause.INCONCLUSIVE, weight_percent=25, reason="19 %", on_timeout="pause", harm_started_at=timestamp(12.0)
)
RESTORED = TrafficRestored(outcome="all on 1.0")


def withdrawn(since: float) -> TrafficWithdrawn:
    return TrafficWithdrawn(
        cause="error rate", step="s", version="2", reason="19 %", timeout_seconds=9, harm_started_at=timestamp(since)
    )


@pytest.mark.parametrize(
    ("events", "began", "well"),
    [
        ([(10, EXPOSED), (40, withdrawn(12.0)), (41, RESTORED)], 12.0, 41),
        ([(10, EXPOSED), (30, HARM), (40, ABORT), (41, RESTORED)], 12.0, 41),
        ([(10, EXPOSED), (40, ABORT), (41, RESTORED)], None, 41),
        ([(10, EXPOSED), (40, withdrawn(12.0)), (41, RESTORED), (50, Promoted(actor="ada", step="s"))], 12.0, None),
    ],
)
def test_harm_begins_with_the_first_that_users_met(
    events: list[tuple[float, Occurrence]], began: float | None, well: float | None
) -> None:
    assert (harm_began(events), well_again(events)) == (began, well)


def test_r25_users_are_not_exposed_while_their_traffic_is_withdrawn() -> None:
    """From 41 to 160 the retry waits, and after 200 the release waits for an operator: no user reaches it."""
    retry = RetryStarted(restarts=1, step="s", title="analyse", failed_metrics="error rate")
    waits = [(10.0, EXPOSED), (40.0, withdrawn(12.0)), (41.0, RESTORED), (160.0, retry)]
    ended = [*waits, (199.0, withdrawn(12.0)), (200.0, RESTORED), (500.0, ABORT), (501.0, RESTORED)]
    assert exposure(ended, 600.0) == 31 + 40
    assert exposure(ended, 600.0, since=12.0) == 29 + 40
    assert exposure(waits, 170.0) == 31 + 10, "it goes on"


def test_r21_an_incident_ends_when_users_are_well_not_when_an_operator_ends_the_rollout() -> None:
    events = ((10, EXPOSED), (40, withdrawn(12.0)), (41, RESTORED), (500, ABORT), (500, RESTORED))
    incident = public(*events, final=True).incidents[0]
    assert incident.ended == 41
    assert [update.at for update in incident.updates if update.state == "resolved"] == [41]
    promoted = (*events[:3], (100, Promoted(actor="ada", step="s")), *events[3:])
    assert public(*promoted, final=True).incidents[0].ended == 500, "users had it again"


def public(*events: tuple[float, Occurrence], final: bool = False) -> StatusPage:
    rollout = Rollout("r", "shop", "2", final, False, tuple(Happened(*event) for event in events))
    return status_of("Status", ["shop"], [rollout], [], 100.0)


def test_r21_a_hold_for_harm_is_degraded_in_public_and_no_more_once_it_ended() -> None:
    held = public((10, EXPOSED), (30, HARM))
    assert held.services == (Service("shop", Condition.DEGRADED),)
    assert held.incidents[0].began == 12.0
    recovered = public((10, EXPOSED), (30, HARM), (50, HoldEnded(cause=HoldCause.INCONCLUSIVE)))
    assert recovered.services == (Service("shop", Condition.RELEASING),)
    assert recovered.incidents[0].ended == 50


def test_r21_an_abort_of_a_release_that_harmed_nobody_is_no_incident() -> None:
    aborted = public((10, EXPOSED), (40, ABORT), (41, RESTORED), final=True)
    assert aborted.incidents == ()
    assert aborted.services == (Service("shop", Condition.OPERATIONAL),)


def test_r21_the_public_is_told_which_version_serves_in_the_end() -> None:
    back = RolledBack(version="2", outcome="1 serves", reason="19 %")
    undoing = (Happened(10, EXPOSED), Happened(40, withdrawn(12.0)), Happened(60, back))
    keeping = (Happened(10, EXPOSED), Happened(30, HARM), Happened(60, Completed(step="s", version="2")))
    undone, kept = (incident_of(Rollout("r", "shop", "2", True, False, events)) for events in (undoing, keeping))
    assert undone is not None
    assert kept is not None
    assert "shop works as before" in undone.updates[-1].text
    assert "new version of shop serves" in kept.updates[-1].text


def test_what_nobody_answers_is_down_whatever_was_recorded_and_what_nobody_sees_is_unknown() -> None:
    """The page speaks of what is so now: after `down`, or when everything died, the last rollout is history."""
    over = Rollout("r", "shop", "2", True, False, (), last=50.0)
    down = status_of("Status", ["shop"], [over], [], 100.0, {"shop": Seen(down=True, down_since=60.0)})
    unseen = status_of("Status", ["shop"], [over], [], 100.0, {"shop": Seen(unseen=True, unseen_since=60.0)})
    assert down.services == (Service("shop", Condition.DOWN, 60.0),)
    assert unseen.services == (Service("shop", Condition.UNKNOWN, 60.0),)
    assert " ".join(headline(down).sentences) == "shop is not available."
    assert "Not available since 1970-01-01 00:01 UTC" in files_of(down, "https://x")["index.html"]


def test_r21_a_rollback_of_what_nobody_reached_any_more_opens_no_incident_again() -> None:
    events: tuple[tuple[float, Occurrence], ...] = (
        (10, EXPOSED), (40, withdrawn(12.0)), (41, RESTORED), (90, ABORT), (91, RESTORED),
    )  # fmt: skip
    page = public(*events, final=True)
    assert page.incidents[0].ended == 41
    assert [update.state for update in page.incidents[0].updates] == ["identified", "resolved"]


@pytest.mark.parametrize("acted", [30.0, 31.0], ids=["in the look that found it", "in the next look"])
def test_r21_the_public_hears_that_the_change_is_undone_whether_one_look_or_two_found_and_undid_it(
    acted: float,
) -> None:
    """What is being undone has been identified; on a slow machine, two looks see what otherwise one sees."""
    found = VerdictChanged(metric="error rate", verdict=VerdictKind.FAIL, reason="19 %")
    undo = RollbackStarted(cause="error rate", step="weight-25", reason="19 %")
    page = public((10, EXPOSED), (30, found), (acted, undo), (acted + 1, RESTORED), final=True)
    (incident,) = page.incidents
    assert [update.state for update in incident.updates][-2:] == ["identified", "resolved"]
    assert [update.state for update in incident.updates][:-2] == ["investigating"] * (acted > 30)
    assert "undoing the change" in incident.updates[-2].text
    assert incident.ended == acted + 1


def test_r21_what_ends_in_the_look_that_found_it_is_resolved_and_stays_so() -> None:
    ended = HoldEnded(cause=HoldCause.INCONCLUSIVE)
    (incident,) = public((10, EXPOSED), (30, HARM), (30, ended)).incidents
    assert [update.state for update in incident.updates] == ["investigating", "resolved"]
    assert incident.ended == 30
