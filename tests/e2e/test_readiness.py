"""From nothing to ready: evidence of real tools, people, a drill, a bundle; until then deploy refuses (R5–R7)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pilotage.adapters.free_port import free_port
from tests.unit.risk.repository import Repository

from .conftest import Make, Shop, users

pytestmark = pytest.mark.real

READINESS = {
    "staging": "staging",
    "artifact": "dist/shop.bin",
    "not_measured": dict.fromkeys(
        ("database_connection_pool", "external_service_latency", "user_session_health"), "the shop has none"
    ),
    "evidence": {
        "unit_test_coverage": {"coverage": "reports/coverage.xml", "tests": ["reports/junit.xml"]},
        "integration_test_coverage": {"coverage": "reports/coverage.json", "min_coverage": 80},
        "code_review_completion": {"reviews": {"since": "v0"}},
        "static_analysis_passing": {"findings": ["reports/ruff.sarif"]},
        "performance_benchmarks": {"benchmarks": "reports/new.json", "baseline": "reports/old.json"},
        "backup_procedures": {"restore": "reports/restore.json"},
        "runbook_documentation": {"runbooks": ["docs"]},
    },
}
BY_TOOLS = {*READINESS["evidence"], "environment_parity"}
"""What is ready when every tool has reported."""

TESTED = """
def double(n):
    return n * 2
"""
TEST = """
from shop import double
def test_it():
    assert double(2) == 4
