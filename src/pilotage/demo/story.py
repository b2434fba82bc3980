"""The demo itself: a shop behind a real load balancer, users, a good release and a bad one, and what was measured."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pilotage.adapters.free_port import free_port
from pilotage.adapters.routers.embedded import NAMES, embedded_kind
from pilotage.app.deploy import deploy
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.app.project import Project
from pilotage.app.requests import DeployRequest
from pilotage.app.teardown import take_down
from pilotage.config.loading import Loaded, load
from pilotage.demo.traffic import PROMISE, VERSION_HEADER, Measured, Traffic, measure
from pilotage.engine.execution.supervisor import ensure_worker, stop_worker
from pilotage.engine.records.store import Store
from pilotage.model.record import Recorded, Rollout
from pilotage.model.rollout import Status
from pilotage.render.lines import event_lines, local_clock
from pilotage.render.markdown import to_markdown
from pilotage.report.explanation import explain

FIRST = "1.0.0"
_RATE, _USERS = 240.0, 400
_FIRST_DEADLINE, _RUN_DEADLINE = 60.0, 180.0


class Fault(StrEnum):
    """What a bad release does wrong; NONE is a good one."""

    NONE = "none"
    ERRORS = "errors"
    SLOW = "slow"
    CRASH = "crash"
    MEMORY = "memory"


@dataclass(frozen=True)
class Run:
    """One release of the demo and how it went. `as_told`: it ended as its fault demands, and nothing was lost."""

    version: str
    fault: Fault
    rollout: Rollout
    events: Sequence[Recorded]
    measured: Measured
    explained: Sequence[str]

    @property
    def as_told(self) -> bool:
        wanted = Status.COMPLETED if self.fault is Fault.NONE else Status.ROLLED_BACK
        unharmed = self.fault is not Fault.NONE or self.measured.failed == 0
        return self.rollout.state.status is wanted and self.measured.lost == 0 and unharmed


def router_name() -> str:
    """The router of the demo: Envoy, or Traefik where there is no Envoy."""
    return NAMES[embedded_kind()]


Show = Callable[[Rollout, Sequence[Recorded], Measured], None]
"""Called some times a second while a rollout runs, with what users have seen of it so far."""


def play(
    directory: Path, faults: Sequence[Fault], seed: int, begin: Callable[[str, Fault], None], show: Show
) -> list[Run]:
    """Play one release per fault in `directory`, which is emptied first. Leaves nothing running."""
    releases = {f"1.{n}.0": fault for n, fault in enumerate((Fault.NONE, *faults))}
    runs: list[Run] = []
    with stage(directory, releases, seed) as shop:
        for version, fault in list(releases.items())[1:]:
            begin(version, fault)
            runs.append(shop.release(version, fault, show))
    _write_report(directory, runs)
    return runs


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The shop with users, and its first version. loaded: its configuration."""

    store: Store
    loaded: Loaded
    traffic: Traffic

    def release(self, version: str, fault: Fault, show: Show) -> Run:
        """Roll a version out, to its end."""
        return _release(self.store, self.loaded, version, fault, self.traffic, show)


@contextmanager
def stage(directory: Path, releases: Mapping[str, Fault], seed: int) -> Iterator[Stage]:
    """The shop in `directory`, which is emptied first. Leaves nothing running. releases: every version with its fault,
    the first one first."""
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "releases").mkdir(parents=True)
    port = free_port()
    for version, fault in releases.items():
        (directory / "releases" / f"{version}.json").write_text(json.dumps({"fault": fault}))
    (directory / "pilotage.yaml").write_text(_configuration(directory, port))
    with _control(directory / ".pilotage") as store:
        loaded = load(directory / "pilotage.yaml")
        _first(store, directory, loaded)
        with Traffic(f"http://127.0.0.1:{port}", _RATE, _USERS, seed) as traffic:
            time.sleep(1.5)
            yield Stage(store=store, loaded=loaded, traffic=traffic)


@contextmanager
def _control(state: Path) -> Iterator[Store]:
    """A store with a worker on it; afterwards no process of either is left."""
    store = Store(state)
    ensure_worker(state)
    try:
        yield store
    finally:
        stop_worker(state)
        take_down(store, state)
        store.close()


def _quiet(loaded: Loaded, store: Store) -> Project:
    """Without the advice that a real service would get."""
    project = Project.of(loaded, store)
    project.warn = lambda _: None
    return project


