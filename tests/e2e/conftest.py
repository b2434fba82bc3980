"""A whole Pilotage as a user runs it: the command line, its worker, a real Envoy, the demo's shop and its users."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest

from pilotage.adapters.envoy_admin import admin_url
from pilotage.adapters.free_port import free_port
from pilotage.adapters.http import get_json
from pilotage.demo.traffic import VERSION_HEADER, Traffic
from pilotage.engine.placement.lock import worker_pid
from pilotage.engine.placement.places import known
from pilotage.engine.records.store import Store
from pilotage.model.json import find, list_at, text_at, whole_at
from pilotage.model.record import Rollout

from ..typed import typed

FAST = {
    "approval.required": False,
    "checks.required": False,
    "canary.weights": ["25%", "100%"],
    "canary.phase_duration": "1s",
    "canary.bake_duration": "1s",
    "analysis.min_requests": 10,
    "analysis.warmup_duration": 0,
    "canary.drain_duration": "500ms",
    "hold.timeout": "20s",
    "rollback_triggers.response_time_factor": 3.0,  # the test machine does other things at the same time
    "rollout.interval": "400ms",
}
THREE_WEIGHTS = {"canary.weights": ["25%", "50%", "100%"]}
"""For tests of what lies between the first weight and the last."""

_IN_PROCESS = """
    status history events explain ready sign-off waive audit report dora incident retro followup
    deploy watch pause resume promote abort rollback approve reject down announce
