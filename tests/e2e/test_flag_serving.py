"""Releases by a flag in a file (R16) of services that have no flag service: one asks `pilotage flag serve` over OFREP,
one follows it over gRPC. Both count their variants with `pilotage.openfeature`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilotage.adapters.free_port import free_port

from .conftest import Make, Shop, users

pytestmark = pytest.mark.real
SERVICE = Path(__file__).parents[1] / "services" / "openfeature_shop.py"
QUICK = {
    "feature_toggle.drain_duration": "2s",
    "feature_toggle.segments": ["internal"],
    "feature_toggle.percentages": ["50%", "100%"],
    "feature_toggle.phase_duration": "8s",
    "feature_toggle.bake_duration": "1s",
    "hold.timeout": "60s",
}


class FlagServe:
    """The command, as a process that anyone may kill."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.sync = folder, free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        arguments = ["flag", "serve", "--listen", f"127.0.0.1:{self.port}", "--sync-listen", f"127.0.0.1:{self.sync}"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pilotage.cli.main", *arguments], cwd=self.folder, stderr=subprocess.PIPE
        )
        assert self._process.stderr is not None
        assert b"flags of shop/production: http://127.0.0.1:" in self._process.stderr.readline()
        assert b"gRPC sync" in self._process.stderr.readline()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


@pytest.fixture
def project(shop: Make) -> Shop:
    return shop(strategy="feature-toggle", **QUICK)


@pytest.fixture
def serving(project: Shop) -> Iterator[FlagServe]:
    made = FlagServe(project.directory)
    command = [
        sys.executable, str(SERVICE), "--port", "{port}", "--release", "{version}", "--releases",
        str(project.directory / "releases"), "--ofrep-port", str(made.port), "--sync-port", str(made.sync),
    ]  # fmt: skip
    flag = {"file": "flags.json", "key": "new-checkout"}
    # One instance: two would start one after the other.
    project.configure(fleet={**project.section("fleet"), "command": command, "count": 1}, flag=flag)
    made.start()
    yield made
    made.kill()


def release(it: Shop, version: str, by: str, fault: str = "none") -> str:
    (it.directory / "releases" / f"{version}.json").write_text(json.dumps({"fault": fault, "by": by}))
    return version


def edit(it: Shop) -> bytes:
    """Somebody writes a rule of their own for the flag. Returns what the file was before."""
    file = it.directory / "flags.json"
    ours = file.read_bytes()
    whole = json.loads(ours)
    whole["flags"]["new-checkout"]["targeting"] = {"if": [{"==": [{"var": "targetingKey"}, "ada"]}, "on", "off"]}
    file.write_text(json.dumps(whole))
    return ours


@pytest.mark.long
def test_r16_one_goes_forward_over_ofrep_through_kills_and_a_humans_edit_and_one_over_grpc_is_undone(
    project: Shop, serving: FlagServe
) -> None:
    it = project
    it.run("deploy", release(it, "v0", "ofrep"))
    it.flag_off()
    with users(it, rate=80) as traffic:
        it.run("deploy", release(it, "v1", "ofrep"), "--detach")
        it.wait(lambda _: "internal" in it.run("flag", "show"))
        it.kill_worker()
        serving.kill()
        serving.start()
        ours = edit(it)
        it.wait(lambda rollout: rollout.state.hold is not None and "did not write" in rollout.state.hold.sentence)
        (it.directory / "flags.json").write_bytes(ours)
        assert it.wait_end().status == "completed"
        assert it.run("flag", "show").startswith("new-checkout: 100 % of users")
        assert not [answer for answer in traffic.answers() if answer.failed]
        it.check_history(it.latest())
        it.flag_off()
        it.run("deploy", release(it, "v2", "grpc", "flag"), expect=4)
    assert "error rate" in it.latest().state.reason
    assert it.run("flag", "show").startswith("new-checkout: 0 % of users")
    assert it.json("status")["serving"] == "v2", "the code stays, dark"
