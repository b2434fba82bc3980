"""The command line: quick to answer, honest in its exit status, asking only people."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pilotage.cli.renamed import COMMANDS, OPTIONS
from pilotage.engine.placement import location
from tests.typed import typed as pilotage

HEAVY = (
    "sqlalchemy",
    "alembic",
    "pydantic",
    "numpy",
    "urllib3",
    "psutil",
    "rich",
    "yaml",
    "pilotage.config.models",
)

STAGING = """\
    fleet: {kind: process, command: ["bin/{version}", "{port}"], count: 1, health_check_path: /}
    router: {kind: envoy, listen: "127.0.0.1:8081"}
"""


def process(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """As a shell runs it; where nothing of a process matters, `pilotage` is quicker."""
    command = [sys.executable, "-m", "pilotage", *arguments]
    # Readline, which pytest loads, says how wide its own terminal is.
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=env)


def loaded_by(arguments: list[str], of: tuple[str, ...], cwd: Path | None = None) -> list[str]:
    """Which of these modules `pilotage …` loads."""
    program = (
        "import sys\nfrom pilotage.cli.main import main\n"
        f"sys.argv = ['pilotage', *{arguments!r}]\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"print('loaded', *(m for m in {of!r} if m in sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=cwd)
    assert said.stdout + said.stderr != "loaded\n"
    return said.stdout.splitlines()[-1].split()[1:]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    assert loaded_by(arguments, HEAVY) == []


def test_a_mistake_in_the_configuration_is_told_without_the_database_layer(tmp_path: Path) -> None:
    (tmp_path / "pilotage.yaml").write_text("service: 1\n")
    assert loaded_by(["status"], ("sqlalchemy", "psutil", "pilotage.engine.records.store"), tmp_path) == []


@pytest.mark.parametrize("arguments", [["plan", "1.0.0"], ["plan", "1.0.0", "--what-if", "risk_tolerance=low"]])
def test_a_piped_plan_loads_neither_rich_nor_what_opens_a_target_and_folds_no_line(
    arguments: list[str], tmp_path: Path
) -> None:
    pilotage("init", "--service", "shop", cwd=tmp_path)
    unwanted = ("rich", "sqlalchemy", "alembic", "numpy", "urllib3", "psutil", "pilotage.engine.execution.targets",
                "pilotage.engine.records.store", "pilotage.plan.reasons", "pilotage.model.snapshot")  # fmt: skip
    assert loaded_by(arguments, unwanted, tmp_path) == []
    shown = process(*arguments, cwd=tmp_path).stdout
    assert max(map(len, shown.splitlines())) > 120
    assert "risk_tolerance" in shown or "send all requests to 1.0.0" in shown


@pytest.mark.parametrize("command", ["status", "history"])
def test_commands_that_read_load_neither_database_layer_nor_models_nor_what_finds_processes(
    command: str, tmp_path: Path
) -> None:
    pilotage("init", "--service", "shop", cwd=tmp_path)
    pilotage("status", cwd=tmp_path)  # makes the store
    unwanted = (*(name for name in HEAVY if name != "yaml"), "msgspec", "pilotage.engine.records.store",
                "pilotage.model.events", "pilotage.model.plan", "subprocess", "importlib.metadata")  # fmt: skip
    assert loaded_by([command], unwanted, tmp_path) == []


@pytest.mark.parametrize("command", [["status"], ["events"], ["explain"], ["history", "--json"]])
def test_neither_do_they_where_a_rollout_is_recorded(command: list[str], tmp_path: Path) -> None:
    store = gzip.decompress((Path(__file__).parents[2] / "stores" / "9482f63.sqlite.gz").read_bytes())
    (tmp_path / ".pilotage").mkdir()
    (tmp_path / ".pilotage" / "pilotage.sqlite").write_bytes(store)
    pilotage("init", "--service", "shop", cwd=tmp_path)
    assert "3.0" in pilotage("status", cwd=tmp_path).stdout  # brings the store up to date
    assert loaded_by(command, ("sqlalchemy", "alembic", "pydantic", "numpy", "urllib3"), tmp_path) == []
    if command != ["explain"]:
        assert loaded_by(command, ("pilotage.model.events",), tmp_path) == []


def test_a_piped_table_has_one_line_a_row_whatever_its_width_and_is_richs_where_that_fits() -> None:
    from rich.console import Console

    from pilotage.render.plain_table import lines_of
    from pilotage.render.rich_table import rich_table

    titles, rows = ["began", "by", "reason"], [["12:00", "ada", "ein Grund: 原因"], ["", "grace", ""]]
    drawn = Console(width=200, record=True, file=io.StringIO())
    drawn.print(rich_table(titles, rows))
    assert lines_of(titles, rows) == [line.rstrip() for line in drawn.export_text().splitlines()]
    assert lines_of(titles, [["", "", "long, " * 90 + "\nand more"]])[1].endswith("long,  and more")


EXPLAINED = """
    init plan deploy watch status history events explain pause resume promote abort rollback retry approve reject
    doctor validate schema worker down demo
