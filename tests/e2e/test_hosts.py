"""`pilotage hosts` and `pilotage exec` with real sshd servers (R27)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pilotage.engine.records.store import Store
from pilotage.model.rollout import Mode
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests.plans import a_plan
from tests.ssh import Sshd, Sshds, sshd, until
from tests.typed import typed

__all__ = ["sshd"]

YAML = """
service: shop
answers:
  release_type: minor
  deployment_strategy: canary
  team_size: small
  release_frequency: weekly
  risk_tolerance: medium
  stakeholders: [internal-only]
environments:
  production:
    router: {kind: envoy, listen: "127.0.0.1:8080"}
    fleet:
      kind: ssh
      command: [bin/shop, "{version}", "{port}"]
      env: {TOKEN: "secret://env/SHOP_TOKEN"}
      ssh: {config_file: CONFIG, user: USER}
      hosts:
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHOP_TOKEN", "hush-4717")
    monkeypatch.setenv("COLUMNS", "80")
    made = tmp_path / "shop"
    made.mkdir()
    return made


def _write(folder: Path, *servers: Sshd) -> None:
    section = servers[0].section()
    text = YAML.replace("CONFIG", str(section.config_file)).replace("USER", str(section.user))
    rows = [
        f"        {one.name}: {{address: {one.address}, port: {one.port}, folder: {one.folder}}}\n" for one in servers
    ]
    (folder / "pilotage.yaml").write_text(text + "".join(rows))


def _deployed(folder: Path) -> Store:
    store = Store(folder / ".pilotage")
    plan = replace(a_plan(version="2.0"), service="shop", environment="production")
    store.create(plan, begin(plan, "1.0", Mode.FULL, "ada"), Snapshot(), "ada", time.time())
    return store


def test_hosts_shows_what_is_there_and_what_is_wrong_on_80_columns(folder: Path, sshd: Sshds) -> None:
    """An hour off, slow logins and a host that is down are each one sentence."""
    late = sshd.place / "bin"
    late.mkdir()
    clock = late / "date"  # what a host with a wrong clock answers; the clock of this machine stays right
    clock.write_text('#!/bin/sh\necho "$(($(/bin/date +%s) + 3600)).5"\n')
    clock.chmod(0o755)
    well, ahead = sshd.start("web1"), sshd.start("web2", path=str(late))
    down = sshd.start("web3", extra=('ForceCommand sleep 2.1; eval "$SSH_ORIGINAL_COMMAND"',))
    slow, down = down, sshd.start("web4")
    down.stop()
    _write(folder, well, ahead, slow, down)
    shown = typed("hosts", cwd=folder)
    assert shown.returncode == 9
    assert max(map(len, shown.stdout.splitlines())) <= 80
    said = " ".join(shown.stdout.split())
    assert "web2: its clock is 3600 s ahead: certificates and tokens may count as expired" in said
    assert "web3: a login takes " in said
    assert (
        f"cannot reach web4 ({down.address}:{down.port}): {down.address} port {down.port}: Connection refused" in said
    )
    found = {one["name"]: one for one in json.loads(typed("hosts", "--json", cwd=folder).stdout)["hosts"]}
    assert [found[name]["reachable"] for name in ("web1", "web2", "web3", "web4")] == [True, True, True, False]
    assert [one for one in found["web1"]["warnings"] if "a login takes" not in one] == []  # the tester may be busy
    assert (abs(found["web1"]["clock_seconds"]) < 2, found["web1"]["disk_free_bytes"] > 0) == (True, True)
    assert found["web1"]["address"] == well.address
    assert (found["web1"]["versions"], found["web1"]["user"] != "") == ({}, True)


def test_exec_runs_a_command_passes_its_status_on_and_is_recorded_without_secrets(folder: Path, sshd: Sshds) -> None:
    web1, web2 = sshd.start("web1"), sshd.start("web2")
    _write(folder, web1, web2)
    refused = typed("exec", "--host", "web1", "--", "true", cwd=folder)
    assert (refused.returncode != 0, "nothing was deployed to production yet" in refused.stderr) == (True, True)
    store = _deployed(folder)
    script = "echo $PILOTAGE_TEST_HOST; echo oh >&2; exit 7"
    done = typed(
        "exec",
        "--host",
        "web2",
        "--",
        "sh",
        "-c",
        script,
        "--password=x",
        "--api-key",
        "y'z",
        "of hush-4717",
        cwd=folder,
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, f"{web2.place}\n", "oh\n")
    latest = store.latest("shop", "production")
    assert latest is not None
    (said,) = [one.sentence for one in store.events(latest.id) if one.type == "command-run"]
    assert "runs a command on web2: sh -c" in said
    assert said.endswith("'--password=(secret)' --api-key '(secret)' 'of (secret)'")
    unclear = typed("exec", "--", "true", cwd=folder)
    assert "name the host with --host, or an instance with -i: web1, web2" in unclear.stderr
    assert "has no host 'web9'; it has web1, web2" in typed("exec", "--host", "web9", "true", cwd=folder).stderr


def test_an_environment_of_this_machine_alone_is_one_host(folder: Path) -> None:
    text = YAML.partition("    fleet:")[0] + "    fleet: {kind: process, command: [shop, '{version}', '{port}']}\n"
    (folder / "pilotage.yaml").write_text(text)
    found = json.loads(typed("hosts", "--json", cwd=folder).stdout)["hosts"]
    assert [(one["name"], one["reachable"], one["login_seconds"]) for one in found] == [("", True, None)]
    _deployed(folder)
    done = typed("exec", "--", "sh", "-c", "echo here; exit 3", cwd=folder)
    assert (done.returncode, done.stdout) == (3, "here\n")


def test_the_host_of_a_router_is_among_them(folder: Path, sshd: Sshds) -> None:
    web1, balancer = sshd.start("web1"), sshd.start("lb1")
    _write(folder, web1)
    there = balancer.section()
    where = (
        f"{{address: {there.address}, port: {there.port}, config_file: {there.config_file}, folder: {there.folder}}}"
    )
    haproxy = "kind: haproxy, address: /run/haproxy.sock, files: /etc/haproxy/pilotage, name: shop"
    router = f"router: {{{haproxy}, host: {where}}}"
    file = folder / "pilotage.yaml"
    text = file.read_text().replace('router: {kind: envoy, listen: "127.0.0.1:8080"}', router)
    file.write_text(text.replace("    fleet:\n", "    metrics: {kind: haproxy}\n    fleet:\n", 1))
    shown = typed("hosts", "--json", cwd=folder)
    assert [one["name"] for one in json.loads(shown.stdout)["hosts"]] == ["web1", balancer.address], shown.stderr
    assert shown.returncode == 0


def test_nothing_of_a_command_is_left_when_exec_is_killed(folder: Path, sshd: Sshds) -> None:
    web1 = sshd.start("web1")
    _write(folder, web1)
    _deployed(folder)
    process = subprocess.Popen(
        [sys.executable, "-m", "pilotage.cli.main", "exec", "--", "sleep", "4718"], cwd=folder, env=dict(os.environ)
    )
    until(lambda: "sleep" in web1.names())
    process.kill()
    process.wait()
    until(lambda: not web1.running() and not web1.sessions())
