"""Who only reads records learns which services there are without the models; the models say what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.app.project import Project
from pilotage.config.names import names_in
from pilotage.config.yaml_reader import ConfigError
from tests.unit.config.test_config import GOOD


def written(place: Path, text: str) -> Path:
    file = place / "pilotage.yaml"
    file.write_text(text)
    return file


def test_they_are_those_that_the_models_find(tmp_path: Path) -> None:
    names = names_in(written(tmp_path, GOOD))
    whole = Project(tmp_path / "pilotage.yaml").whole.configuration
    assert names is not None
    assert (names.several, dict(names.environments)) == (False, {whole.service: tuple(whole.environments)})


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "service: 1", "service: shop", "service: [", "service: A\n" * 2),
        *("service: shop\nenvironments: {}", "service: shop\nenvironments: {1: {}}"),
        *("services: 3", "services: {web: {}}", "services: {Web: {environments: {a: {}}}}"),
    ],
)
def test_what_is_not_plainly_right_is_left_to_the_models(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, text)
    assert names_in(file) is None
    with pytest.raises(ConfigError):
        _ = Project(file).names


def test_where_no_file_is_the_models_say_so(tmp_path: Path) -> None:
    assert names_in(tmp_path / "nothing.yaml") is None