"""


@pytest.mark.parametrize("command", EXPLAINED.split())
def test_every_command_explains_itself(command: str) -> None:
    said = pilotage(command, "--help")
    assert said.returncode == 0
    assert "Usage:" in said.stdout


def test_an_unknown_command_is_a_usage_error_with_a_hint() -> None:
    said = pilotage("depoly")
    assert said.returncode == 2
    assert "did you mean deploy?" in said.stderr


@pytest.mark.parametrize(("before", "force"), [(None, ()), ("service: mine\n", ("--force",))])
@pytest.mark.parametrize(
    ("option", "said"),
    [(("--service", "Sh op"), "is not a name of a-z"), (("--command", "a 'b"), "No closing quotation")],
)
def test_init_with_an_impossible_option_leaves_things_as_they_were(
    option: tuple[str, str], said: str, before: str | None, force: tuple[str, ...], tmp_path: Path
) -> None:
    config = tmp_path / "pilotage.yaml"
    if before:
        config.write_text(before)
    made = pilotage("init", *option, *force, cwd=tmp_path)
    assert (made.returncode, said in made.stderr) == (2, True), made.stderr
    assert (config.read_text() if config.exists() else None) == before


def test_init_without_a_terminal_asks_nothing_and_its_file_makes_a_plan(tmp_path: Path) -> None:
    made = process(
        "init",
        "--service",
        "shop",
        "--risk-tolerance",
        "high",
        "--stakeholders",
        "enterprise,multi-tenant",
        cwd=tmp_path,
    )
    assert made.returncode == 0, made.stderr
    text = (tmp_path / "pilotage.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=")
    assert (tmp_path / text.partition("$schema=")[2].partition("\n")[0]).exists()
    planned = process("plan", "2.4.0", "--why", "canary.phase_duration", cwd=tmp_path)
    assert planned.returncode == 0, planned.stderr
    assert "because risk_tolerance is high" in planned.stdout
    assert pilotage("init", cwd=tmp_path).returncode == 2
    assert pilotage("validate", cwd=tmp_path).stdout.strip() == "pilotage.yaml is valid"


def test_init_refuses_an_answer_outside_its_list(tmp_path: Path) -> None:
    said = pilotage("init", "--stakeholders", "everybody", cwd=tmp_path)
    assert said.returncode == 2
    assert "is not one of internal-only" in said.stderr
    assert not (tmp_path / "pilotage.yaml").exists()


def test_the_same_plan_twice_is_the_same_json(tmp_path: Path) -> None:
    pilotage("init", cwd=tmp_path)
    first, second = (process("plan", "2.4.0", "--json", cwd=tmp_path).stdout for _ in range(2))
    assert first == second
    assert first.startswith('{"alerts":')


def test_reading_before_anything_was_deployed_is_a_clear_error(tmp_path: Path) -> None:
    pilotage("init", cwd=tmp_path)
    for command in ("watch", "events", "explain", "pause"):
        said = pilotage(command, cwd=tmp_path)
        assert said.returncode == 2, command
        assert "no deployment to production yet" in said.stderr
    assert pilotage("rollback", cwd=tmp_path).returncode == 7
    assert pilotage("status", cwd=tmp_path).returncode == 0


def test_reading_before_anything_was_deployed_names_every_environment(tmp_path: Path) -> None:
    """These commands take no -e, so they ask for none."""
    pilotage("init", cwd=tmp_path)
    file = tmp_path / "pilotage.yaml"
    file.write_text(file.read_text().replace("environments:\n", f"environments:\n  staging:\n{STAGING}"))
    for command in ("watch", "events", "explain"):
        said = pilotage(command, cwd=tmp_path)
        assert said.returncode == 2, command
        assert "no deployment to staging, production yet: run `pilotage deploy VERSION" in said.stderr, command


def test_a_store_that_knows_nothing_of_a_router_that_runs_here_is_told_apart_from_no_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as when the variable that names the database is set in one terminal and not in another."""
    monkeypatch.setattr(location, "router_runs", lambda *_: True)
    pilotage("init", cwd=tmp_path)
    said = pilotage("abort", cwd=tmp_path)
    assert said.returncode == 2
    assert "Set PILOTAGE_DATABASE to its store. `pilotage abort --offline` returns traffic" in said.stderr


