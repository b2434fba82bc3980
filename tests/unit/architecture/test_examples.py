"""Every YAML example of the documentation is one that Pilotage reads, and a plan comes of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pilotage.app.plan import PlanRequest, plan_for
from pilotage.config.environment import EnvironmentSection
from pilotage.config.loading import load
from pilotage.config.models import Configuration

ROOT = Path(__file__).parents[3]
ANSWERS = {
    "release_type": "minor", "deployment_strategy": "canary", "team_size": "medium", "release_frequency": "weekly",
    "risk_tolerance": "medium", "stakeholders": ["customer-facing"],
}  # fmt: skip
ENVIRONMENT = {
    "fleet": {"kind": "process", "command": ["{version}/shop", "{port}"]},
    "router": {"kind": "envoy", "listen": "127.0.0.1:8080"},
}
PEOPLE = {"ada": {"roles": ["release manager"]}}
STRATEGIES = {"blue_green.": "blue-green", "flag:": "feature-toggle"}
"""What a page's example says of the strategy that it is for."""


def examples() -> Iterator[tuple[str, str]]:
    """Those that are whole; `…` stands for something that is left out."""
    for page in sorted((ROOT / "docs").rglob("*.md")):
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL), 1):
            if "…" not in block and "- alert:" not in block:
                yield f"{page.name}, {number}", block


@pytest.mark.parametrize(("place", "text"), list(examples()), ids=lambda value: value if "\n" not in value else "")
def test_an_example_is_read_and_planned(place: str, text: str, tmp_path: Path) -> None:
    strategy = next((name for mark, name in STRATEGIES.items() if mark in text), "canary")
    whole = _whole(yaml.safe_load(text), strategy)
    (tmp_path / "pilotage.yaml").write_text(json.dumps(whole, default=str))
    environment = "production" if "production" in whole["environments"] else next(iter(whole["environments"]))
    assert plan_for(load(tmp_path / "pilotage.yaml"), environment, PlanRequest("2.4.0")).steps, place


def _whole(example: dict[str, Any], strategy: str) -> dict[str, Any]:
    """The example in the smallest configuration that it fits into."""
    whole: dict[str, Any] = {
        "service": "shop",
        "answers": ANSWERS | {"deployment_strategy": strategy},
        "people": PEOPLE,
        "environments": {"production": ENVIRONMENT, "staging": ENVIRONMENT},
    }
    if example.keys() <= Configuration.model_fields.keys():
        given = example.pop("environments", {})
        environments = {
            name: {k: v for k, v in ENVIRONMENT.items() if k != "router" or "routers" not in section} | section
            for name, section in given.items()
        }
        return whole | example | {"environments": whole["environments"] | environments}
    if example.keys() <= EnvironmentSection.model_fields.keys():
        return whole | {"environments": {"production": ENVIRONMENT | example}}
    return whole | {"readiness": {"evidence": example}}
