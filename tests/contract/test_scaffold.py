"""R35, R32: what `pilotage scaffold` prints, systemd, Prometheus and Grafana can read; it names metrics that exist."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from pilotage.app.own_metrics import OwnMetrics
from pilotage.app.store_backups import back_up_store
from pilotage.cli.scaffold import _KINDS
from pilotage.model.message import Message, Severity
from tests.programs import needs
from tests.typed import typed
from tests.web.site import Served, served

pytestmark = pytest.mark.real


def printed(kind: str, folder: Path) -> str:
    done = typed("scaffold", kind, "--user", "root", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "@" + "FOLDER" not in done.stdout
    return done.stdout


def test_every_file_is_printed(tmp_path: Path) -> None:
    for kind in _KINDS:
        assert len(printed(kind, tmp_path)) > 100
    service = yaml.safe_load(printed("compose", tmp_path))["services"]["pilotage"]
    assert service["cap_drop"] == ["ALL"]
    given = service["environment"]  # a password in an address ends at its first @ or /
    assert ("PASSWORD" in given["PILOTAGE_DATABASE"], given["PGPASSWORD"]) == (False, "${POSTGRES_PASSWORD}")
    image = printed("containerfile", tmp_path)
    assert re.search(r"^USER 10001$", image, re.MULTILINE)
    assert "HEALTHCHECK" in image


def test_systemd_takes_the_units_and_finds_the_server_well_kept(tmp_path: Path) -> None:
    """Exposure: 10 is everything open. The worker's is higher, because instances have the same limits."""
    analyze = needs("systemd-analyze")
    for kind, most in (("worker-unit", 6.0), ("server-unit", 2.5)):
        unit = tmp_path / f"pilotage-{kind}.service"
        unit.write_text(printed(kind, tmp_path))
        done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")
        rated = subprocess.run(
            [analyze, "security", "--offline=true", unit], capture_output=True, text=True, timeout=60
        )  # fmt: skip
        found = re.search(r"Overall exposure level.*: ([\d.]+)", rated.stdout)
        assert found is not None, rated.stdout + rated.stderr
        assert float(found.group(1)) <= most
    assert "KillMode=process" in printed("worker-unit", tmp_path)


def test_a_unit_has_what_the_server_is_given_and_quotes_what_systemd_would_read_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, state = tmp_path / "50% of a shop", tmp_path / "the state"
    folder.mkdir()
    monkeypatch.setenv("PILOTAGE_STATE", str(state))
    given = ("--listen", "0.0.0.0:443", "--certificate", "/etc/a $b/cert.pem", "--key", "key.pem", "--proxy", "::1")
    done = typed("--config", "other.yaml", "scaffold", "server-unit", *given, cwd=folder)
    assert done.returncode == 0, done.stderr
    command = re.search(r"^ExecStart=(.*)$", done.stdout, re.MULTILINE)
    assert command is not None
    assert command[1].partition(" ")[2] == (
        'serve --no-worker --listen 0.0.0.0:443 --certificate "/etc/a $$b/cert.pem" --key key.pem --proxy ::1'
    ).replace("serve", "--config other.yaml serve")
    kept = f"{tmp_path}/50%% of a shop"
    for setting in (
        f"WorkingDirectory={kept}", f'ReadWritePaths="{kept}" "{state}"', f'Environment="PILOTAGE_STATE={state}"',
        "AmbientCapabilities=CAP_NET_BIND_SERVICE",
    ):  # fmt: skip
        assert f"\n{setting}\n" in done.stdout, setting
    unit = tmp_path / "pilotage-other.service"
    unit.write_text(done.stdout)
    found = subprocess.run([needs("systemd-analyze"), "verify", unit], capture_output=True, text=True, timeout=60)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")
    lone = typed("scaffold", "server-unit", "--key", "key.pem", cwd=folder)
    assert (lone.returncode, "belong together" in lone.stderr) == (2, True)
    split = tmp_path / "a\nUser=root"
    split.mkdir()
    refused = typed("scaffold", "worker-unit", cwd=split)
    assert (refused.returncode, "holds what no unit" in refused.stderr) == (2, True)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """The names of all series that a server has once something has happened."""
    with served(tmp_path_factory.mktemp("served")) as server:
        return frozenset(_names(server))


