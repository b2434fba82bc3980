"""R21, R22, C19: announcements follow their release. Success is told once it is there."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pilotage import Service
from pilotage.app.announcement_tracking import track_deployed
from pilotage.app.announcing import proceed
from pilotage.app.project import Project
from pilotage.config.loading import load
from pilotage.engine.records import announcements, outbox
from pilotage.engine.records.moments import moment_of
from pilotage.engine.records.store import Store
from pilotage.model.announcement import Place
from pilotage.model.json import JsonObject, text_at
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.plan import Plan
from pilotage.model.record import Rollout
from pilotage.model.rollout import Decision, Event, Mode, Status
from pilotage.model.schedule import After
from pilotage.model.snapshot import KnownCalendar, Snapshot
from pilotage.rollout.machine import begin
from tests import plans
from tests.clock import FakeClock
from tests.unit.app.test_announcing import CONFIGURATION, folder, run, state_of

__all__ = ["folder"]

SUCCESS = ("status_page_done", "social_media", "release_notes_publication", "success_metrics")
NOON = "2027-06-17T12:00:00+00:00"
"""A Thursday."""


class World:
    """A service whose rollouts end as a test says, by a clock that it moves."""

    def __init__(self, place: Path, notify: Sequence[Mapping[str, Any]] = (), at: float | str = NOON) -> None:
        kinds = ["e-mail", "status page", "documentation", "survey"]
        whole: dict[str, Any] = {**copy.deepcopy(CONFIGURATION), "people": {}}
        whole["notify"][0]["messages"] = kinds
        whole["notify"] = list(notify) or whole["notify"]
        (place / "pilotage.yaml").write_text(json.dumps(whole))
        self.clock = FakeClock(at)
        self.store = Store(place / ".pilotage", clock=self.clock)
        self.project = Project.of(load(place / "pilotage.yaml"), self.store)
        self.project.publish_settings()
        self.directory = place / ".pilotage"

    def plan(self, version: str, strategy: str = "canary") -> Plan:
        given: dict[str, Any] = {"deployment_strategy": strategy, "stakeholder_complexity": "customer-facing"}
        return plans.planned(Service("shop"), version=version, **given)

    def deploys(self, version: str, old: str | None = "1.0.0", strategy: str = "canary") -> Rollout:
        plan = self.plan(version, strategy)
        track_deployed(self.project, "eve", plan)
        calendar = KnownCalendar(zone="Europe/Berlin", holidays=("2027-06-18",))
        snapshot = Snapshot(cwd=str(self.directory.parent), notify=(), calendar=calendar)
        return self.store.create(plan, begin(plan, old, Mode.FULL), snapshot, "eve", self.clock.now())

    def ends(self, rollout: Rollout, status: Status) -> Rollout:
        self.clock.pass_(60)
        state = replace(rollout.state, status=status, at=self.clock.now(), reason="error rate 9 %")
        return self.store.record(rollout, Decision(state, (), (Event(status.value, "it ended"),)), None, NOTHING_SEEN)

    def keeps(self, rollout: Rollout) -> Rollout:
        """Blue-green: the last watch is over, and the old environment stays ready for days."""
        self.clock.pass_(60)
        data: JsonObject = {
            "step": "keep",
            "finished_step": "watch",
            "weight_percent": 100.0,
            "title": "keep",
            "kind": "keep",
        }
        state = replace(rollout.state, at=self.clock.now())
        event = Event("step-started", "begins: keep", data)
        return self.store.record(rollout, Decision(state, (), (event,)), None, NOTHING_SEEN)

    def works(self) -> None:
        proceed(self.store, self.directory)

    def sends(self, *but: str) -> None:
        """Every channel delivers what it has."""
        for channel in outbox.due(self.store.engine, self.clock.now()):
            while channel not in but and (one := outbox.claim(self.store.engine, channel, "me", self.clock.now())):
                outbox.delivered(self.store.engine, one, {}, self.clock.now())

    def told(self) -> dict[str, str]:
        """Text of each announcement that is out or on its way, by the end of its key and its channel."""
        kept = [one for one in outbox.letters(self.store.engine, limit=500) if one.key.startswith("announcement/")]
        return {
            f"{one.key.partition('.0.0/')[2]} → {one.channel}": text_at(one.message, "text")
            for one in kept
            if one.state != outbox.WITHDRAWN
        }


@pytest.fixture
def world(folder: Path) -> Iterator[World]:
    made = World(folder)
    yield made
    made.store.close()


def asked(item: str, *options: str, version: str = "2.0.0") -> None:
    run("approve", item, version)
    run("send", item, version, *options)


def test_what_speaks_of_success_is_never_sent_of_a_release_that_is_undone(world: World) -> None:
    """R21: today's fault. All three were received after `rolled-back`, because their time had come."""
    rollout = world.deploys("2.0.0")
    asked("social_media", "--at", "2027-06-17T12:00")
    asked("status_page_done", "--on", "completed")
    world.works()
    assert world.told() == {}
    assert state_of("social_media") == "waiting"
    world.ends(rollout, Status.ROLLED_BACK)
    world.clock.pass_(7 * 86400)
    world.works()
    assert world.told() == {}, "nor a notice: nobody was told anything"
    assert state_of("social_media") == state_of("status_page_done") == "withdrawn"
    assert "is withdrawn" in run("send", "social_media", "2.0.0", expect=1).stderr