"""


def prepare(it: Shop) -> Repository:
    """A project with code, tests and runbooks, and a staging like production."""
    path = it.directory / "pilotage.yaml"
    whole: dict[str, Any] = json.loads(path.read_text())
    production = whole["environments"]["production"]
    staging = {**production, "router": {**production["router"], "listen": f"127.0.0.1:{free_port()}"}}
    people = {
        "ada": {"roles": ["engineering lead", "release manager"]},
        "bob": {"roles": ["QA lead", "DevOps engineer", "support lead"], "aliases": ["bob@example.org"]},
        "eve": {"roles": ["product owner", "product manager", "communications manager"]},
    }
    whole.update(environments={"production": production, "staging": staging}, people=people, readiness=READINESS)
    path.write_text(json.dumps(whole, indent=2))
    repository = Repository(it.directory)
    files: dict[str, str | None] = {
        ".gitignore": ".pilotage/\nreports/\ndist/\nreleases/\n__pycache__/\n.coverage\n",
        "shop.py": TESTED, "test_shop.py": TEST, "docs/errors.md": "# Errors\n\nSee [the other](slow.md).\n",
        "docs/slow.md": "# Slow\n",
    }  # fmt: skip
    repository.clock = int(time.time()) - 3 * 86400
    repository.commit("feat: a shop", files)
    repository.git("tag", "v0")
    repository.commit("feat: more\n\nReviewed-by: Bob <bob@example.org>", {"more.py": "x = 1\n"})
    return repository


def tools(it: Shop) -> None:
    """Run the real tools that write the evidence."""
    reports = it.directory / "reports"
    reports.mkdir(exist_ok=True)

    def run(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=it.directory, capture_output=True, text=True, check=True
        )
        return done.stdout

    run("pytest", "-q", "--basetemp=made", "-p", "no:cacheprovider", "--rootdir=.", "--cov=shop",
        "--cov-report=xml:reports/coverage.xml",
        "--cov-report=json:reports/coverage.json", "--junitxml=reports/junit.xml", "test_shop.py")  # fmt: skip
    (reports / "ruff.sarif").write_text(run("ruff", "check", "--output-format", "sarif", "shop.py"))
    runs = {"checkout": [0.10, 0.11, 0.10, 0.12, 0.11, 0.10]}
    for name in ("old", "new"):
        (reports / f"{name}.json").write_text(json.dumps(runs))
    restore = {"taken_at": "2026-01-01T00:00:00Z", "restored_at": _ago(3600), "seconds": 41, "verified": True}
    (reports / "restore.json").write_text(json.dumps(restore))
    (it.directory / "dist").mkdir(exist_ok=True)
    (it.directory / "dist" / "shop.bin").write_bytes(b"the artifact")


def _ago(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))


def missing(it: Shop, version: str = "v1") -> dict[str, str]:
    """What is not ready, and why."""
    told = json.loads(it.run("ready", version, "-e", "production", "--json", expect=None))
    return {gate["item"]: gate["reason"] for gate in told["gates"] if gate["status"] == "not-ready"}


@pytest.mark.long
def test_a_staging_that_nobody_uses_gives_samples_by_synthetic_requests(shop: Make) -> None:
    it = shop(tolerance="medium")
    prepare(it)
    path = it.directory / "pilotage.yaml"
    it.run("deploy", it.release("v0"), "-e", "staging")
    assert "`synthetic:` sends requests" in missing(it)["monitoring_instrumentation"]

    whole = json.loads(path.read_text())
    whole["environments"]["staging"]["synthetic"] = {"path": "/", "requests_per_second": 40}
    path.write_text(json.dumps(whole))
    it.run("deploy", it.release("v1"), "-e", "staging")
    assert missing(it)["monitoring_instrumentation"].endswith(
        "no reading of business_conversion_rate: nothing measures it"
    )
    whole["readiness"]["not_measured"]["business_conversion_rate"] = "nothing is sold"
    path.write_text(json.dumps(whole))
    gates = json.loads(it.run("ready", "v1", "-e", "production", "--json", expect=None))["gates"]
    (seen,) = (gate for gate in gates if gate["item"] == "monitoring_instrumentation")
    assert seen["status"] == "ready", seen
    assert re.search(r"0 user requests and [1-9]\d* synthetic requests", json.dumps(seen)), seen
    # Which environment gets synthetic requests is no difference between staging and production.
    assert "environment_parity" not in missing(it)


def test_r5_r6_deploy_begins_when_everything_is_ready(shop: Make) -> None:
    it = shop(tolerance="medium")
    prepare(it)
    whole = json.loads((it.directory / "pilotage.yaml").read_text())
    whole["readiness"]["not_measured"]["business_conversion_rate"] = "nothing is sold"
    (it.directory / "pilotage.yaml").write_text(json.dumps(whole))
    it.run("deploy", it.release("v0"), "-e", "production", expect=3)
    it.run("deploy", "v0", "-e", "production", "--break-glass", "--reason", "first of all")
    assert "no evidence" not in missing(it).get("unit_test_coverage", "")
    assert "reports/coverage.xml is missing" in missing(it)["unit_test_coverage"]

    # With real reports, machines' items are ready; security has none yet.
    tools(it)
    left = missing(it)
    assert BY_TOOLS.isdisjoint(left), left
    assert left["security_scan_passing"] == "no evidence"
    assert left["deployment_automation"].startswith("no deployment of v1 to staging")
    assert left["rollback_mechanism"].startswith("no rollback in staging")

    # A drill and a deployment in staging, with users.
    it.run("deploy", it.release("v0"), "-e", "staging")
    it.release("v1")
    staging = json.loads((it.directory / "pilotage.yaml").read_text())["environments"]["staging"]["router"]["listen"]
    it.url = f"http://{staging}"
    with users(it):
        drilled = json.loads(it.run("drill", "rollback", "v1", "--json"))
        assert 0 < drilled["duration_seconds"] <= drilled["limit_seconds"]
        it.run("deploy", "v1", "-e", "staging")
        left = missing(it)
        assert {"rollback_mechanism", "deployment_automation", "monitoring_instrumentation"}.isdisjoint(left), left

        # People: those of the role only, for this artifact only.
        it.run("sign-off", "qa-lead", "v1", "-e", "production", actor="eve", expect=8)
        _approves_drafts(it)
        for role, who in (("qa-lead", "bob"), ("devops-engineer", "bob"), ("support-lead", "bob"),
                          ("engineering-lead", "ada"), ("product-owner", "eve"),
                          ("product-manager", "eve")):  # fmt: skip
            it.run("sign-off", role, "v1", "-e", "production", "--all", "-m", "fine", actor=who)
        assert set(missing(it)) == {"security_scan_passing", "alerting_configuration"}
        ready = it.run("ready", "v1", "-e", "production", "--json", expect=None)
        assert "program, system libraries, variables; staging runs v1, production v0" in ready
        (it.directory / "dist" / "shop.bin").write_bytes(b"built anew")
        assert "signed off artifact" in missing(it)["qa_validation"]
        (it.directory / "dist" / "shop.bin").write_bytes(b"the artifact")

        # Waivers end the list, and are seen wherever the release is.
        waived = ("security_scan_passing", "alerting_configuration")
        it.run(
            "waive",
            *waived,
            "v1",
            "-e",
            "production",
            "--role",
            "release-manager",
            "--reason",
            "not yet",
            "--until",
            "1d",
        )
        _writes_for_machines(it)
        _bundles(it)
        it.run("deploy", "v1", "-e", "production", "--detach")
        assert "waived by ada (release manager)" in it.run("status", "-e", "production")
        told = [json.loads(line) for line in it.run("events", "-e", "production", "--json").splitlines()]
        (checked,) = [event for event in told if event["type"] == "readiness-checked"]
        assert set(checked["data"]["waivers"]) == {"security_scan_passing", "alerting_configuration"}


def _approves_drafts(it: Shop) -> None:
    """A calendar of drafts is not approved, whoever signs; each message is decided on by itself."""
    it.run("sign-off", "product-owner", "v1", "-e", "production", "--all", actor="eve", expect=3)
    assert "announcements are drafts" in missing(it)["communication_plan"]
    listed = json.loads(it.run("announce", "list", "v1", "-e", "production", "--json"))["announcements"]
    for one in listed:
        mine = one["owner"] == "product manager" and one["item"] != "in_app_notification"
        decision = ("approve", one["item"], "v1") if mine else ("skip", one["item"], "v1", "--reason", "not now")
        it.run("announce", *decision, "-e", "production", actor="eve")
    assert "announcements are drafts" not in missing(it)["communication_plan"]


def _writes_for_machines(it: Shop) -> None:
    it.run("ready", "v1", "-e", "production", "--sarif", "out.sarif", "--markdown", "out.md")
    sarif = json.loads((it.directory / "out.sarif").read_text())
    suppressed = [result for result in sarif["runs"][0]["results"] if result.get("suppressions")]
    assert len(suppressed) == len(sarif["runs"][0]["results"]) == 2
    assert "shop v1 is ready for production" in (it.directory / "out.md").read_text()


def _bundles(it: Shop) -> None:
    """The archive is checked far from here, and any change of it shows."""
    it.run("ready", "v1", "-e", "production", "--bundle", "evidence.zip")
    path = it.directory / "evidence.zip"
    assert "complete: 9 files unchanged" in it.run("audit", "verify", str(path), "--artifact", "dist/shop.bin")
    (it.directory / "other.bin").write_bytes(b"another")
    it.run("audit", "verify", str(path), "--artifact", "other.bin", expect=1)
    _forge(path, "evidence/reports/junit.xml", b"<testsuite tests='1'><testcase name='a'/></testsuite>", honest=False)
    assert "was changed" in it.run("audit", "verify", "forged.zip", expect=1)
    _forge(path, "evidence/reports/junit.xml", b"<testsuite tests='1'><testcase name='a'/></testsuite>", honest=True)
    assert "differs from the file that was checked" in it.run("audit", "verify", "forged.zip", expect=1)
    told = json.loads(zipfile.ZipFile(path).read("readiness.json"))
    told["signatures"] = [s for s in told["signatures"] if s["kind"] != "waiver"]
    _forge(path, "readiness.json", json.dumps(told).encode(), honest=True)
    assert "the evidence makes it not ready" in it.run("audit", "verify", "forged.zip", expect=1)


def _forge(path: Path, name: str, content: bytes, *, honest: bool) -> None:
    """The same bundle with one content changed; `honest` writes the list of digests anew, too."""
    from pilotage.adapters.bundle import MANIFEST, pack

    with zipfile.ZipFile(path) as archive:
        contents = {entry: archive.read(entry) for entry in archive.namelist()}
    contents[name] = content
    if honest:
        contents.pop(MANIFEST)
        pack(path.with_name("forged.zip"), contents)
        return
    with zipfile.ZipFile(path.with_name("forged.zip"), "w") as archive:
        for entry, each in contents.items():
            archive.writestr(entry, each)
