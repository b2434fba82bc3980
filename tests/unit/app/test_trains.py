"""The release train of a project (R9, C13): what is on board, who boards late, and what goes outside it."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from icalendar import Calendar as Ics

from pilotage.app.activities import track
from pilotage.app.freezes import declare
from pilotage.app.plan import PlanRequest, format_context, plan_for
from pilotage.app.project import Project
from pilotage.app.requests import FreezeRequest
from pilotage.app.trains import NoTrain, NoTrains, station
from pilotage.cli.train import train
from pilotage.model.errors import PilotageError
from tests.clock import FakeClock
from tests.unit.app.test_hotfix import CONFIGURATION
from tests.unit.app.test_monorepo import Monorepo

BERLIN = ZoneInfo("Europe/Berlin")
THURSDAY = datetime(2026, 12, 10, 10, tzinfo=BERLIN)
CALENDAR = {
    "timezone": "Europe/Berlin",
    "windows": [{"days": ["tue", "thu"], "start": "10:00", "end": "15:00"}],
    "freezes": [{"name": "year end", "first_day": "2026-12-21", "last_day": "2027-01-03"}],
}
PEOPLE = {"ada": {"roles": ["release manager"]}, "bob": {"roles": ["engineering lead"]}, "eve": {"roles": ["QA lead"]}}
TRAIN = {"name": "Thursday train", "weekday": "thu"}


def project(folder: Path, now: datetime = THURSDAY - timedelta(days=2), **given: Any) -> Project:
    whole = CONFIGURATION | {"calendar": CALENDAR, "people": PEOPLE, "train": TRAIN} | given
    (folder / "pilotage.yaml").write_text(json.dumps(whole))
    return Project(folder / "pilotage.yaml", clock=FakeClock(now.timestamp()))


def typed(here: Project, *arguments: str, actor: str = "ada") -> Result:
    return CliRunner(env={"PILOTAGE_ACTOR": actor}).invoke(train, arguments, obj=here)


@pytest.fixture
def history(tmp_path: Path) -> Monorepo:
    """A version, a change of Tuesday, and one that came on Wednesday at noon, two hours after the cut-off."""
    it = Monorepo(tmp_path)
    it.at = THURSDAY - timedelta(days=9)
    it.commit("feat: first")
    it.git("tag", "v1.0.0")
    it.at = THURSDAY - timedelta(days=2)
    it.commit("feat: coupons (#12)\n\nRefs SHOP-7")
    it.at = THURSDAY - timedelta(hours=22)
    it.commit("fix: rounding (#13)")
    return it


def test_r9_the_page_of_a_train_shows_its_cut_off_and_what_is_on_board(history: Monorepo) -> None:
    said = typed(project(history.folder)).output
    assert said.splitlines()[:9] == [
        "Thursday train, every Thursday at 10:00 (pilotage.yaml:1)",
        "departs    Thu 2026-12-10 10:00 CET",
        "boarding   until Wed 2026-12-09 10:00 CET, 1 working day of working time left; late until Wed 2026-12-09 16:00"
        " CET, by a release manager or engineering lead",
        "on board   2 changes since v1.0.0",
        "change  kind     tickets  by   what",
        "#13     fix               Ada  Rounding",
        "#12     feature  SHOP-7   Ada  Coupons",
        "",
        said.splitlines()[8],
    ]
    assert "in the freeze (year end), and no day since 2026-12-17 is open: this train does not run" in said
    assert "trains are in flight: their phases overlap." in said
    assert "A hotfix waits for no train" in said


def test_r9_what_comes_after_the_cut_off_waits_unless_someone_boards_it_late(history: Monorepo) -> None:
    here = project(history.folder, THURSDAY - timedelta(hours=20))  # Wednesday 14:00
    said = typed(here).output
    assert "on board   1 change since v1.0.0" in said
    assert "too late   1 change, for a later train" in said
    assert "may board a change until Wed 2026-12-09 16:00 CET, 2h left" in said

    refused = typed(here, "board", "--late", "#13", "--reason", "wrong prices", actor="eve")
    assert str(refused.exception) == ("eve does not have the role release manager or engineering lead; ada, bob may")
    boarded = typed(here, "board", "--late", "#13", "--reason", "wrong prices", actor="bob")
    assert boarded.output == "on board of the train of 2026-12-10: #13 Rounding\n"
    data = json.loads(typed(here, "--json").output)
    assert [(one["request"], one["late_by"], one["late_reason"]) for one in data["aboard"]] == [
        ("#13", "bob", "wrong prices"), ("#12", None, None),
    ]  # fmt: skip
    assert (data["missed"], data["boarding"], data["left_seconds"]) == ([], "late", 7200.0)
    assert "Rounding (late, by bob: wrong prices)" in typed(here).output


@pytest.mark.parametrize(
    ("hours", "change", "words"),
    [
        (20, "#12", "#12 is on board of the train of 2026-12-10 already: it came before the cut-off"),
        (48, "#13", "#13 is on board of the train of 2026-12-10 already: boarding is open until the cut-off"),
        (20, "#99", "no change since v1.0.0 is '#99': name its pull request, such as #12, or its commit"),
        (20, "abc", "no change since v1.0.0 is 'abc'"),
        (17, "#13", "late boarding of the train of 2026-12-10 ended at 2026-12-09 16:00 CET: the change goes with the "
         "next train, or as a hotfix"),
    ],
)  # fmt: skip
def test_a_change_that_cannot_board_is_refused_with_the_reason(
    history: Monorepo, hours: int, change: str, words: str
) -> None:
    here = project(history.folder, THURSDAY - timedelta(hours=hours))
    refused = typed(here, "board", "--late", change, "--reason", "x").exception
    assert isinstance(refused, PilotageError)
    assert words in str(refused)


def test_once_head_is_a_version_nothing_waits(history: Monorepo) -> None:
    history.git("tag", "v1.1.0")
    assert "on board   nothing since v1.1.0" in typed(project(history.folder)).output


def test_without_a_repository_the_schedule_is_known_all_the_same(tmp_path: Path) -> None:
    here = project(tmp_path, train=None)
    said = typed(here).output
    assert said.splitlines()[0] == (
        "release train, every Tuesday at 10:00 (by release_frequency: weekly and the preferred windows)"
    )
    assert f"on board   unknown: {tmp_path.name} is not in a git repository" in said


def test_continuous_releases_have_no_train(tmp_path: Path) -> None:
    answers = CONFIGURATION["answers"] | {"release_frequency": "continuous"}
    with pytest.raises(NoTrains, match="continuous releases wait for no train"):
        station(project(tmp_path, answers=answers, train=None))


def test_c14_a_freeze_that_people_declare_moves_the_next_train(tmp_path: Path) -> None:
    here = project(tmp_path)
    declare(here, "ada", FreezeRequest(environment=None, name="incident", seconds=3 * 86_400, reason="outage"))
    found = station(here).next_trains(1)
    assert isinstance(found[0], NoTrain), "frozen from Tuesday to Friday: no earlier day is open"
    assert found[-1] == station(here).next
    assert station(here).next.day.isoformat() == "2026-12-17"  # type: ignore[union-attr]


def test_every_second_week_counts_from_its_start(tmp_path: Path) -> None:
    rule = {"rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "start": "2026-12-01", "time": "11:30"}
    data = json.loads(typed(project(tmp_path, train=rule), "departures", "--format", "json", "-n", "3").output)
    assert [(one["train"], one["departs_at"][:16]) for one in data["departures"]] == [
        ("2026-12-15", "2026-12-15T10:30"), ("2026-12-29", "2026-12-17T10:30"), ("2027-01-12", "2027-01-12T10:30"),
    ]  # fmt: skip
    assert (data["none"], data["time"], data["zone"]) == ([], "11:30", "Europe/Berlin")


def test_r11_calendar_entries_keep_their_uid_when_a_train_moves(tmp_path: Path) -> None:
    def entries(here: Project) -> dict[str, Any]:
        calendar: Any = Ics.from_ical(typed(here, "departures", "--format", "ics", "-n", "2").output)
        return {str(event["uid"]): event for event in calendar.walk("VEVENT")}

    before = entries(project(tmp_path))
    assert list(before) == [
        f"train-{kind}-{day}.shop@pilotage" for day in ("2026-12-10", "2026-12-17") for kind in ("cutoff", "departure")
    ]
    frozen = [{"name": "sale", "first_day": "2026-12-17", "last_day": "2026-12-17"}]
    moved = entries(project(tmp_path, calendar=CALENDAR | {"freezes": frozen}))
    assert list(moved) == list(before)
    departure = moved["train-departure-2026-12-17.shop@pilotage"]
    assert departure.decoded("dtstart") == datetime(2026, 12, 15, 10, tzinfo=BERLIN)
    assert "is in the freeze (sale): the train departs earlier" in departure["description"]
    gone = [{"name": "sale", "first_day": "2026-12-11", "last_day": "2026-12-17"}]
    cancelled = entries(project(tmp_path, calendar=CALENDAR | {"freezes": gone}))
    assert cancelled["train-departure-2026-12-17.shop@pilotage"]["status"] == "CANCELLED"


def test_c13_a_tracked_release_stands_with_its_train(tmp_path: Path) -> None:
    here = project(tmp_path)
    plan = plan_for(here.loaded, "production", PlanRequest("2.0.0", date(2027, 3, 11)))
    track(here, "ada", plan)
    found = station(here)
    assert {one.day.isoformat(): found.versions_on(one) for one in found.upcoming if found.versions_on(one)} == {
        "2027-03-11": ("2.0.0",)
    }
    assert "2.0.0" in typed(here, "departures", "-n", "20").output


def test_r9_a_plan_off_the_train_has_a_note_and_one_on_it_has_the_train_in_its_calendar(tmp_path: Path) -> None:
    here = project(tmp_path)

    def plan(day: str, **changes: str) -> Any:
        wish = PlanRequest("2.0.0", release_date=datetime.fromisoformat(day).date(), changes=changes)
        return plan_for(here.loaded, "production", wish)

    def notes(day: str, **changes: str) -> list[str]:
        return [note for note in plan(day, **changes).notes if note.startswith("not-on-a-train: ")]

    assert notes("2027-03-09") == [
        "not-on-a-train: the rollout starts on 2027-03-09, when no Thursday train departs. To go with one: "
        "--date 2027-03-04 (departs 2027-03-04) or --date 2027-03-11 (departs 2027-03-11)"
    ]
    assert not plan("2027-03-09").stopped_by, "a note stops nothing"
    assert notes("2027-03-11") == []
    assert notes("2027-03-09", release_type="hotfix") == [], "a hotfix goes outside the train"
    boards = format_context(here, "production").train
    found = boards(plan("2027-03-11"))
    assert found is not None
    assert found[1].day.isoformat() == "2027-03-11"
    assert boards(plan("2027-03-09")) is None
    unbound = plan_for(project(tmp_path, train=None).loaded, "production", PlanRequest("2.0.0", date(2027, 3, 9)))
    assert [note for note in unbound.notes if note.startswith("not-on-a-train")] == [], "nobody configured one"
