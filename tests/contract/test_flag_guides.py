"""The pages of flag providers (R16): what a reader copies into pilotage.yaml is valid."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pilotage.config.loading import load

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
ANSWERS = {
    "release_type": "minor", "deployment_strategy": "feature-toggle", "team_size": "small",
    "release_frequency": "weekly", "risk_tolerance": "low", "stakeholder_complexity": ["customer-facing"],
}  # fmt: skip
REST = """
    fleet: {kind: process, command: ["releases/{version}/shop", "{port}"]}
    router: {kind: envoy, listen: 127.0.0.1:8080}
    metrics: {kind: envoy}
"""


@pytest.mark.parametrize("page", ["launchdarkly", "split"])
def test_the_examples_of_a_page_are_valid(page: str, tmp_path: Path) -> None:
    examples = re.findall(r"```yaml\n(.*?)\n```", (GUIDES / f"{page}.md").read_text(), re.DOTALL)
    assert examples
    for example in examples:
        (tmp_path / "pilotage.yaml").write_text(f"service: shop\nanswers: {json.dumps(ANSWERS)}\n{example}{REST}")
        flag = load(tmp_path / "pilotage.yaml").configuration.environments["production"].flag
        assert flag is not None
        assert flag.kind == page