"""
IN_PROCESS = frozenset(_IN_PROCESS.split())
"""Commands whose own process adds nothing to most tests. `test_commands.py` types each as a process, as a user does."""


class Shop:
    """A project folder with the demo's shop. types_processes: of all such shops of this test process, the first of each
    command is a process of its own."""

    _typed: ClassVar[set[str]] = set()

    def __init__(
        self,
        directory: Path,
        overrides: dict[str, Any],
        tolerance: str,
        metrics_admin: str = "",
        strategy: str = "canary",
        count: int = 2,
    ) -> None:
        self.directory = directory
        self.types_processes = False
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (directory / "releases").mkdir()
        command = [sys.executable, "-m", "pilotage.demo.shop", "--port", "{port}", "--release", "{version}"]
        flags = ["--flags", str(directory / "flags.json")] if strategy == "feature-toggle" else []
        fleet = {
            "kind": "process",
            "command": [*command, "--releases", str(directory / "releases"), *flags],
            "count": count,
            "health_check_path": "/healthz",
            "stop_timeout": "3s",
            "pass_env": ["PYTHONPATH"],  # the instances run the same code as the tests
        }
        router = {
            "kind": "envoy",
            "listen": f"127.0.0.1:{self.port}",
            "sticky": {"cookie": "session"},
            "version_header": VERSION_HEADER,
        }
        metrics = {"kind": "envoy", **({"admin": metrics_admin} if metrics_admin else {})}
        environment = {"fleet": fleet, "router": router, "metrics": metrics, "overrides": {**FAST, **overrides}}
        answers = {
            "release_type": "minor",
            "deployment_strategy": strategy,
            "team_size": "small",
            "release_frequency": "weekly",
            "risk_tolerance": tolerance,
            "stakeholder_complexity": ["customer-facing"],
        }
        whole = {"service": "shop", "answers": answers, "environments": {"production": environment}}
        (directory / "pilotage.yaml").write_text(json.dumps(whole, indent=2))

    def configure(self, **section: Any) -> None:
        """Add to the environment's section."""
        path = self.directory / "pilotage.yaml"
        whole = json.loads(path.read_text())
        whole["environments"]["production"].update(section)
        path.write_text(json.dumps(whole, indent=2))

    def configure_whole(self, **sections: Any) -> None:
        """Add to the whole configuration."""
        path = self.directory / "pilotage.yaml"
        path.write_text(json.dumps({**json.loads(path.read_text()), **sections}, indent=2))

    def section(self, name: str) -> Any:
        """A part of the environment's section, as it is configured now."""
        return json.loads((self.directory / "pilotage.yaml").read_text())["environments"]["production"][name]

    def configuration(self, name: str) -> Any:
        """A part of the whole configuration, as it is now."""
        return json.loads((self.directory / "pilotage.yaml").read_text())[name]

    def flag_off(self) -> None:
        """The flag of a first release reaches everyone; the next one begins with nobody."""
        definitions = json.loads((self.directory / "flags.json").read_text())
        flag = definitions["flags"]["new-checkout"]
        flag.pop("targeting")
        (self.directory / "flags.json").write_text(json.dumps(definitions))

    def release(self, version: str, fault: str = "none") -> str:
        """Build a release; returns its version."""
        (self.directory / "releases" / f"{version}.json").write_text(json.dumps({"fault": fault}))
        return version

    def run(self, *arguments: str, expect: int | None = 0, actor: str = "ada") -> str:
        """The standard output of `pilotage …`, typed by `actor`, which must end with `expect`."""
        done = self._type(arguments, actor)
        if expect is not None:
            assert done.returncode == expect, (
                f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.log()}"
            )
        return done.stdout

    def _type(self, arguments: tuple[str, ...], actor: str) -> subprocess.CompletedProcess[str]:
        """Run most commands in this process: the worker, the router and the instances that they start are processes of
        their own either way. Starting Python for each command took a quarter of these tests' time."""
        name = arguments[2 if arguments[0] == "-s" else 0]
        if name in IN_PROCESS and not (self.types_processes and name not in self._typed):
            return typed(*arguments, cwd=self.directory, actor=actor)
        if self.types_processes:
            self._typed.add(name)
        try:
            return subprocess.run(
                [sys.executable, "-m", "pilotage.cli.main", *arguments],
                cwd=self.directory,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                timeout=120,
                env={**os.environ, "PILOTAGE_ACTOR": actor},
            )
        except subprocess.TimeoutExpired as late:
            said = b"".join(part for part in (late.stdout, late.stderr) if isinstance(part, bytes)).decode()
            pytest.fail(f"{arguments}: not over after {late.timeout:g} s\n{said}\n{self.told()}\n{self.log()}")

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))

    @property
    def state(self) -> Path:
        return self.directory / ".pilotage"

    def store(self) -> Store:
        return Store(self.state)

    def log(self) -> str:
        path = self.state / "worker.log"
        return path.read_text()[-3000:] if path.exists() else ""

    def told(self) -> str:
        """What every rollout of this project came to so far, for whoever has to find out why one does not end."""
        store = self.store()
        members = [r for service, environment in known(store.engine) for r in store.history(service, environment)]
        lines = [
            f"{r.service} {r.version} {r.status} at step {r.step} ({r.weight}‰): {r.reason}; open: "
            f"{[c.kind.value for c in store.pending(r.id)]}; last: {[e.sentence for e in store.events(r.id)[-3:]]}"
            for r in members
        ]
        store.close()
        return "\n".join(lines)

    def latest(self) -> Rollout:
        store = self.store()
        found = store.latest("shop", "production")
        store.close()
        assert found is not None
        return found

    def wait(
        self, wanted: Callable[[Rollout], bool], deadline: float = 60.0, service: str = "shop", every: float = 0.1
    ) -> Rollout:
        store, until = self.store(), time.monotonic() + deadline
        try:
            while True:
                rollout = store.latest(service, "production")
                if rollout is not None and wanted(rollout):
                    return rollout
                assert time.monotonic() < until, f"{rollout and rollout.state}\n{self.log()}"
                time.sleep(every)
        finally:
            store.close()

    def wait_end(self, deadline: float = 60.0) -> Rollout:
        return self.wait(lambda r: r.state.status.final, deadline)

    def split(self) -> dict[str, int]:
        """Weights by cluster, as the router itself shows them: nothing of Pilotage's reading in between."""
        place = self.state / "run" / "shop-production" / "router"
        dump = get_json(f"{admin_url(place)}/config_dump?resource=dynamic_route_configs")
        (route,) = [
            r
            for r in list_at(dump, "configs", 0, "route_config", "virtual_hosts", 0, "routes")
            if find(r, "match", "headers") is None
        ]
        clusters = list_at(route, "route", "weighted_clusters", "clusters")
        return {text_at(one, "name"): whole_at(one, "weight") for one in clusters}

    def processes(self) -> list[psutil.Process]:
        """Every living process of this project, by the paths in its arguments or environment."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                mine = [*process.cmdline(), process.environ().get("PILOTAGE_PROCESS", "")]
                if any(str(self.directory) in part for part in mine) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def instances(self, version: str) -> list[psutil.Process]:
        found = []
        for process in self.processes():
            with contextlib.suppress(psutil.Error):  # it may end while it is looked at
                if {"pilotage.demo.shop", version} <= set(process.cmdline()):
                    found.append(process)
        return found

    def envoy(self) -> psutil.Process:
        (found,) = [p for p in self.processes() if "--disable-hot-restart" in p.cmdline()]
        return found

    def kill_worker(self) -> bool:
        """kill -9; waits for the worker that the supervisor may be starting just now. False when none comes."""
        until = time.monotonic() + 10
        while (pid := worker_pid(self.state)) is None:
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return True

    def check_history(self, rollout: Rollout) -> None:
        """The chain is whole, and each transition was told exactly once."""
        store = self.store()
        assert store.broken_link(rollout.id) is None
        events = store.events(rollout.id)
        store.close()
        steps = [e.data["step"] for e in events if e.type == "step-started"]
        assert len(steps) == len(set(steps)), steps
        for once in ("rollout-started", "rollback-started", "completed", "rolled-back"):
            assert [e.type for e in events].count(once) <= 1, once
        assert events[-1].type in ("completed", "rolled-back", "failed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A whole life of releases takes many commands, and a busy machine starts each of them slowly. What hangs is found
    by each command's own deadline; this one, of the whole, leaves `down` its time."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(600))


Make = Callable[..., Shop]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Make]:
    """Makes a shop; afterwards it is taken down by its own command, and nothing of it is left."""
    made: list[Shop] = []

    def make(
        tolerance: str = "low", metrics_admin: str = "", strategy: str = "canary", count: int = 2, **overrides: Any
    ) -> Shop:
        named = {path.replace("__", "."): value for path, value in overrides.items()}
        made.append(Shop(tmp_path, named, tolerance, metrics_admin, strategy, count))
        return made[0]

    yield make
    for each in made:
        each.run("down", "--yes")
        assert each.processes() == []


@contextlib.contextmanager
def users(shop: Shop, rate: float = 50.0) -> Iterator[Traffic]:
    with Traffic(shop.url, rate, users=200, seed=1, threads=8) as traffic:
        yield traffic
