"""Settings and versions as people write them, and what they are told (R2)."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.app.plan import PlanRequest, plan_for
from pilotage.config.loading import load
from pilotage.config.yaml_reader import ConfigError
from pilotage.model.version import BadVersionName, check_version
from tests.unit.config.test_config import GOOD


@pytest.mark.parametrize("name", ["../x", "a/b", "'; rm", "a b", "", "-1", "2.4.0\n", "v" * 200, "latest", "HEAD", "ü"])
def test_what_is_no_version_is_refused_before_anything_is_planned(tmp_path: Path, name: str) -> None:
    (tmp_path / "pilotage.yaml").write_text(GOOD)
    with pytest.raises(BadVersionName):
        plan_for(load(tmp_path / "pilotage.yaml"), "production", PlanRequest(name))


@pytest.mark.parametrize(
    "name",
    ["2.4.0", "v2.4.0-rc.1+build.5", "2024.01.02", "3f2a91c", "1:2"[:1], "release_7", "1.0~beta1", "20261126T0712Z"],
)
def test_names_of_versions_that_teams_use_are_taken(name: str) -> None:
    check_version(name)


def test_overrides_nested_by_section_are_told_how_to_be_written(tmp_path: Path) -> None:
    """One sentence, and no words of the machine (`.bool`, `.int`, `.float`)."""
    text = GOOD.replace("overrides:", "overrides:\n      canary: {weights: [5%, 100%]}", 1)
    assert text != GOOD
    (tmp_path / "pilotage.yaml").write_text(text)
    with pytest.raises(ConfigError) as error:
        load(tmp_path / "pilotage.yaml")
    assert 'is no number of the plan: write canary.weights: ["5%", "100%"] instead' in str(error.value)
    assert str(error.value).count("pilotage.yaml:") == 1
