"""Names that settings and keys of pilotage.yaml had before are refused with the new name and the place (R1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage import Answers, Service, make_plan
from pilotage.config.loading import load
from pilotage.config.yaml_reader import ConfigError
from pilotage.model.renamed import SETTINGS
from pilotage.plan.numbers import PATHS, BadOverride, Override

from .test_config import GOOD

FAST = "      canary.phase_duration: 30m\n"


def refused(folder: Path, content: str) -> list[str]:
    """What is wrong with a file, each as `line:column: sentence`."""
    (folder / "pilotage.yaml").write_text(content)
    with pytest.raises(ConfigError) as caught:
        load(folder / "pilotage.yaml")
    return [problem.at("").lstrip(":") for problem in caught.value.problems]


def test_the_table_leads_from_names_that_are_gone_to_names_that_are_there() -> None:
    assert set(SETTINGS.values()) <= set(PATHS)
    assert not set(SETTINGS) & set(PATHS)


def test_every_old_setting_in_a_file_is_refused_with_its_new_name_and_its_place(tmp_path: Path) -> None:
    old = "".join(f"      {name}: 1\n" for name in SETTINGS)
    told = refused(tmp_path, GOOD.replace(FAST, old))
    line = GOOD[: GOOD.index(FAST)].count("\n") + 1
    wanted = [
        f"{line + number}:7: environments.production.overrides.{name}: is now called {new}"
        for number, (name, new) in enumerate(SETTINGS.items())
        if list(SETTINGS.values()).count(new) == 1
    ]
    assert set(wanted) <= set(told)


def test_an_old_setting_of_a_program_is_refused_too() -> None:
    answers = Answers("minor", "canary", "small", "weekly", "low", "internal-only")
    service = Service(overrides={"hold.then": Override("pause", "release.py:3")})
    with pytest.raises(BadOverride, match=r"release.py:3: hold\.then is now called hold\.on_timeout"):
        make_plan(answers, version="2.0", service=service)
