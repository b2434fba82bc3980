"""Each alert of a plan fires in a real Prometheus over a real Envoy, and arrives by a real Alertmanager (R20).

Five releases at once, each with a fault of its own: what each is told of is its own alert, and no other.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from pilotage import Answers, Plan, Service, make_plan
from pilotage.adapters.free_port import free_port
from pilotage.adapters.metrics_page import MetricsServer
from pilotage.app.alert_rules import AlertRules, RulesFile
from pilotage.model.live import LiveView, SeenInstance
from pilotage.model.rollout import Status
from pilotage.model.traffic import Split
from pilotage.plan.numbers import Override
from pilotage.render.dashboard import to_dashboard
from pilotage.render.exposition import CONTENT_TYPE
from pilotage.render.metrics_page import Shown, metrics_page
from pilotage.render.rules import to_rules

from ..monitors import Monitors, monitors, wait_for
from .conftest import EnvoyUnderTest, Version

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

STABLE = "1.0.0"
FAULTY = {
    "2.0.1": {"HighErrorRate", "LowSuccessRate"},
    "2.0.2": {"LowSuccessRate"},
    "2.0.3": {"PerformanceDegradation"},
    "2.0.4": {"CanaryHealthCheckFailed"},
    "2.0.5": {"NoData"},
    "2.0.6": set[str](),
}
"""What each version is told of. At medium, 5 % of errors are too many, and less than 99 % of successes are worth a
pause."""

SOON = {
    "alerts.window": "2s",
    "alerts.min_requests": 10,
    "hold.timeout": "10s",
    "rollback_triggers.response_time_factor": 5.0,
}
"""Alerts that fire as soon as Prometheus has evaluated them twice."""


def plan_of(version: str) -> Plan:
    answers = Answers("minor", "canary", "medium", "weekly", "medium", "customer-facing")
    overrides = {path: Override(value, "pilotage.yaml:1") for path, value in SOON.items()}
    measured = {"application_error_rate": "envoy", "response_time_p95": "envoy"}
    service = Service("shop", instances=4, measured=measured, overrides=overrides)
    return make_plan(answers, version=version, service=service)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Monitors]:
    with monitors(tmp_path / "monitors") as found:
        yield found


def test_each_alert_fires_for_its_own_fault_and_arrives(
    watched: Monitors, routed: EnvoyUnderTest, versions: Callable[[str], Version], tmp_path: Path
) -> None:
    stats, page_port = free_port(), free_port()
    routed.configured(stats=("127.0.0.1", stats))
    in_envoy = [STABLE, *(version for version in FAULTY if version != "2.0.5")]
    backends = {version: [versions(version).address] for version in in_envoy}
    shares = tuple((version, 200 if n == 0 else 160) for n, version in enumerate(in_envoy))
    routed.take(Split(shares), backends)
    watched.scrape(f"127.0.0.1:{stats}", path="/stats/prometheus")
    watched.scrape(f"127.0.0.1:{page_port}")
    page = MetricsServer(("127.0.0.1", page_port), CONTENT_TYPE, lambda: metrics_page([shown("2.0.4", ready=1)]))

    rules = AlertRules(tmp_path)
    files = {str(path): RulesFile(path=str(path), text=text, prometheus=watched.prometheus)
             for path, text in texts(watched.rules)}  # fmt: skip
    rules.keep(files)
    wait_for(lambda: len(watched.loaded()) == 5, watched.loaded)

    users = {routed.ask(user=f"u{n}"): f"u{n}" for n in range(200)}

    def arrived() -> bool:
        serve_all(routed, users)
        return all(watched.receiver.firing(version) >= alerts for version, alerts in FAULTY.items())

    try:
        wait_for(arrived, lambda: {v: watched.receiver.firing(v) for v in FAULTY}, deadline=60)
        unanswered = [query for query in queries("2.0.4") if not watched.answers(query)]
        told = {version: watched.receiver.firing(version) for version in FAULTY}
    finally:
        page.stop()
    assert told == FAULTY
    assert unanswered == [], "of the dashboard"

    rules.keep({})
    assert watched.loaded() == set()
    assert list(watched.rules.iterdir()) == []


def queries(version: str) -> list[str]:
    """Whatever the dashboard of a version asks Prometheus."""
    drawn = json.loads(to_dashboard(plan_of(version), page=True))
    return [target["expr"] for panel in drawn["panels"] for target in panel["targets"]]


def texts(folder: Path) -> Iterator[tuple[Path, str]]:
    for version in FAULTY:
        yield folder / f"{version}.yml", to_rules(plan_of(version), page=True)


def serve_all(routed: EnvoyUnderTest, users: Mapping[str, str]) -> None:
    """Requests of each version's users; some of them meet its fault."""
    for n in range(100):
        routed.ask("/error" if n % 4 else "/", user=users["2.0.1"])
        for m in range(3):  # so many that no window holds a twentieth of errors, however slow this machine is
            routed.ask("/error" if (3 * n + m) % 50 == 0 else "/", user=users["2.0.2"])
        for version in (STABLE, "2.0.4", "2.0.6"):
            routed.ask(user=users[version])
        if n % 10 == 0:
            routed.ask("/slow", user=users["2.0.3"])
    time.sleep(0.5)


def shown(version: str, *, ready: int) -> Shown:
    """A canary that two instances serve half of the users of, with so many of them ready."""
    plan = plan_of(version)
    step = next(step for step in plan.steps if step.weight == 500)
    health = ["healthy"] * ready + ["unhealthy"] * (2 - ready)
    instances = tuple(SeenInstance(id=f"{n}", version=version, health=one) for n, one in enumerate(health))
    live = LiveView(at=time.time(), step=step.id, instances=instances, health=0.8)
    return Shown(
        service="shop", environment="production", version=version, old=STABLE, status=Status.PROGRESSING, plan=plan,
        live=live,
    )  # fmt: skip