def _first(store: Store, directory: Path, loaded: Loaded) -> None:
    plan = plan_for(loaded, "demo", PlanRequest(FIRST, first=True))
    started = deploy(_quiet(loaded, store), "demo", DeployRequest(plan=plan))
    assert started.rollout is not None
    until = time.monotonic() + _FIRST_DEADLINE
    while not (rollout := store.get(started.rollout.id)).state.status.final:
        if time.monotonic() > until:
            raise TimeoutError(f"{FIRST} did not start; {directory / '.pilotage' / 'worker.log'} says why")
        time.sleep(0.05)
    if rollout.state.status is not Status.COMPLETED:
        raise RuntimeError(f"{FIRST} did not start: {rollout.state.reason}")


def _release(store: Store, loaded: Loaded, version: str, fault: Fault, traffic: Traffic, show: Show) -> Run:
    since = time.time()
    started = deploy(_quiet(loaded, store), "demo", DeployRequest(plan=plan_for(loaded, "demo", PlanRequest(version))))
    assert started.rollout is not None
    identity, until = started.rollout.id, time.monotonic() + _RUN_DEADLINE
    while True:
        rollout, events = store.get(identity), store.events(identity)
        measured = measure(traffic.answers(), version, since)
        show(rollout, events, measured)
        if rollout.state.status.final and len(events) >= rollout.events:
            break
        if time.monotonic() > until:
            raise TimeoutError(f"{version} has not finished: {explain(rollout, events, local_clock).answer}")
        time.sleep(0.1)
    # Whatever the end broke, users would see now.
    time.sleep(1.0)
    measured = measure(traffic.answers(), version, since)
    return Run(version, fault, rollout, events, measured, explain(rollout, events, local_clock).lines)


def figures(run: Run) -> list[str]:
    """What the users of a run saw, in event_lines."""
    m = run.measured
    said = [f"{m.requests:,} requests, {m.new_version:,} of them served by {run.version}; {m.failed:,} failed"]
    said.append(f"requests lost while switching: {m.lost}")
    said.append(f"affected users (a failed response, or one over {PROMISE * 1000:.0f} ms): {m.hurt} of {_USERS}")
    if run.fault is not Fault.NONE:
        if m.undone is not None:
            said.append(f"from the first bad response to 0 % canary: {m.undone:.1f} s")
        else:
            said.append("no user got a bad response")
        said.append(f"from the first to the last response of {run.version}: {m.exposed:.1f} s")
    return said


def _write_report(directory: Path, runs: Sequence[Run]) -> None:
    lines = ["# Pilotage demo", "", "Measured on the users' side, not by the controller.", ""]
    for run in runs:
        kind = "good" if run.fault is Fault.NONE else f"bad: {run.fault}"
        lines += [f"## {run.version} ({kind}): {run.rollout.state.status}", ""]
        lines += [f"- {figure}" for figure in figures(run)]
        lines += ["", "```", *run.explained, "", *event_lines(run.events), "```", ""]
    if runs:
        lines += [to_markdown(runs[-1].rollout.plan).replace("\n#", "\n##").replace("# ", "## ", 1)]
    (directory / "report.md").write_text("\n".join(lines), encoding="utf-8")
    import msgspec

    from pilotage.render.outputs import event_output

    with (directory / "events.jsonl").open("w", encoding="utf-8") as file:
        for run in runs:
            file.writelines(msgspec.json.encode(event_output(event)).decode() + "\n" for event in run.events)


def _configuration(directory: Path, port: int) -> str:
    command = [sys.executable, "-m", "pilotage.demo.shop", "--port", "{port}", "--release", "{version}"]
    command += ["--releases", str(directory.resolve() / "releases")]
    kind = embedded_kind()
    return f"""\
# The demo's configuration: a real one, with seconds instead of hours.
service: shop
answers:
  release_type: minor
  deployment_strategy: canary
  team_size: small
  release_frequency: continuous
  risk_tolerance: low
  stakeholder_complexity: [customer-facing]
environments:
  demo:
    fleet: {{kind: process, command: {json.dumps(command)}, count: 2, health_check_path: /healthz, stop_timeout: 3s}}
    router:
      {{kind: {kind}, listen: "127.0.0.1:{port}", sticky: {{cookie: session}}, version_header: {VERSION_HEADER}}}
    metrics: {{kind: {kind}}}
    overrides:
      approval.required: false
      canary.phase_duration: 4s
      canary.bake_duration: 4s
      analysis.min_requests: 30
      analysis.warmup_duration: 0s
      canary.drain_duration: 1s
      hold.timeout: 20s
      # A laptop that runs other programs is noisy, so allow more latency.
      rollback_triggers.response_time_factor: 2.0
      rollout.interval: 250ms
"""
