"""`train`, `paths` and `tag_prefix` of pilotage.yaml: what is wrong is said where it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pilotage.config.loading import Loaded, load
from pilotage.config.yaml_reader import ConfigError
from tests.unit.app.test_hotfix import CONFIGURATION

PLACE = CONFIGURATION["environments"]


def loaded(folder: Path, **given: Any) -> Loaded:
    (folder / "pilotage.yaml").write_text(json.dumps(CONFIGURATION | given, indent=1))
    return load(folder / "pilotage.yaml")


@pytest.mark.parametrize(
    ("train", "words"),
    [
        ({"weekday": "thu", "rrule": "FREQ=WEEKLY;BYDAY=TH"}, "train.rrule: give either weekday or rrule"),
        ({"rrule": "FREQ=WEEKLY"}, "train.rrule: its rrule does not say on which day: add BYDAY=FR"),
        ({"rrule": "FREQ=WEEKLY;BYDAY=TH;BYHOUR=10"}, "train.rrule: names a time: give it as `time`"),
        ({"start": "2027-01-07"}, "train.start: start belongs to rrule"),
        ({"cutoff": "1h"}, "train.late.until: late boarding would end before the cut-off, 1h before the departure"),
        ({"late": {"roles": ["driver"]}}, "train.late.roles[0]: "),
        ({"environment": "moon"}, "train.environment: 'moon' is not one of production"),
        ({"weekday": "someday"}, "train.weekday: "),
    ],
)
def test_a_train_that_cannot_be_is_refused_in_its_place(train: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"pilotage\.yaml:\d+") as refused:
        loaded(tmp_path, train=train)
    assert words in str(refused.value)


def test_continuous_releases_have_no_train(tmp_path: Path) -> None:
    answers = CONFIGURATION["answers"] | {"release_frequency": "continuous"}
    with pytest.raises(ConfigError, match="continuous releases wait for no train"):
        loaded(tmp_path, answers=answers, train={})
    assert loaded(tmp_path, train={}).configuration.train is not None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"paths": ["../web"]}, "paths[0]: '../web' is not a path from the root of the repository"),
        ({"paths": [""]}, "'' is not a path of the repository"),
        ({"paths": ["!web"]}, "there is no negation"),
        ({"paths": ["web/**.ts"]}, "** stands for whole folders"),
        ({"paths": ["*" * 9]}, "at most 200 characters and 8 stars"),
        ({"tag_prefix": "-v"}, "tag_prefix: '-v' is not a prefix of tags, such as web-v"),
    ],
)
def test_a_path_that_is_none_is_refused(given: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, **given)
    assert words in str(refused.value)


def test_each_of_several_services_has_its_own_part_of_the_repository(tmp_path: Path) -> None:
    web = {"environments": PLACE, "paths": ["/web/"], "built_from": ["libs"], "tag_prefix": "web-v"}
    api = {"environments": PLACE, "paths": ["api"]}
    found = loaded(tmp_path, environments={}, services={"web": web, "api": api}, ignored_paths=["docs"])
    alone = found.of("web").configuration
    assert (alone.paths, alone.built_from, alone.tag_prefix) == (["web"], ["libs"], "web-v")
    assert found.of("api").configuration.tag_prefix is None
    with pytest.raises(ConfigError, match="paths: belongs to one service: give it under services"):
        loaded(tmp_path, environments={}, services={"web": web}, paths=["web"])
    with pytest.raises(ConfigError, match="api and web would have the same version tags"):
        loaded(tmp_path, environments={}, services={"web": web, "api": api | {"tag_prefix": "web-v"}})
