"""`pilotage plan` as typed: forms, refusals, acceptances, differences, and what deploy does with a stopped plan."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pilotage.cli.main import cli
from pilotage.model.plan import Plan
from tests.unit.config.test_config import GOOD

DATED = ("--date", "2027-06-18", "--as-of", "2026-11-23")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PILOTAGE_ACTOR", "ada")
    (tmp_path / "pilotage.yaml").write_text(GOOD)
    return tmp_path


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, arguments, input=stdin)


def outcome(result: Result) -> tuple[int, str]:
    """Exit status and sentence."""
    return result.exit_code, result.stderr.removeprefix("pilotage: ").removesuffix("\n")


def data(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("form", ["terminal", "markdown", "html", "ics", "json", "gantt", "staircase", "rules"])
def test_r3_every_form_goes_to_the_output_or_a_file(folder: Path, form: str) -> None:
    shown = run("plan", "2.4.0", *DATED, "--format", form)
    assert shown.exit_code == 0, shown.output
    assert "2.4.0" in shown.stdout
    written = run("plan", "2.4.0", *DATED, "--format", form, "-o", "out")
    assert written.stdout == ""
    assert (folder / "out").stat().st_size > 500


@pytest.mark.usefixtures("folder")
def test_r3_the_json_is_the_plan() -> None:
    made = Plan.from_dict(data("plan", "2.4.0", *DATED))
    assert made.setting("canary.phase_duration").source == "pilotage.yaml:18"
    assert {metric.id: metric.provided_by for metric in made.health if metric.provided_by} == {
        "application_error_rate": "envoy",
        "response_time_p95": "envoy",
        "memory_utilization": "process",
        "cpu_utilization": "process",
    }


@pytest.mark.usefixtures("folder")
def test_help_is_that_of_making_a_plan_and_names_the_others() -> None:
    shown = run("plan", "--help").stdout
    assert shown.startswith("Usage: cli plan [OPTIONS] VERSION")
    assert "plan diff A B" in shown
    assert "plan retarget PLAN" in shown


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--section", "everything"), "there is no section 'everything'; there are answers, conflicts"),
        (("--accept", "x"), "--accept CONFLICT and --reason TEXT go together"),
        (("--reason", "x"), "--accept CONFLICT and --reason TEXT go together"),
        (("--what-if", "risk_tolerance"), "use QUESTION=ANSWER"),
        (("--date", "soon"), "'soon' is not a day: write it as 2026-12-01"),
        (("--date", "9999-12-31"), "'9999-12-31' is not between 1970-01-01 and 2199-12-31"),
        (("--date", "0001-01-01"), "'0001-01-01' is not between 1970-01-01 and 2199-12-31"),
    ],
)
def test_wrong_options_are_usage_errors(arguments: tuple[str, ...], words: str) -> None:
    result = run("plan", "2.4.0", *arguments)
    assert result.exit_code == 2
    assert words in result.output


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--what-if", "mood=bad"), "no question is called 'mood'; there are release_type"),
        (("--what-if", "risk_tolerance=none"), "risk_tolerance: 'none' is not one of low, medium, high"),
        (
            ("--what-if", "stakeholder_complexity=all,enterprise"),
            "stakeholder_complexity: 'all, enterprise' is not one of internal-only",
        ),
        (("--why", "nothing"), "the plan has no 'nothing'"),
        (("--accept", "made-up", "--reason", "x"), "accept: no conflict is called 'made-up'"),
        (
            ("--date", "2026-11-27", "--as-of", "2026-11-23"),
            "Changes that would help, smallest first: name the completed phases",
        ),
        (("--done", "lunch"), "no phase is called 'lunch'"),
        (("--format", "ics"), "a plan without a date has no calendar"),
    ],
)
def test_what_cannot_be_planned_is_one_sentence_and_status_2(arguments: tuple[str, ...], words: str) -> None:
    status, sentence = outcome(run("plan", "2.4.0", *arguments))
    assert status == 2
    assert words in sentence
    assert "\n" not in sentence


@pytest.mark.usefixtures("folder")
def test_r3_what_if_shows_the_difference_and_its_status_tells() -> None:
    shown = run("plan", "2.4.0", "--what-if", "risk_tolerance=low", "--detailed-exitcode")
    assert shown.exit_code == 10
    assert "risk_tolerance" in shown.stdout
    same = run("plan", "2.4.0", "--what-if", "risk_tolerance=medium", "--detailed-exitcode")
    assert (same.exit_code, same.stdout) == (0, "no difference\n")
    changes = data("plan", "2.4.0", "--what-if", "stakeholder_complexity=multi-tenant")["changes"]
    assert {change["name"] for change in changes} >= {"stakeholder_complexity", "Tenant waves are agreed"}


def test_r3_diff_of_files_and_of_standard_input(folder: Path) -> None:
    run("plan", "2.4.0", *DATED, "--format", "json", "-o", "a.json")
    run("plan", "2.5.0", *DATED, "--format", "json", "-o", "b.json")
    assert run("plan", "diff", "a.json", "a.json", "--detailed-exitcode").exit_code == 0
    shown = run("plan", "diff", "a.json", "b.json", "--detailed-exitcode")
    assert shown.exit_code == 10
    assert "version" in shown.stdout
    piped = run("plan", "diff", "a.json", "-", "--json", stdin=(folder / "b.json").read_text())
    assert json.loads(piped.stdout)["changes"][0]["name"] == "version"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "neither a file nor a rollout"),
        ("{}", "not a plan of format 9"),
        ("x", "Expecting value"),
        ("[]", "b.json"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(folder: Path, content: str | None, words: str) -> None:
    run("plan", "2.4.0", "--format", "json", "-o", "a.json")
    if content is not None:
        (folder / "b.json").write_text(content)
    result = run("plan", "diff", "a.json", "b.json")
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


def test_retarget_keeps_the_plans_own_answers_and_names_who_must_be_told_again(folder: Path) -> None:
    run("plan", "2.4.0", *DATED, "--format", "json", "-o", "a.json")
    (folder / "pilotage.yaml").write_text(GOOD.replace("risk_tolerance: medium", "risk_tolerance: high"))
    moving = ("plan", "retarget", "a.json", "--date", "2027-07-02")
    done = ("--done", "planning_phase,development_phase,testing_phase")
    said = data(*moving, "--as-of", "2027-06-10", *done)
    assert {change["name"] for change in said["changes"] if change["section"] == "inputs"} == {"release date"}
    assert [retold["audience"] for retold in said["notify_again"]] == ["compliance", "customers", "support"]
    shown = run(*moving, "--as-of", "2027-06-10", *done, "-o", "b.json")
    assert "Notify again:\n  compliance, by the compliance officer" in shown.stdout
    assert Plan.from_dict(json.loads((folder / "b.json").read_text())).answers.risk_tolerance == "medium"
    early = run(*moving, "--as-of", "2026-11-23")
    assert "Nobody was notified of the old date yet." in early.stdout
    assert run("plan", "retarget", "a.json").exit_code == 2


def test_r8_deploy_refuses_a_conflict_nobody_accepted_and_records_one_that_somebody_did(folder: Path) -> None:
    (folder / "pilotage.yaml").write_text(GOOD.replace("[customer-facing, enterprise]", "[internal-only, enterprise]"))
    status, sentence = outcome(run("deploy", "2.4.0"))
    assert status == 3
    assert "internal-only-with-others: internal-only means that nobody outside is affected" in sentence
    assert "stakeholder_complexity: [enterprise]" in sentence
    assert '--accept internal-only-with-others --reason "…"' in sentence
    accepted = data("plan", "2.4.0", "--accept", "internal-only-with-others", "--reason", "known")
    assert accepted["conflicts"][0]["accepted_by"] == "ada"


@pytest.mark.parametrize(
    ("strategy", "words"),
    [("feature-toggle", "a feature toggle needs a flag"), ("big-bang", "big-bang needs backups that can be restored")],
)
def test_deploy_refuses_a_strategy_without_what_it_needs(folder: Path, strategy: str, words: str) -> None:
    (folder / "pilotage.yaml").write_text(GOOD.replace("strategy: canary", f"strategy: {strategy}"))
    assert run("plan", "2.4.0").exit_code == 0
    status, sentence = outcome(run("deploy", "2.4.0"))
    if "--accept" in sentence:
        names = [part.split()[0] for part in sentence.split("--accept ")[1:]]
        chosen = [word for name in names for word in ("--accept", name)]
        status, sentence = outcome(run("deploy", "2.4.0", *chosen, "--reason", "agreed"))
    assert status == 3
    assert words in sentence
    assert "pilotage.yaml:" in sentence


def test_deploy_refuses_checks_that_no_step_has(folder: Path) -> None:
    checks = "    checks: {check-smok: [{http: /}]}\n"
    (folder / "pilotage.yaml").write_text(GOOD.replace("strategy: canary", "strategy: blue-green") + checks)
    status, sentence = outcome(run("deploy", "2.4.0"))
    assert status == 3
    assert "blue-green has no check 'check-smok'; it has check-room, check-health" in sentence


def test_deploy_refuses_to_begin_in_a_freeze(folder: Path) -> None:
    freezes = "calendar:\n  freezes: [{name: all year, first_day: 2020-01-01, last_day: 2099-12-31}]\n"
    (folder / "pilotage.yaml").write_text(GOOD + freezes)
    status, sentence = outcome(run("deploy", "2.4.0"))
    assert status == 7
    assert "the freeze 'all year' is active until 2100-01-01" in sentence
    assert "--break-glass" in sentence
    assert run("deploy", "2.4.0", "--break-glass").exit_code == 2


@pytest.mark.usefixtures("folder")
def test_the_schema_of_a_plan_is_printed() -> None:
    schema = json.loads(run("schema", "plan").stdout)
    assert schema["$defs"]["Plan"]["properties"]["steps"]["type"] == "array"


def test_with_its_traffic_the_plan_says_when_harm_would_be_known(folder: Path) -> None:
    path = folder / "pilotage.yaml"
    path.write_text(path.read_text() + "    traffic: {requests_per_second: 0.2, error_rate: 0.001}\n")
    notes = [note for note in data("plan", "2.4.0", "--as-update")["notes"] if "would be detected" in note]
    assert len(notes) == 3
    assert notes[0].startswith(
        "at 0.2 requests per second with 0.1% errors, twice as many errors at 5% would be detected after"
    )
    assert "longer than the" in notes[0]


def test_r13_auto_weights_come_from_the_traffic_in_the_configuration(folder: Path) -> None:
    path = folder / "pilotage.yaml"
    path.write_text(GOOD + "    traffic: {requests_per_second: 500, error_rate: 0.001}\n")
    fixed = data("plan", "2.4.0", "--why", "canary.weights")
    path.write_text(path.read_text().replace("overrides:\n", "overrides:\n      canary.weights: auto\n"))
    made, auto = data("plan", "2.4.0", "--as-update"), data("plan", "2.4.0", "--why", "canary.weights")
    assert fixed["value"] == "5% → 25% → 50% → 100%"
    assert auto["value"].startswith("0.1% → 0.2% → 0.4%")
    assert auto["reasons"][0].startswith("overridden in pilotage.yaml:")
    (hurt,) = [note for note in made["notes"] if "users affected" in note]
    figures = re.fullmatch(r"expected users affected by a bad release: (\d+) \(fixed steps: (\d+)\)", hurt)
    assert figures
    ramp, steps = figures.groups()
    assert int(ramp) < int(steps)
    assert f"by a bad release: {steps} (canary.weights: auto: {ramp})" in fixed["reasons"][1]
    assert hurt in auto["reasons"][1]
    (forecast,) = [note for note in made["notes"] if "would be detected" in note]
    assert "at 25% would be detected" in forecast, "a step of a minute is not there to know of twice as many errors"


@pytest.mark.usefixtures("folder")
def test_an_old_name_is_answered_with_the_new_one_wherever_it_is_asked_for() -> None:
    """`--why` and `--section` know what a setting, a field and a section were called."""
    for arguments, sentence in (
        (("--why", "canary.min_requests"), "canary.min_requests is now called analysis.min_requests"),
        (("--why", "steps[0].deadline"), "it is now called timeout"),
        (("--why", "rollback.moves"), "it is now called steps"),
        (("--section", "numbers"), "the section numbers is now called settings"),
    ):
        said = run("plan", "2.0", *arguments)
        assert said.exit_code == 2, arguments
        assert sentence in said.stderr, said.stderr


@pytest.mark.usefixtures("folder")
def test_a_setting_of_another_strategy_is_not_unknown() -> None:
    said = run("plan", "2.0", "--why", "rolling.batch_size")
    assert "rolling.batch_size is a setting of rolling plans; this plan's strategy is canary" in said.stderr
