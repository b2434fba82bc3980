"""R35: what a load balancer and a Prometheus ask of a server is answered truly, by a real server."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from pilotage.app.examine_server import examine_server
from pilotage.app.server_health import Grade, ready
from pilotage.engine.placement.lock import WORKER, lock_file
from pilotage.engine.records.restored import restoring
from pilotage.engine.records.version import Versions
from pilotage.model.events import Paused, Resumed
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.rollout import Decision, Status
from tests.web.site import Served


def test_a_server_is_alive_and_ready_and_says_what_is_missing(server: Served) -> None:
    anybody = server.anybody()
    assert anybody.get("/healthz").json["status"] == "ok"
    got = anybody.get("/readyz")
    assert (got.status, got.json["status"]) == (200, "warn")
    assert [one["status"] for one in got.json["checks"]] == ["ok", "ok", "warn"]
    lock = lock_file(server.store.directory / WORKER)
    assert anybody.get("/readyz").json["status"] == "ok"
    del lock
    with server.store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    got = anybody.get("/readyz")
    assert (got.status, got.json["checks"][1]["status"]) == (503, "fail")
    assert "9999" in got.json["checks"][1]["detail"]
    assert anybody.get("/healthz").status == 200


def test_a_disk_without_room_is_said_before_changes_are_refused(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reads go on, so load balancers may still send them."""
    usage = shutil.disk_usage(server.store.directory)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
    got = server.anybody().get("/readyz")
    assert (got.status, got.json["checks"][-1]["name"], got.json["checks"][-1]["status"]) == (200, "disk", "warn")
    assert got.json["checks"][-1]["detail"].startswith("1 MiB are free: changes will be refused")


def test_a_store_that_is_away_or_half_restored_is_not_ready_and_nothing_of_it_is_told(server: Served) -> None:
    with restoring(server.store.directory, server.store.directory / "backup.zip"):
        assert ready(server.store).grade is Grade.FAIL
    with server.store.engine.begin() as connection:
        connection.execute(text("DROP TABLE leases"))
    got = server.anybody().get("/readyz")
    assert got.status == 503
    assert got.json["checks"][0]["detail"] == "the store does not answer: OperationalError"


def test_a_live_server_says_so_to_who_sends_credentials_while_its_store_is_away(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.person("grafana", "viewer")
    prometheus, browser = server.with_token("grafana", "viewer"), server.signed_in("grafana")

    def away(_: object) -> None:
        raise OperationalError("SELECT 1", {}, OSError("gone"))

    monkeypatch.setattr(Versions, "now", away)
    for one in (prometheus, browser):
        assert one.get("/healthz").status == 200
        assert one.get("/api/v1/rollouts").status == 503


def test_a_file_that_becomes_wrong_is_told_everywhere_and_stops_nobody(server: Served) -> None:
    server.person("ada", "admin")
    rollout, browser, anybody = server.rollout(), server.signed_in("ada"), server.anybody()
    config = server.site.project.config
    good = config.read_text()
    config.write_text(good.replace("team_size: small", "team_size: tiny"))
    ready_now = anybody.get("/readyz")
    assert (ready_now.status, ready_now.json["checks"][-1]["name"]) == (200, "configuration")
    assert "team_size" not in ready_now.text
    for path in ("/", "/services", "/services/shop/production", f"/rollouts/{rollout.id}", "/settings", "/audit"):
        page = browser.get(path)
        assert page.status == 200, path
        assert "pilotage.yaml cannot be used:</b>" in page.text, path
        assert "team_size" in page.text, path
    login = anybody.get("/login").text
    assert "pilotage.yaml cannot be used:" in login
    assert "team_size" not in login
    assert "only emergency accounts sign in here" in login
    found = {one.what: one for one in examine_server(server.site.project)}
    assert found["configuration"].result == "FAIL"
    public = anybody.get("/public/status/", Accept="text/html")
    assert (public.status, public.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "team_size" not in public.text
    assert browser.submit(f"/rollouts/{rollout.id}/abort", reason="errors").status == 303
    assert [one.kind.value for one in server.store.pending(rollout.id)] == ["abort"]
    config.write_text(good)
    assert "cannot be used" not in browser.get("/").text
    assert anybody.get("/readyz").json["checks"][-1]["name"] == "worker"


def _series(page: str) -> dict[str, float]:
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in page.splitlines() if line[0] != "#"}


def test_the_metrics_are_those_of_the_store_and_of_requests(server: Served) -> None:
    server.person("grafana", "viewer")
    prometheus = server.with_token("grafana", "viewer")
    rollout = server.rollout()
    before = _series(prometheus.get("/metrics").text)
    place = 'service="shop",environment="production"'
    assert before[f'pilotage_rollouts{{{place},status="progressing"}}'] == 1
    assert before[f'pilotage_rollout_duration_seconds_count{{{place},status="completed"}}'] == 0, "or no increase shows"
    assert before["pilotage_worker_up"] == 0
    now = time.time()
    ended = replace(rollout.state, status=Status.COMPLETED, at=now)
    events = (Paused(actor="ada", reason="lunch").record(), Resumed(actor="ada").record())
    server.store.record(rollout, Decision(ended, (), events, ()), None, NOTHING_SEEN)
    for path in ("/api/v1/rollouts", "/nowhere/1", "/nowhere/2"):
        prometheus.get(path)
    page = prometheus.get("/metrics").text
    after = _series(page)
    assert after[f'pilotage_rollouts{{{place},status="progressing"}}'] == 0
    assert after[f'pilotage_rollouts_ended_total{{{place},status="completed"}}'] == 1
    assert after[f'pilotage_rollout_duration_seconds_count{{{place},status="completed"}}'] == 1
    assert f'pilotage_rollout_paused_seconds_total{{{place},status="completed"}}' in after
    assert after['pilotage_http_requests_total{route="/api/v1/rollouts",method="GET",status="200"}'] == 1
    assert after['pilotage_http_requests_total{route="unmatched",method="GET",status="404"}'] == 2
    assert after['pilotage_http_request_duration_seconds_count{route="unmatched",method="GET"}'] == 2
    assert after["pilotage_http_requests_in_progress"] == 1  # this one
    assert after["pilotage_store_statement_seconds_count"] > before["pilotage_store_statement_seconds_count"]
    assert "/nowhere" not in page
    _is_what_prometheus_reads(page)


def _is_what_prometheus_reads(page: str) -> None:
    if (promtool := shutil.which("promtool")) is None:
        pytest.skip("no promtool here")
    done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_metrics_are_for_those_who_see_every_service(server: Served) -> None:
    server.person("dora", "viewer@shop/production")
    assert server.anybody().get("/metrics").status == 401
    assert server.with_token("dora", "viewer@shop/production").get("/metrics").status == 403