def _names(server: Served) -> set[str]:
    from dataclasses import replace

    from pilotage.engine.placement import places
    from pilotage.engine.records import outbox
    from pilotage.model.live import NOTHING_SEEN
    from pilotage.model.rollout import Decision, Status

    rollout = server.rollout()
    metrics = OwnMetrics(server.store, server.site.traffic.families)
    server.anybody().get("/healthz")
    places.take(server.store.engine, server.store.directory, "shop", "production", "host/1/2/3/4/5")
    message = Message(
        key="k", thread="t", service="shop", environment="production", type="completed", severity=Severity.INFO,
        title="t", text="b", at=time.time(), version="2",
    )  # fmt: skip
    outbox.post_to_once(server.store.engine, message, [{"kind": "webhook", "name": "w", "url": "https://x"}], 1.0)
    live = replace(NOTHING_SEEN, at=time.time())
    server.store.record(rollout, Decision(replace(rollout.state), (), (), ()), None, live)
    first = {one.name + sample.suffix for one in metrics.families() for sample in one.samples}
    ended = server.store.get(rollout.id)
    state = replace(ended.state, status=Status.COMPLETED, at=time.time())
    server.store.record(ended, Decision(state, (), (), ()), None, live)
    back_up_store(server.site.project, "ada", server.store.directory.parent / "b.zip")
    return first | {one.name + sample.suffix for one in metrics.families() for sample in one.samples}


def _named(text: str) -> set[str]:
    return set(re.findall(r"\bpilotage_[a-z_]+", text))


def test_rules_and_dashboard_name_metrics_that_exist(tmp_path: Path, known: frozenset[str]) -> None:
    assert _named(printed("alerts", tmp_path)) <= known
    board = json.loads(printed("dashboard", tmp_path))
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert _named(" ".join(queries)) <= known
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) == 16


def test_prometheus_fires_the_rules(tmp_path: Path) -> None:
    promtool = needs("promtool")
    (tmp_path / "alerts.yaml").write_text(printed("alerts", tmp_path))
    place = '{service="shop", environment="production"'
    (tmp_path / "test.yaml").write_text(
        yaml.safe_dump(
            {
                "rule_files": ["alerts.yaml"],
                "evaluation_interval": "1m",
                "tests": [
                    {
                        "interval": "1m",
                        "input_series": [
                            _series(f"pilotage_worker_heartbeat_age_seconds{place}, home='a'}}", "0x4 120x20"),
                            _series(f"pilotage_rollouts{place}, status='progressing'}}", "1x30"),
                            _series("pilotage_build_info", "1x30"),
                            _series("pilotage_store_backup_timestamp_seconds", "0x30"),
                        ],
                        "alert_rule_test": [
                            _expected("PilotageWorkerSilent", "4m"),
                            _expected("PilotageWorkerSilent", "10m", service="shop", environment="production"),
                            _expected("PilotageGone", "10m"),
                            _expected("PilotageBackupOld", "10m"),
                        ],
                    }
                ],
            }
        )
    )
    for command in (["check", "rules", "alerts.yaml"], ["test", "rules", "test.yaml"]):
        done = subprocess.run([promtool, *command], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


def _series(name: str, values: str) -> dict[str, str]:
    return {"series": name, "values": values}


def _expected(name: str, at: str, **labels: str) -> dict[str, object]:
    fired = {
        "exp_labels": {"severity": "critical", **labels},
        "exp_annotations": {
            "summary": "shop in production has a rollout, and its worker is silent.",
            "action": "Nothing watches the new version. Start the worker, or run `pilotage abort --offline`.",
        },
    }
    return {"alertname": name, "eval_time": at, "exp_alerts": [fired] if labels else []}
