"""What a reader copies from the page about AWS is valid; its policy allows what the code calls and no more (R28)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from pilotage.adapters import registry
from pilotage.adapters.aws import IAM_NAMES
from pilotage.config.analysis import AnalysisSection
from pilotage.model.capabilities import Port
from tests.iam import PAGE, documented

ADAPTERS = Path(__file__).parents[3] / "src" / "pilotage" / "adapters"
IMPLIED = {"elasticloadbalancing:AddTags"}
"""Needed to create something with tags."""


def called() -> Iterator[str]:
    """Every action that the code names."""
    for path in (*ADAPTERS.glob("routers/alb*.py"), *ADAPTERS.glob("metrics/cloudwatch*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            words = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if node.func.attr == "_write" and words:
                yield f"elasticloadbalancing:{words[0].title().replace('_', '')}"
            elif node.func.attr == "call" and len(words) > 1:
                yield f"{IAM_NAMES[words[0]]}:{words[1].title().replace('_', '')}"


def test_the_policy_allows_exactly_what_the_code_calls() -> None:
    """The contract suites run under it, so it is enough; nothing in it is unused."""
    assert set(called()) - {"sts:GetCallerIdentity"} | IMPLIED == documented()


def test_the_yaml_of_the_page_is_valid() -> None:
    blocks = [yaml.safe_load(one) for one in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)]
    places = [block["environments"]["production"] for block in blocks if "environments" in block]
    assert len(places) == 2
    for place in places:
        for port in (Port.ROUTER, Port.METRICS, Port.FLEET):
            registry.get(port, place[port]["kind"]).section.model_validate(place[port])
    (analysis,) = [block["analysis"] for block in blocks if "analysis" in block]
    assert AnalysisSection.model_validate(analysis).rules[0].query