def test_success_goes_out_when_it_is_there_with_the_facts_known_then(world: World) -> None:
    """C19: due when all users have the release; days after it are counted from then (working days, R22)."""
    rollout = world.deploys("2.0.0")
    asked("status_page_done", "--on", "completed")
    asked("success_metrics", "--on", "completed")
    world.ends(rollout, Status.COMPLETED)
    world.works()
    assert list(world.told()) == ["status_page_done → customers"]
    world.clock.pass_(3 * 86400)  # Friday is a holiday, then comes the weekend
    world.works()
    assert "success_metrics → customers" not in world.told()
    world.clock.pass_(86400)
    world.works()
    assert "success_metrics → customers" in world.told()
    world.works()
    assert len(world.told()) == 2


def test_the_start_is_told_when_it_starts_and_not_at_its_time(world: World) -> None:
    asked("status_page_start", "--at", "2027-06-17T10:00")
    world.works()
    assert world.told() == {}
    world.deploys("2.0.0")
    world.works()
    assert "We are releasing shop 2.0.0." in world.told()["status_page_start → customers"]


def test_whoever_was_told_gets_the_notice_and_nobody_else(world: World) -> None:
    """R21: "every channel used before". The social channel was not used, so it says nothing."""
    asked("status_page_start", "--on", "start")
    rollout = world.deploys("2.0.0")
    asked("social_media", "--on", "completed")
    world.works()
    world.sends()
    world.ends(rollout, Status.ROLLED_BACK)
    world.works()
    told = world.told()
    assert set(told) == {"status_page_start → customers", "rollback_notice → customers"}
    assert "2.0.0 was rolled back. " in told["rollback_notice → customers"]
    assert "1.0.0 serves all users again" in told["rollback_notice → customers"]
    world.works()
    assert len(world.told()) == 2, "once"


def test_what_is_tried_again_when_the_release_is_undone_is_tried_no_more(world: World) -> None:
    """It may have arrived, so its channel gets the notice."""
    rollout = world.keeps(world.deploys("2.0.0", strategy="blue-green"))
    asked("status_page_done", "--on", "completed")
    world.works()
    letter = outbox.claim(world.store.engine, "customers", "me", world.clock.now())
    assert letter
    world.ends(rollout, Status.ROLLED_BACK)
    outbox.failed(world.store.engine, letter, "no route", world.clock.now(), permanent=False, retry_after=None)
    world.works()
    assert list(world.told()) == ["rollback_notice → customers"]


def test_blue_green_tells_when_its_last_watch_has_ended_and_the_notice_when_it_is_undone_after_that(
    world: World,
) -> None:
    """The old environment is kept for days; announcements do not wait for them."""
    rollout = world.deploys("2.0.0", strategy="blue-green")
    asked("status_page_done", "--on", "completed")
    asked("success_metrics", "--on", "completed")
    rollout = world.keeps(rollout)
    world.works()
    assert "is available to all users" in world.told()["status_page_done → customers"]
    world.sends()
    world.ends(rollout, Status.ROLLED_BACK)
    world.works()
    assert set(world.told()) == {"status_page_done → customers", "rollback_notice → customers"}
    assert state_of("success_metrics") == "withdrawn", "it would have gone out a day later"


