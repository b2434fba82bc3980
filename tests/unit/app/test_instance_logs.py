"""Where incident documents say that the logs of a failed version are (R21)."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.app.instance_logs import logs_of


def test_r21_a_document_of_the_worker_has_whole_paths_and_a_command_those_from_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = tmp_path / "state" / "run" / "shop-production" / "fleet" / "logs"
    logs.mkdir(parents=True)
    (logs / "2.0-1.log").touch()
    monkeypatch.chdir("/")
    assert logs_of(tmp_path / "state", "shop", "production", "2.0") == (str(logs / "2.0-1.log"),)
    monkeypatch.chdir(tmp_path)
    assert logs_of(tmp_path / "state", "shop", "production", "2.0") == (
        "state/run/shop-production/fleet/logs/2.0-1.log",
    )
