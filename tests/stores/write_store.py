"""Writes `COMMIT.sqlite.gz`: a store as the code of that commit leaves it, with a rollout of every kind in it.

`git archive COMMIT src | tar x -C /tmp/old`, then `PYTHONPATH=/tmp/old/src python tests/stores/write_store.py COMMIT`.
Only once: a stored store is never written anew. The store is the real one, and so are the plans, the judge, the looks
and the events; router and fleet obey at once. In `shop/production`: 1.0 completed, 2.0 undone for its errors, 3.0 under
way at 50 %, 4.0 queued (from 9482f63 on, as are people, channels, a sign-off, a waiver, an action and a freeze).
"""

from __future__ import annotations

import gzip
import importlib
import importlib.util
import inspect
import shutil
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pilotage.config.loading import load
from pilotage.model.observation import Health, Histogram, Instance, Observation, Reading

# This program runs on the code of the release whose store it writes: names that have moved since are looked up.
deploy = importlib.import_module("pilotage.engine.deployments").deploy
module: Any = importlib.import_module("pilotage.engine.driver")
Store: Any = importlib.import_module("pilotage.engine.store").Store

YAML = """\
service: shop
answers:
  release_type: minor
  deployment_strategy: canary
  team_size: medium
  release_frequency: weekly
  risk_tolerance: low
  stakeholders: [customer-facing, enterprise]
{more}environments:
  production:
    fleet:
      kind: process
      command: [python, -m, shop, --port, "{{port}}", --release, "{{version}}"]
      count: 4
      health: /healthz
    router: {{kind: envoy, listen: "127.0.0.1:18099"{page}}}
    overrides:
      canary.weights: [25%, 50%, 100%]
      canary.phase_duration: 300ms
      canary.bake_duration: 50ms
      canary.drain_duration: 10ms
      rollout.tick: 5ms
      hold.duration: 20s
      judge.warm_up: 10ms
"""
MORE = """\
people: {ada: {roles: [QA lead], also: ["slack:U1"]}}
notify: [{kind: webhook, name: hook, url: "http://127.0.0.1:9/hook", secret: "secret://env/PILOTAGE_NOT_SET", \
audiences: [operators]}]
calendar: {zone: Europe/Berlin, opens: "09:00", closes: "17:00"}
"""
MODERN = importlib.util.find_spec("pilotage.engine.actions") is not None


class Obedient:
    """A router, a fleet and their figures: what is asked of them is so at once. bad: a version whose answers fail."""

    def __init__(self) -> None:
        self.split: Any = None
        self.counts: dict[str, int] = {}
        self.bad = ""

    def apply(self, split: Any, _backends: object) -> None:
        self.split = split

    def read(self) -> Any:
        return self.split

    def endpoints(self) -> dict[str, frozenset[tuple[str, int]]]:
        return {v: frozenset((i.host, i.port) for i in self.instances() if i.version == v) for v in self.counts}

    def ensure(self, version: str, count: int) -> None:
        self.counts[version] = count

    def instances(self) -> tuple[Instance, ...]:
        return tuple(
            Instance(f"{v}-{n}", v, "h", 1000 * int(v[0]) + n, Health.HEALTHY, 30_000_000)
            for v, count in self.counts.items()
            for n in range(count)
        )

    def log_tail(self, _instance: str, _lines: int = 3) -> tuple[str, ...]:
        return ()

    def observe(self, versions: list[str], _cursor: object) -> Reading:
        found = []
        for version in versions:
            requests = round(4 * self.split.weight(version)) if self.split else 0
            errors = requests * 3 // 10 if version == self.bad else 0
            found.append(Observation(version, requests, errors, Histogram((0.05, 1.0), (requests, 0, 0))))
        return Reading(tuple(found), {}, time.time())


def drive(store: Any, place: Path, rollout: str, until: Any) -> None:
    driver: Any = module.Driver(store, place, rollout, "maker/1/1.0")
    stop = time.monotonic() + 20
    look = driver.look if hasattr(driver, "look") else driver._look
    while not until(driver.rollout):
        assert time.monotonic() < stop, driver.rollout.state
        look()
        time.sleep(0.005)


def main(commit: str) -> None:
    place = Path(tempfile.mkdtemp()) / "shop"
    place.mkdir()
    page = ", maintenance_page: closed.html" if MODERN else ""
    (place / "closed.html").write_text("<p>closed</p>")
    (place / "pilotage.yaml").write_text(YAML.format(more=MORE if MODERN else "", page=page))
    loaded, store, world = load(place / "pilotage.yaml"), Store(place / ".pilotage"), Obedient()
    target: Any = vars(module)["Target"]
    vars(module)["open_target"] = lambda *_: target(world, world, world)

    def asked(version: str, **how: str) -> str:
        plans = importlib.import_module("pilotage.engine.plans")
        wish: Any = plans.Wish(version) if hasattr(plans, "Wish") else version
        by: Any = "ada"
        if MODERN:
            by = importlib.import_module("pilotage.engine.deployments").Asked("ada", **how)
        started = deploy(store, loaded, plans.plan_for(loaded, "production", wish), by).rollout
        assert started is not None
        return str(started.id)

    drive(store, place, asked("1.0"), lambda r: r.state.status.final)
    world.bad = "2.0"
    drive(store, place, asked("2.0"), lambda r: r.state.status.final)
    under_way = asked("3.0")
    drive(store, place, under_way, lambda r: r.plan.steps[r.state.step].id == "analyse-50%")
    if MODERN:
        asked("4.0", busy="queue")
        said(store, store.get(under_way).plan)
    store.close()
    written = Path(__file__).with_name(f"{commit}.sqlite.gz")
    written.write_bytes(gzip.compress(whole(place / ".pilotage" / "pilotage.sqlite"), mtime=0))
    shutil.rmtree(place.parent)
    print(written, written.stat().st_size)


def said(store: Any, plan: Any) -> None:
    """What people said: a sign-off, a waiver, an action, a freeze of another environment."""
    names = ("engine.actions", "engine.signatures", "model.readiness", "model.calendar", "report.retro")
    actions, signatures, readiness, calendar, retro = (importlib.import_module(f"pilotage.{name}") for name in names)
    now = time.time()
    word = SimpleNamespace(by="ada", comment="seen", at=now, plan=plan.hash, artifact="")
    for kind, item, until in (("sign-off", "", None), ("waiver", "load_testing", now + 86400 * 3650)):
        signed = readiness.Signature(
            readiness.SignatureKind(kind), item, "QA lead", word.by, word.comment, word.at, until, word.plan, ""
        )
        signatures.sign(store.engine, "shop", "production", "3.0", signed)
    action = retro.Action(0, "add an index", "ada", "2027-01-31", "p95 below 200 ms", "high", "2.0")
    dated = [now] if "now" in inspect.signature(actions.add).parameters else []
    actions.add(store.engine, "shop", action, [], "ada", *dated)
    from datetime import UTC, datetime

    freeze = calendar.Freeze("audit", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    store.freezes.declare("shop", "staging", freeze, "ada", "the audit")


def whole(path: Path) -> bytes:
    """The database in one file, without its log of writes."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    return path.read_bytes()


if __name__ == "__main__":
    main(sys.argv[1])