def test_a_version_that_is_gone_back_from_after_its_end_is_told_the_same_way(world: World) -> None:
    """`pilotage rollback` after completion is a rollout of the earlier version."""
    world.ends(world.deploys("1.0.0", old=None), Status.COMPLETED)
    world.ends(world.deploys("1.5.0"), Status.COMPLETED)
    rollout = world.deploys("2.0.0", old="1.5.0")
    asked("status_page_done", "--on", "completed")
    world.ends(rollout, Status.COMPLETED)
    world.works()
    world.sends()
    back = world.plan("1.0.0")
    state = begin(back, "2.0.0", Mode.FAST_RETURN)
    returning = world.store.create(back, state, Snapshot(), "eve", world.clock.now())
    world.ends(returning, Status.COMPLETED)
    world.works()
    said = world.told()["rollback_notice → customers"]
    assert said == "shop 2.0.0 was rolled back. 1.0.0 serves all users again.", "not 1.5.0, which served before it"
    assert "1.0.0/" not in str(world.told())


def test_a_second_attempt_is_announced_anew(world: World) -> None:
    asked("status_page_start", "--on", "start")
    first = world.deploys("2.0.0")
    world.works()
    world.sends()
    world.ends(first, Status.ROLLED_BACK)
    world.works()
    world.sends()
    second = world.deploys("2.0.0")
    assert state_of("status_page_start") == "draft"
    asked("status_page_start", "--on", "start")
    world.works()
    world.sends()
    world.ends(second, Status.ROLLED_BACK)
    world.works()
    assert set(world.told()) == {
        f"{key} → customers"
        for key in ("status_page_start", "rollback_notice", "status_page_start/2", "rollback_notice/2")
    }


def test_a_release_that_has_started_is_not_announced_as_coming(world: World) -> None:
    item, when = "release_announcement", ("--date", "2027-06-18", "--as-of", "2026-11-24")
    run("approve", item, "2.0.0", *when)
    run("send", item, "2.0.0", *when, "--at", "2027-06-17T12:01")
    world.ends(world.deploys("1.5.0"), Status.COMPLETED)
    world.store.create(world.plan("2.0.0"), begin(world.plan("2.0.0"), "1.5.0", Mode.FULL), Snapshot(), "eve", 1.0)
    world.clock.pass_(600)
    world.works()
    assert world.told() == {}
    assert state_of(item) == "withdrawn"


def test_a_template_that_cannot_be_used_is_withheld_and_operators_hear_of_it(world: World, folder: Path) -> None:
    whole = json.loads((folder / "pilotage.yaml").read_text()) | {"templates": "words"}
    (folder / "pilotage.yaml").write_text(json.dumps(whole))
    (folder / "words").mkdir()
    rollout = world.deploys("2.0.0")
    asked("status_page_done", "--on", "completed")
    (folder / "words" / "status_page_done.j2").write_text("{{ nothing_of_that_name }}")
    world.ends(rollout, Status.COMPLETED)
    world.works()
    world.works()
    assert world.told() == {}
    (said,) = [one for one in outbox.letters(world.store.engine) if one.key.startswith("withheld/")]
    assert said.channel == "ops"
    assert "status_page_done was not sent to customers" in text_at(said.message, "text")


