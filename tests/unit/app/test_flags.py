"""A release's flag outside its rollout (R16): one that users have begins no release, one that all have goes one day."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pilotage.adapters.fence import Fence
from pilotage.adapters.flags.flagd_file import FlagdFile
from pilotage.adapters.ports import AdapterError
from pilotage.app import flags
from pilotage.app.aftermath import follow
from pilotage.app.flag_duties import drill_flag
from pilotage.app.followups import actions_here
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.app.project import Project, Unclear
from pilotage.engine.execution.description import describe
from pilotage.engine.records import outbox
from pilotage.model.flag import OFF, Ramp
from pilotage.model.live import LiveView, SeenExperiment
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, Decision, Mode, Status
from pilotage.rollout.machine import begin
from tests.clock import FakeClock
from tests.unit.cli.test_planning_command import outcome, run
from tests.unit.config.test_config import CHANNEL, GOOD

TOGGLE = GOOD.replace("strategy: canary", "strategy: feature-toggle").replace("canary.phase", "feature_toggle.phase")
DAY = 86400


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pilotage.yaml").write_text(TOGGLE + "    flag: {file: flags.json, key: new-checkout}\n")
    return tmp_path


def test_r16_deploy_refuses_a_flag_that_users_have(place: Path) -> None:
    FlagdFile(place / "flags.json", "new-checkout", Fence(place / "fence", 0)).apply(Ramp((), 250))
    status, sentence = outcome(run("deploy", "2.4.0"))
    assert status == 3
    assert "pilotage.yaml:10: flag new-checkout is already on for 25 % of users" in sentence


@pytest.mark.parametrize(
    ("strategy", "days", "listed"), [("feature-toggle", 31, True), ("feature-toggle", 29, False), ("canary", 31, False)]
)
def test_r16_a_flag_is_stale_a_month_after_everyone_has_it(place: Path, strategy: str, days: int, listed: bool) -> None:
    if strategy == "canary":
        (place / "pilotage.yaml").write_text(GOOD)
    clock = FakeClock("2026-01-01T00:00:00+00:00")
    it = Project(place / "pilotage.yaml", clock=clock)
    made = plan_for(it.loaded, "production", PlanRequest("2.0"))
    snapshot = describe(it.loaded.configuration.environments["production"], place)
    rollout = it.store.create(made, begin(made, None, Mode.INITIAL), snapshot, "ada", clock.now())
    done = replace(rollout.state, status=Status.COMPLETED, at=clock.now())
    it.store.record(rollout, Decision(done, (), ()), None, LiveView())
    clock.pass_(days * DAY)
    assert [one.flag for one in flags.stale(it, None)] == (["new-checkout"] if listed else [])
    it.store.close()


WINNER = SeenExperiment(
    winner="on", on_requests=12000, off_requests=12100, difference=-0.8, interval=(-1.1, -0.5),
    sentence="on wins: error rate −0.8 percentage points (95 % interval −1.1 to −0.5)",
)  # fmt: skip


def completed(place: Path, flag: str, clock: FakeClock) -> tuple[Project, Rollout]:
    """A release whose flag everyone has, and all that follows its end."""
    stages = "      feature_toggle.stages: [50%, 100%]\n"
    section = f"    flag: {{file: flags.json, key: new-checkout, {flag}}}\n"
    (place / "pilotage.yaml").write_text(TOGGLE + stages + section + CHANNEL + "}\n")
    it = Project(place / "pilotage.yaml", clock=clock)
    made = plan_for(it.loaded, "production", PlanRequest("2.0"))
    snapshot = describe(it.loaded.configuration.environments["production"], place)
    rollout = it.store.create(made, begin(made, None, Mode.INITIAL), snapshot, "ada", clock.now())
    done = replace(rollout.state, status=Status.COMPLETED, at=clock.now())
    it.store.record(rollout, Decision(done, (), ()), None, LiveView(experiment=WINNER))
    rollout = it.store.get(rollout.id)
    follow(it, rollout)
    follow(it, rollout)
    return it, rollout


def due(it: Project) -> list[tuple[str, str, str]]:
    return [
        (one.description, one.owner, one.due)
        for one in actions_here(it, open_only=True)
        if "new-checkout" in one.description
    ]


@pytest.mark.parametrize("purpose", ["release", "experiment"])
def test_r16_the_flag_of_a_release_and_of_an_experiment_goes_with_an_owner_and_a_day(place: Path, purpose: str) -> None:
    clock = FakeClock("2026-01-01T00:00:00+00:00")
    it, _ = completed(place, f"purpose: {purpose}, owner: grace", clock)
    removal = "Remove the flag new-checkout, and the code for users without it"
    assert due(it) == [(removal, "grace", "2026-02-02")], "31 January is a Saturday"
    clock.pass_(31 * DAY)
    assert [one.sentence for one in flags.stale(it, None)] == [
        "new-checkout: on for everyone for 31 days, since 2.0"
    ]  # fmt: skip
    it.store.close()


def test_r16_a_flag_past_its_own_day_is_stale_before_any_release_and_ci_sees_it(place: Path) -> None:
    text = TOGGLE + "    flag: {file: flags.json, key: new-checkout, expires: 2026-03-01}\n"
    (place / "pilotage.yaml").write_text(text)
    it = Project(place / "pilotage.yaml", clock=FakeClock("2026-03-05T12:00:00+00:00"))
    assert [one.sentence for one in flags.stale(it, None)] == ["new-checkout: expired on 2026-03-01, 4 days ago"]
    it.store.close()
    result = run("flag", "stale", "--fail-on-expired")
    assert (result.exit_code, "expired on 2026-03-01" in result.output) == (3, True)


def test_r16_a_kill_switch_never_expires_and_is_drilled_again_and_again(place: Path) -> None:
    clock = FakeClock("2026-01-01T00:00:00+00:00")
    it, _ = completed(place, "purpose: kill-switch, owner: grace", clock)
    words = "Test the kill switch new-checkout: `pilotage flag drill new-checkout -e production`"
    assert due(it) == [(words, "grace", "2026-02-02")]
    clock.pass_(40 * DAY)
    assert flags.stale(it, None) == ()
    done = drill_flag(it, "ada", "new-checkout", None)
    assert (done.flag, done.environment, done.next) == ("new-checkout", "production", "2026-03-12")
    assert due(it) == [(words, "grace", "2026-03-12")]
    (old,) = [one for one in actions_here(it, open_only=False) if one.done]
    assert "it worked within" in old.outcome
    with pytest.raises(Unclear, match="the flag of production is new-checkout, not another"):
        drill_flag(it, "ada", "another", None)
    it.store.close()


def test_r16_an_experiment_ends_with_its_result_for_everyone_who_follows_the_release(place: Path) -> None:
    it, rollout = completed(place, "purpose: experiment", FakeClock("2026-01-01T00:00:00+00:00"))
    (told,) = [one for one in outbox.letters(it.store.engine, thread=rollout.id) if "experiment" in one.title]
    assert told.message["text"] == WINNER.sentence
    assert flags.experiment(it, None) == (rollout.id, "2.0", WINNER)
    it.store.close()
    result = run("flag", "experiment")
    assert (result.exit_code, result.output.strip()) == (0, WINNER.sentence)
    found = json.loads(run("flag", "experiment", "--json").output)
    assert (found["winner"], found["difference_points"], found["interval_points"]) == ("on", -0.8, [-1.1, -0.5])


def test_r16_an_experiment_has_no_segments_because_it_compares_by_chance(place: Path) -> None:
    flag = "    flag: {file: flags.json, key: new-checkout, purpose: experiment}\n"
    (place / "pilotage.yaml").write_text(TOGGLE + flag)
    status, sentence = outcome(run("plan", "2.4.0"))
    assert status == 2
    assert "users of internal and beta are not chosen by chance: use feature_toggle.stages: [50%, 100%]" in sentence


def test_r16_a_permission_is_no_releases_flag_and_what_stays_has_no_day(place: Path) -> None:
    flag = "    flag: {file: flags.json, key: new-checkout, purpose: %s}\n"
    (place / "pilotage.yaml").write_text(TOGGLE + flag % "permission")
    status, sentence = outcome(run("plan", "2.4.0"))
    assert status == 2
    assert (
        "the flag of production has purpose: permission, and a release ends with everyone having its flag" in sentence
    )
    (place / "pilotage.yaml").write_text(TOGGLE + flag % "kill-switch, expires: 2026-03-01")
    status, sentence = outcome(run("plan", "2.4.0"))
    assert status == 2
    assert "expires: a flag with purpose: kill-switch never expires: remove it" in sentence


@pytest.mark.parametrize("fails", ["apply", "read"])
def test_r16_killing_a_flag_undoes_the_rollout_also_where_its_provider_fails(
    place: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """It limits requests, or wants an approval: the rollout must not go on meanwhile."""
    it = Project(place / "pilotage.yaml", clock=FakeClock("2026-01-01T00:00:00+00:00"))
    made = plan_for(it.loaded, "production", PlanRequest("2.0"))
    snapshot = describe(it.loaded.configuration.environments["production"], place)
    rollout = it.store.create(made, begin(made, "1.0", Mode.FULL), snapshot, "ada", it.clock.now())

    def refuse(*_: object) -> None:
        raise AdapterError("the provider limits requests")

    monkeypatch.setattr(FlagdFile, fails, refuse)
    with pytest.raises(AdapterError, match="limits requests"):
        flags.kill(it, "ada", None, "")
    assert [one.kind for one in it.store.pending(rollout.id)] == [CommandKind.ABORT]
    it.store.close()


def test_r16_a_step_that_the_worker_wrote_meanwhile_is_turned_off_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = Project(place / "pilotage.yaml")
    flag = FlagdFile(place / "flags.json", "new-checkout", Fence(place / "fence", 0))
    flag.apply(Ramp((), 250))
    apply = FlagdFile.apply

    def overtaken(self: FlagdFile, ramp: Ramp) -> None:
        apply(self, ramp)
        monkeypatch.setattr(FlagdFile, "apply", apply)
        flag.apply(Ramp((), 500))

    monkeypatch.setattr(FlagdFile, "apply", overtaken)
    assert flags.kill(it, "ada", None, "")[0] == "new-checkout"
    assert flag.read() == OFF
    it.store.close()