def test_doctor_names_what_is_missing(tmp_path: Path) -> None:
    pilotage("init", "--command", "no-such-program {port} {version}", cwd=tmp_path)
    said = pilotage("doctor", cwd=tmp_path)
    assert said.returncode == 9
    assert "FAIL  fleet: no-such-program is not on PATH" in said.stdout


def test_doctor_names_the_channel_whose_secret_is_missing_and_no_secret(tmp_path: Path) -> None:
    pilotage("init", cwd=tmp_path)
    key = tmp_path / "key"
    key.write_text("sesame")
    file = tmp_path / "pilotage.yaml"
    file.write_text(
        file.read_text()
        + f"""
notify:
  - {{kind: pagerduty, routing_key: "secret://file{key}"}}
  - {{kind: teams, webhook_url: "secret://env/NOWHERE_SET", environments: [production]}}
"""
    )
    said = pilotage("doctor", cwd=tmp_path)
    assert said.returncode == 9
    assert "PASS  channel pagerduty: secrets found" in said.stdout
    assert "FAIL  channel teams: the environment variable NOWHERE_SET holds nothing: set it" in said.stdout
    assert "sesame" not in said.stdout + said.stderr


def test_a_path_that_cannot_be_written_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "past.csv").write_text("time,canary_bad,canary_total,stable_bad,stable_total\n0,1,10,1,10\n")
    done = pilotage("judge", "--replay", "past.csv", "--chart", "nowhere/x.svg", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "pilotage: nowhere/x.svg: No such file or directory\n")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("followup", "add", " ", "--owner", "eve", "--due", "2026-12-01", "--criterion", "c"), "'DESCRIPTION'"),
        (("followup", "done", "1", "--outcome", ""), "'--outcome'"),
        (("announce", "skip", "social_media", "2.0", "--reason", " "), "'--reason'"),
        (("waive", "qa_validation", "2.0", "--role", "qa-lead", "--until", "1d", "--reason", ""), "'--reason'"),
    ],
)
def test_what_must_be_said_says_something(arguments: tuple[str, ...], what: str, tmp_path: Path) -> None:
    done = pilotage(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{what}: must not be empty" in done.stderr


@pytest.mark.parametrize(("command", "old"), sorted(OPTIONS), ids=" ".join)
def test_an_option_under_its_earlier_name_is_answered_with_the_new_one(command: str, old: str) -> None:
    answer = pilotage(*command.split(), old, "x")
    assert answer.returncode == 2
    assert f"{old} of `pilotage {command}` is now {OPTIONS[command, old]}\n" in answer.stderr
    offered = pilotage(*command.split(), "--help").stdout
    assert OPTIONS[command, old] in offered
    assert f"{old} " not in offered


@pytest.mark.parametrize("old", sorted(COMMANDS))
def test_a_command_under_its_earlier_name_is_answered_with_the_new_one(old: str) -> None:
    answer = pilotage(old)
    assert (answer.returncode, f"is now `pilotage {COMMANDS[old]}`" in answer.stderr) == (2, True)
    assert pilotage(COMMANDS[old], "--help").returncode == 0
