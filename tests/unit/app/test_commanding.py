"""Commands to a running rollout reach it whatever state the configuration is in."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy.exc import OperationalError

from pilotage.app import commands
from pilotage.app.errors import exit_status
from pilotage.cli.main import cli
from pilotage.engine.records.store import Store
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, Mode
from tests.unit.engine.test_store import ended, started


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store, and a configuration that somebody is just editing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pilotage.engine.execution.supervisor.ensure_worker", lambda *_: None)
    monkeypatch.setattr(commands, "_ANSWER_DEADLINE", 0.1)
    (tmp_path / "pilotage.yaml").write_text("service: [")
    return Store(tmp_path / ".pilotage")


def asked(store: Store, rollout: Rollout) -> list[CommandKind]:
    return [command.kind for command in store.pending(rollout.id)]


def test_a_rollout_is_aborted_though_nobody_can_read_the_configuration(broken: Store) -> None:
    rollout = started(broken)
    said = CliRunner().invoke(cli, ["abort", "-m", "it hurts"])
    assert (said.exit_code, asked(broken, rollout)) == (6, [CommandKind.ABORT]), said.output
    CliRunner().invoke(cli, ["abort", "-e", "production"])
    assert asked(broken, rollout) == [CommandKind.ABORT] * 2


def test_where_it_is_not_clear_which_is_meant_the_configuration_is_asked_for(broken: Store) -> None:
    for arguments in (["abort"], ["abort", "-e", "staging"]):
        assert "in the configuration" in CliRunner().invoke(cli, arguments).output
    rollout = started(broken)
    assert "in the configuration" in CliRunner().invoke(cli, ["abort", "-e", "staging"]).output
    assert asked(broken, rollout) == []
    ended(broken, rollout)
    assert "nothing to do" in CliRunner().invoke(cli, ["abort"]).output


def test_without_a_configuration_the_store_says_what_is_meant(broken: Store) -> None:
    """Who must see or undo something cannot wait until a file is mended."""
    Path("pilotage.yaml").unlink()
    ended(broken, started(broken, "1.0", None, Mode.INITIAL))
    ended(broken, started(broken, "2.0", "1.0"))
    for command in ("status", "explain", "history", "events"):
        said = CliRunner().invoke(cli, [command])
        assert said.exit_code == 0, said.output
        assert "pilotage.yaml is unreadable; using service in production from the store" in said.output
    said = CliRunner().invoke(cli, ["rollback", "--detach", "-m", "it hurts"])
    assert said.exit_code == 0, said.output
    assert "rolling back production to 1.0 with its original plan" in said.output
    (returning,) = (broken.get(identity) for identity in broken.unfinished())
    assert (returning.version, returning.old, returning.state.mode) == ("1.0", "2.0", Mode.FAST_RETURN)
    assert "there is nothing" not in CliRunner().invoke(cli, ["rollback", "--detach"]).output
    assert asked(broken, returning) == [CommandKind.ROLLBACK]


def test_a_rollback_without_a_plan_of_the_version_says_what_to_do(broken: Store) -> None:
    ended(broken, started(broken, "1.0", None, Mode.INITIAL))
    said = CliRunner().invoke(cli, ["rollback"])
    assert (said.exit_code, "no earlier good version" in said.output or "no plan of" in said.output) == (7, True)


@pytest.mark.usefixtures("broken")
def test_offline_commands_name_what_is_there() -> None:
    for name in ("shop-production", "shop-staging"):
        (Path(".pilotage") / "run" / name / "router").mkdir(parents=True)
    said = CliRunner().invoke(cli, ["abort", "--offline"])
    assert (said.exit_code, "several services are here: shop-production, shop-staging" in said.output) == (9, True)
    said = CliRunner().invoke(cli, ["abort", "--offline", "-e", "staging"])
    assert (said.exit_code, "no router was started in " in said.output) == (9, True)
    assert "--to requires --offline" in CliRunner().invoke(cli, ["abort", "--to", "1.0"]).output


def test_what_serves_is_not_said_of_what_does_not_run(broken: Store) -> None:
    """An unconfirmed claim is never shown as fact: after `down` the record still names the last good version."""
    Path("pilotage.yaml").unlink()
    ended(broken, started(broken, "1.0", None, Mode.INITIAL))
    said = CliRunner().invoke(cli, ["status"]).output
    assert "service in production: down; the last version was 1.0. Start it again with `pilotage deploy 1.0`" in said


def test_whoever_cannot_use_the_store_is_told_the_way_that_needs_none() -> None:
    status, words = exit_status(OperationalError("UPDATE", {}, Exception("database is locked")))
    assert status == 9
    assert "`pilotage abort --offline`" in words
    status, words = exit_status(ModuleNotFoundError("No module named 'psycopg'", name="psycopg"))
    assert (status, "[postgres]'" in words) == (9, True)
