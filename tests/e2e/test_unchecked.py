"""What nobody checks does not pass in silence (rule 5): refused where risk is low, and a warning elsewhere."""

from __future__ import annotations

import json

import pytest

from .conftest import Make, Shop, users
from .test_strategies import QUICK

pytestmark = pytest.mark.real

CHECKS = ("check-data", "check-caches", "check-smoke", "check-functions")


def refusal(shop: Shop, *arguments: str) -> str:
    done = shop._type(("deploy", "--detach", *arguments), "ada")
    assert done.returncode == 3, done.stdout + done.stderr
    return done.stderr


def test_r12_low_risk_refuses_what_nobody_checks_until_it_is_configured_or_waived(shop: Make) -> None:
    made = shop("low", strategy="blue-green", **{"checks.required": True, **QUICK["blue-green"]})
    said = refusal(made, made.release("1.0"))
    assert all(name in said for name in CHECKS), said
    assert "pilotage waive check-data" in said

    checks = {"check-smoke": [{"http": "/healthz"}], "check-functions": [{"http": "/healthz"}]}
    made.configure(checks=checks)
    said = refusal(made, "1.0")
    assert "check-data" in said
    assert "check-smoke" not in said.partition("Configure")[0]
    waivers = (
        "check-data",
        "check-caches",
        "1.0",
        "--role",
        "release-manager",
        "--until",
        "1d",
        "--reason",
        "the shop keeps no data",
    )
    made.run("waive", *waivers)
    with users(made):
        made.run("deploy", "1.0")
    told = made.run("events")
    assert "check-data waived by ada" in told
    assert "the shop keeps no data" in told
    assert "skipped: check-" not in told, "what is waived is not also called forgotten"


def test_r14_the_package_that_readiness_names_is_checked_without_a_command(shop: Make) -> None:
    made = shop("low", strategy="rolling", **{**QUICK["rolling"], "checks.required": True})
    made.configure(checks={"check-functions": [{"http": "/healthz"}]})
    whole = json.loads((made.directory / "pilotage.yaml").read_text())
    whole["readiness"] = {"artifact": "releases/v1.json", "environments": ["elsewhere"]}
    whole["environments"]["elsewhere"] = whole["environments"]["production"]
    (made.directory / "pilotage.yaml").write_text(json.dumps(whole))
    made.release("v1")
    made.run("deploy", made.release("v0"), "-e", "production")
    with users(made):
        made.run("deploy", "v1", "-e", "production")
    assert "passed: complete package" in made.run("events", "-e", "production")


def test_elsewhere_a_skipped_check_is_a_warning_that_is_seen(shop: Make) -> None:
    made = shop("medium", strategy="rolling", **QUICK["rolling"])
    assert "check-package" in made.run("plan", made.release("1.0"), "--as-update"), "the plan says so"
    made.run("deploy", "1.0")
    (left,) = [
        event
        for event in map(json.loads, made.run("events", "--json").splitlines())
        if event["type"] == "checks-left-out"
    ]
    assert left["data"]["unconfigured"] == ["check-functions"], "a first deployment makes no other"
    assert "readiness is not enforced here" in made.run("events")
    assert "check-functions" in made.run("status")