def test_the_notice_goes_out_whatever_is_broken(world: World, folder: Path) -> None:
    """R21: neither a team's bad template nor a configuration that nobody can read keeps it from whoever was told."""
    asked("status_page_start", "--on", "start")
    for attempt, broken in enumerate(("template", "configuration"), 1):
        rollout = world.deploys("2.0.0")
        if attempt > 1:
            asked("status_page_start", "--on", "start")
        world.works()
        world.sends()
        whole = json.loads((folder / "pilotage.yaml").read_text()) | {"templates": "words"}
        (folder / "pilotage.yaml").write_text(json.dumps(whole))
        (folder / "words").mkdir(exist_ok=True)
        (folder / "words" / "rollback_notice.j2").write_text("{{ nothing_of_that_name }}")
        world.project = Project.of(load(folder / "pilotage.yaml"), world.store)
        world.project.publish_settings()
        if broken == "configuration":
            (world.directory / "standing.json").write_text("{")
        world.ends(rollout, Status.ROLLED_BACK)
        world.works()
        key = "rollback_notice" + ("/2" if attempt > 1 else "")
        text = world.told()[f"{key} → customers"]
        assert text == "shop 2.0.0 was rolled back. 1.0.0 serves all users again."
        world.sends()


def test_nothing_is_overdue_before_its_moment_and_days_count_from_it(world: World) -> None:
    """An undated plan gets its due times when its rollout starts, and exact ones when the moment has come."""

    def due() -> dict[str, str]:
        listed = json.loads(run("list", "2.0.0", "--json").stdout)["announcements"]
        return {one["item"]: one["due_at"] for one in listed}

    assert due()["status_page_done"] is None
    rollout = world.deploys("2.0.0")
    assert due()["status_page_start"].startswith("2027-06-17T12:00")
    assert "2027-06-17T12:00" < due()["status_page_done"] < "2027-06-19"
    assert announcements.remind(world.store.engine, world.clock.now()) == 0
    world.clock.pass_(86400)
    assert announcements.remind(world.store.engine, world.clock.now()) == 1, "the start, which nobody told"
    world.clock.pass_(4 * 86400)
    assert announcements.remind(world.store.engine, world.clock.now()) == 0, "nobody planned it: it is named once"
    world.ends(rollout, Status.COMPLETED)
    assert due()["status_page_done"].startswith("2027-06-22T12:01")
    assert due()["success_metrics"].startswith("2027-06-23T07:00"), "in the morning of the next working day, in Berlin"


def test_deploy_tracks_what_a_channel_reaches(world: World) -> None:
    world.deploys("2.0.0")
    tracked = announcements.known(world.store.engine, Place(service="shop", environment="production", version="2.0.0"))
    assert "status_page_done" in tracked
    assert "in_app_notification" not in tracked, "no channel publishes in the product"


def test_whoever_was_told_the_old_date_is_told_the_new_one(world: World, folder: Path) -> None:
    """R3: a plan at another date tells again whoever knows the old one, and leaves a person's words to that person."""
    items = ("release_announcement", "webinar_scheduling", "documentation_updates")
    old, new = ("--date", "2027-09-17", "--as-of", "2027-06-17"), ("--date", "2027-10-15", "--as-of", "2027-06-17")
    (folder / "text.md").write_text("See you on 17 September.")
    run("edit", "documentation_updates", "2.0.0", "text.md", *old)
    for item in ("release_announcement", "documentation_updates"):
        run("approve", item, "2.0.0", *old)
        run("send", item, "2.0.0", *old)
    world.sends()
    said = run("track", "2.0.0", *new).stdout
    assert "told again, with the new date: release_announcement" in said
    assert "documentation_updates told the old date in your words" in said
    text = world.told()["release_announcement/2 → customers"]
    assert "The date has changed. It was Friday, 17 September 2027." in text
    assert "coming on Friday, 15 October 2027" in text
    assert [state_of(item) for item in items] == ["sent", "draft", "draft"]
    assert "told again" not in run("track", "2.0.0", *new).stdout


def test_a_release_is_complete_only_as_long_as_nobody_undoes_it(world: World) -> None:
    def since(moment: After) -> float | None:
        with world.store.engine.connect() as connection:
            return moment_of(connection, rollout.plan, moment)

    rollout = world.deploys("2.0.0", strategy="blue-green")
    assert (since(After.START), since(After.COMPLETED)) == (world.clock.now(), None)
    rollout = world.keeps(rollout)
    kept = world.clock.now()
    assert since(After.COMPLETED) == kept
    world.ends(rollout, Status.ROLLED_BACK)
    assert (since(After.START), since(After.COMPLETED)) == (None, None)
    assert since(After.ROLLED_BACK) == world.clock.now()
