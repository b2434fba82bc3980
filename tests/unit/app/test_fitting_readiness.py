"""Readiness fitted to a team: items that are not for it, first releases, limits on waivers, and next steps that work
(R5–R7)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pilotage.app.plan import PlanRequest, plan_for
from pilotage.app.project import Project
from pilotage.cli.main import cli
from pilotage.engine.execution.description import describe
from pilotage.model.live import LiveView
from pilotage.model.rollout import Decision, Mode, Status
from pilotage.rollout.machine import begin
from tests.unit.cli.test_planning_command import outcome, run
from tests.unit.config.test_config import GOOD

READY = "readiness:\n  staging: staging\n"
PEOPLE = "people:\n  ada: {roles: [release manager, engineering lead]}\n  bob: {roles: [release manager, QA lead]}\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configured(place: Path, readiness: str, people: str = PEOPLE) -> None:
    staging = GOOD[GOOD.index("  production:") :].replace("production:", "staging:")
    (place / "pilotage.yaml").write_text(GOOD + staging + readiness + people)


def gates(version: str = "2.4.0", environment: str = "production") -> Mapping[str, Any]:
    told = json.loads(run("ready", version, "-e", environment, "--json").stdout)
    return {gate["item"]: gate for gate in told["gates"]}


def deployed(place: Path, version: str, environment: str) -> None:
    """As if a worker had done it."""
    it = Project(place / "pilotage.yaml")
    plan = plan_for(it.loaded, environment, PlanRequest(version))
    before = next(iter(it.store.serving(plan.service, environment)), None)
    snapshot = describe(it.loaded.configuration.environments[environment], place)
    rollout = it.store.create(plan, begin(plan, before, Mode.INITIAL), snapshot, "ada", it.clock.now())
    done = replace(rollout.state, status=Status.COMPLETED, at=it.clock.now())
    it.store.record(rollout, Decision(done, (), ()), None, LiveView())
    it.store.close()


def as_somebody(actor: str, *command: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, command, env={"PILOTAGE_ACTOR": actor})
    return done.exit_code, done.stdout + done.stderr.removeprefix("pilotage: ").removesuffix("\n")


def test_ready_says_where_deploy_enforces_nothing(place: Path) -> None:
    """ "not ready", and then a deployment that starts all the same, would leave people in doubt of one of them."""
    (place / "pilotage.yaml").write_text(GOOD)
    unguarded = "`deploy` does not enforce this for production: pilotage.yaml has no `readiness` section"
    assert unguarded in " ".join(run("ready", "2.4.0", "-e", "production").stdout.split())
    configured(place, READY)
    assert "does not enforce" not in run("ready", "2.4.0", "-e", "production").stdout
    staging = " ".join(run("ready", "2.4.0", "-e", "staging").stdout.split())
    assert "`deploy` does not enforce this for staging: `readiness` guards other environments" in staging


# ── items that are not for us ──────────────────────────────────────────────────────────────────────────────

EXEMPT = READY + "  not_for_us: {support_team_training: we have no support team}\n"


def test_what_is_not_for_us_blocks_nothing_and_is_seen_in_plan_and_ready(place: Path) -> None:
    configured(place, EXEMPT)
    found = gates()["support_team_training"]
    assert (found["status"], found["reason"]) == ("not-required", "not for us: we have no support team")
    plan = run("plan", "2.4.0", "-e", "production").stdout.split()
    assert "readiness does not require support_team_training: we have no support team" in " ".join(plan)
    assert "not for us" in run("plan", "2.4.0", "-e", "production", "--section", "readiness").stdout
    assert "not required" in run("ready", "2.4.0", "-e", "production").stdout


def test_what_is_not_for_us_is_part_of_the_plans_hash(place: Path) -> None:
    hashes = []
    for readiness in (READY, EXEMPT, EXEMPT.replace("we have", "there is")):
        configured(place, readiness)
        hashes.append(json.loads(run("ready", "2.4.0", "-e", "production", "--json").stdout)["plan_hash"])
    assert len(set(hashes)) == 3


@pytest.mark.parametrize(
    ("readiness", "words"),
    [
        ("  not_for_us: {support: no}\n", "no readiness item is called 'support'"),
        ("  not_for_us: {production_approval: we are few}\n", "your answers require production_approval"),
        ("  not_for_us: {backup_procedures: none}\n  evidence: {backup_procedures: {restore: r.json}}\n",
         "backup_procedures has evidence and is not_for_us"),
        ("  not_for_us: {backup_procedures: ''}\n", "backup_procedures"),
        ("  waivers: {never: [scan]}\n", "no readiness item is called 'scan'"),
    ],
)  # fmt: skip
def test_what_is_not_for_us_must_be_an_item_that_can_be_left_out(place: Path, readiness: str, words: str) -> None:
    configured(place, READY + readiness)
    status, sentence = outcome(run("ready", "2.4.0", "-e", "production"))
    assert status == 2
    assert words in sentence
    assert "pilotage.yaml:" in sentence


# ── waivers ────────────────────────────────────────────────────────────────────────────────────────────────


def waive(*items: str, actor: str = "ada") -> tuple[int, str]:
    command = (
        "waive",
        *items,
        "2.4.0",
        "-e",
        "production",
        "--role",
        "release-manager",
        "--reason",
        "x",
        "--until",
        "1d",
    )
    return as_somebody(actor, *command)


def test_several_items_are_waived_by_one_command(place: Path) -> None:
    configured(place, READY)
    status, told = waive("backup_procedures", "environment_parity")
    assert (status, told.count("waived for 2.4.0")) == (0, 2)
    found = gates()
    assert {found[item]["status"] for item in ("backup_procedures", "environment_parity")} <= {"waived", "ready"}


def test_one_person_waives_so_many_items_and_no_more(place: Path) -> None:
    configured(place, READY + "  waivers: {per_person: 2, never: [security_scan_passing]}\n")
    assert waive("backup_procedures", "environment_parity")[0] == 0
    assert waive("backup_procedures")[0] == 0  # again: no further item
    status, sentence = waive("qa_validation")
    assert status == 8
    assert "ada has waived backup_procedures, environment_parity for this release" in sentence
    assert waive("qa_validation", actor="bob")[0] == 0
    status, sentence = waive("security_scan_passing", actor="bob")
    assert status == 8
    assert "cannot be waived" in sentence


def test_all_items_of_a_waiver_or_none(place: Path) -> None:
    configured(place, READY + "  waivers: {per_person: 1}\n")
    assert waive("backup_procedures", "environment_parity")[0] == 8
    assert gates()["backup_procedures"]["status"] == "not-ready"


def test_what_needs_no_waiver_gets_none(place: Path) -> None:
    configured(place, EXEMPT)
    assert waive("support_team_training") == (
        2,
        "support_team_training needs no waiver: not for us: we have no support team",
    )
    assert as_somebody("bob", "sign-off", "qa-lead", "2.4.0", "-e", "production")[0] == 0
    assert waive("qa_validation") == (2, "qa_validation needs no waiver: bob signed it off")


# ── first releases, and next steps ─────────────────────────────────────────────────────────────────────────


def test_a_first_deployment_without_staging_waits_for_nothing_of_its_own(place: Path) -> None:
    configured(place, "readiness: {}\n")
    found = gates()
    spared = {item for item, gate in found.items() if gate["status"] == "not-required"}
    assert spared == {
        "deployment_automation", "monitoring_instrumentation", "rollback_mechanism", "code_review_completion",
        "performance_benchmarks",
    }  # fmt: skip
    assert found["rollback_mechanism"]["reason"] == (
        "first deployment to production: there is no version to go back to"
    )


def test_a_first_deployment_with_staging_is_rehearsed_there(place: Path) -> None:
    configured(place, READY)
    found = gates()
    assert found["deployment_automation"]["next_step"] == "pilotage deploy 2.4.0 -e staging"
    assert found["monitoring_instrumentation"]["next_step"] == "pilotage deploy 2.4.0 -e staging"
    assert found["rollback_mechanism"]["status"] == "not-required"
    assert gates(environment="staging")["deployment_automation"]["status"] == "not-required"


def test_benchmarks_of_a_first_deployment_are_compared_once_there_is_a_baseline(place: Path) -> None:
    evidence = "  evidence: {performance_benchmarks: {benchmarks: new.json, baseline: old.json}}\n"
    configured(place, READY + evidence)
    assert gates()["performance_benchmarks"]["reason"] == "new.json is missing"
    (place / "new.json").write_text('{"start": [1.0, 1.1]}')
    assert gates()["performance_benchmarks"]["status"] == "not-required"
    (place / "new.json").write_text('{"results": [{"command": "a", "times": [1], "exit_codes": [1]}]}')
    assert gates()["performance_benchmarks"]["status"] == "not-ready"


def test_the_second_release_needs_what_the_first_could_not_have(place: Path) -> None:
    configured(place, READY)
    deployed(place, "2.3.0", "production")
    found = gates()
    assert all(found[item]["status"] == "not-ready" for item in ("rollback_mechanism", "performance_benchmarks"))


def test_next_never_names_a_command_that_would_be_refused(place: Path) -> None:
    configured(place, READY)
    deployed(place, "2.3.0", "production")
    assert gates()["rollback_mechanism"]["next_step"] == (
        "pilotage deploy 2.3.0 -e staging, then pilotage drill rollback 2.4.0 -e staging"
    )
    deployed(place, "2.3.0", "staging")
    assert gates()["rollback_mechanism"]["next_step"] == "pilotage drill rollback 2.4.0 -e staging"
    deployed(place, "2.4.0", "staging")
    # 2.4.0 serves staging: a drill of it would be refused.
    assert gates()["rollback_mechanism"]["next_step"] == "pilotage drill rollback 2.3.0 -e staging"


def test_next_names_no_deployment_whose_own_gate_is_shut(place: Path) -> None:
    configured(place, "readiness: {}\n")
    deployed(place, "2.3.0", "production")
    step = gates()["rollback_mechanism"]["next_step"]
    assert "readiness: {staging: ENVIRONMENT}" in step
    assert "pilotage waive rollback_mechanism 2.4.0 -e production --role release-manager" in step
    assert "drill" not in step
    configured(place, READY + "  environments: [staging, production]\n")
    assert gates()["deployment_automation"]["next_step"] == (
        "pilotage ready 2.4.0 -e staging, then pilotage deploy 2.4.0 -e staging"
    )


def test_next_names_no_sign_off_that_nobody_can_give(place: Path) -> None:
    configured(place, READY)
    found = gates()
    assert found["qa_validation"]["next_step"] == "pilotage sign-off qa-lead 2.4.0 -e production"
    assert found["devops_approval"]["next_step"].startswith("assign the role in pilotage.yaml: people:")


def test_next_names_no_sign_off_of_an_artifact_that_is_not_there(place: Path) -> None:
    configured(place, READY + "  artifact: shop.whl\n")
    assert gates()["qa_validation"]["next_step"] == "build shop.whl, then pilotage sign-off qa-lead 2.4.0 -e production"


def test_the_list_says_how_much_is_to_do_and_for_whom(place: Path) -> None:
    configured(place, EXEMPT)
    told = run("ready", "2.4.0", "-e", "production").stdout
    assert " ready, " in told.splitlines()[-2]
    assert " not required, " in told.splitlines()[-2]
    assert told.splitlines()[-2].endswith(" to do")
    assert told.startswith("DevOps engineer\n✗ not ready  ")
