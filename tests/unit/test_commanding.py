"""Commands to a running rollout reach it whatever state the configuration is in."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pilotage.cli import commanding
from pilotage.cli.main import cli
from pilotage.config.yaml_reader import ConfigError
from pilotage.engine.store import Rollout, Store
from pilotage.model.rollout import CommandKind

from .test_store import ended, started


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store, and a configuration that somebody is just editing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pilotage.engine.supervisor.ensure_worker", lambda *_: None)
    monkeypatch.setattr(commanding, "_ANSWER_DEADLINE", 0.1)
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
        assert isinstance(CliRunner().invoke(cli, arguments).exception, ConfigError)
    rollout = started(broken)
    assert isinstance(CliRunner().invoke(cli, ["abort", "-e", "staging"]).exception, ConfigError)
    assert asked(broken, rollout) == []
    ended(broken, rollout)
    assert isinstance(CliRunner().invoke(cli, ["abort"]).exception, ConfigError)
