"""Rules in Prometheus' folder, by the note of what was written: whatever a worker left behind goes (R20)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pilotage.adapters.ports import AdapterError
from pilotage.app import alert_rules
from pilotage.app.alert_rules import AlertRules, RulesFile


@pytest.fixture
def reloaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every Prometheus that was asked to reload, in order."""
    asked: list[str] = []
    monkeypatch.setattr(alert_rules, "reload", asked.append)
    return asked


def wanted(folder: Path, text: str = "groups: []\n") -> dict[str, RulesFile]:
    path = str(folder / "pilotage-shop-production.yml")
    return {path: RulesFile(path=path, text=text, prometheus="http://prometheus")}


def test_what_is_there_already_is_not_loaded_again_and_files_of_others_stay(
    tmp_path: Path, reloaded: list[str]
) -> None:
    (tmp_path / "theirs.yml").write_text("groups: []\n")
    rules, files = AlertRules(tmp_path), wanted(tmp_path)
    rules.keep(files)
    rules.keep(files)
    assert reloaded == ["http://prometheus"]
    rules.keep({})
    assert [path.name for path in tmp_path.glob("*.yml")] == ["theirs.yml"]
    assert len(reloaded) == 2
    rules.keep({})
    assert len(reloaded) == 2


def test_the_next_worker_removes_what_a_killed_one_left(tmp_path: Path, reloaded: list[str]) -> None:
    AlertRules(tmp_path).keep(wanted(tmp_path))
    AlertRules(tmp_path).keep({})
    assert list(tmp_path.glob("*.yml")) == []
    assert json.loads((tmp_path / "alert-rules.json").read_text()) == {}
    assert reloaded.count("http://prometheus") >= 2


def test_a_worker_killed_after_it_wrote_has_its_rules_loaded_by_the_next(tmp_path: Path, reloaded: list[str]) -> None:
    AlertRules(tmp_path).keep(wanted(tmp_path))
    reloaded.clear()
    AlertRules(tmp_path).keep(wanted(tmp_path))
    assert reloaded == ["http://prometheus"], "nobody knows whether Prometheus has read them"


def test_a_prometheus_that_is_down_keeps_its_note_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reloaded: list[str]
) -> None:
    rules = AlertRules(tmp_path)
    rules.keep(wanted(tmp_path))

    def refuse(prometheus: str) -> None:
        raise AdapterError(f"{prometheus} does not respond")

    monkeypatch.setattr(alert_rules, "reload", refuse)
    rules.keep({})
    assert list(tmp_path.glob("*.yml")) == []
    assert json.loads((tmp_path / "alert-rules.json").read_text())
    monkeypatch.setattr(alert_rules, "reload", reloaded.append)
    AlertRules(tmp_path).keep({})
    assert json.loads((tmp_path / "alert-rules.json").read_text()) == {}


def test_without_its_folder_nothing_is_written_and_other_rules_are(tmp_path: Path, reloaded: list[str]) -> None:
    files = wanted(tmp_path / "gone") | wanted(tmp_path)
    AlertRules(tmp_path).keep(files)
    assert len(list(tmp_path.rglob("*.yml"))) == 1
    assert reloaded == ["http://prometheus"]
