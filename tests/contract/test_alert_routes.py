"""Routes of a plan's alerts before a real amtool (R20): each alert reaches the channels that it names."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from pilotage import Answers, Plan, Service, make_plan
from pilotage.model.json import JsonObject
from pilotage.render.routes import SECRETS, to_routes
from pilotage.render.rules import to_rules

from ..programs import needs

pytestmark = pytest.mark.real
SLACK: JsonObject = {"kind": "slack", "webhook_url": "secret://env/SLACK_HOOK"}
BOT: JsonObject = {
    "kind": "slack", "token": "secret://file//run/secrets/slack", "channel": "#ops", "api_url": "https://slack.com/api",
}  # fmt: skip
EMAIL: JsonObject = {
    "kind": "email", "host": "mail.example.org", "port": 587, "encryption": "starttls", "username": "shop",
    "password": "secret://env/MAIL", "sender": "shop@example.org", "to": ["ops@example.org", "ada@example.org"],
}  # fmt: skip
PAGER: JsonObject = {
    "kind": "pagerduty", "routing_key": "secret://env/PAGER", "url": "https://events.pagerduty.com/v2/enqueue",
}  # fmt: skip
TEAMS: JsonObject = {"kind": "teams", "webhook_url": "secret://env/TEAMS"}


def plan() -> Plan:
    answers = Answers("minor", "canary", "medium", "weekly", "medium", "customer-facing")
    measured = {"application_error_rate": "envoy", "response_time_p95": "envoy"}
    return make_plan(answers, version="2.0.0", service=Service("shop", measured=measured))


def amtool(*words: str) -> str:
    done = subprocess.run([needs("amtool"), *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_alert_goes_to_the_channels_that_it_names(tmp_path: Path) -> None:
    made, config = plan(), tmp_path / "alertmanager.yml"
    config.write_text(to_routes(made, [SLACK, BOT, EMAIL, PAGER]))
    amtool("check-config", str(config))
    (group,) = yaml.safe_load(to_rules(made, page=True))["groups"]
    for rule in group["rules"]:
        labels = [f"{name}={value}" for name, value in rule["labels"].items()]
        reached = amtool("config", "routes", "test", f"--config.file={config}", *labels).strip().split(",")
        wanted = {f"pilotage-{channel}" for channel in rule["labels"]["channels"].split(",")} - {"pilotage-teams"}
        assert set(reached) == wanted, rule["alert"]
    assert amtool("config", "routes", "test", f"--config.file={config}", "service=other").strip() == "nobody"


def test_no_secret_is_in_the_text_and_what_notify_lacks_is_named() -> None:
    text = to_routes(plan(), [SLACK, TEAMS])
    assert "notify has no channel of the kind email, pagerduty" in text
    made = {one["name"]: one for one in yaml.safe_load(text)["receivers"]}
    assert made["pilotage-slack"]["slack_configs"][0]["api_url_file"] == f"{SECRETS}/SLACK_HOOK"
    assert made["pilotage-teams"]["msteamsv2_configs"] == [
        {"webhook_url_file": f"{SECRETS}/TEAMS", "send_resolved": True}
    ]
