"""R17: the model: what it takes, what it says of a change without source, and its file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pilotage.model.risk import Horizon
from pilotage.risk.features import FEATURES
from pilotage.risk.measured import Measured
from pilotage.risk.model import BadModel, OldModel, RiskModel, shipped

from .dated_changes import added, change


def measured(*, source: bool = True, **values: float) -> Measured:
    measures = tuple(values.get(name, 0.0) for name in FEATURES)
    return Measured(change=change(1, "Change", added("src/a.py", 3)), measures=measures, source=source)


def test_a_longer_horizon_foretells_more() -> None:
    for one in (measured(lines_added=5), measured(), measured(source=False)):
        p = [shipped().probability(one, horizon) for horizon in Horizon]
        assert p == sorted(p)
        assert len(set(p)) == len(Horizon)


def test_a_change_without_source_has_the_base_rate_whatever_its_measures() -> None:
    p = {shipped().probability(measured(source=False, tests_added=n)) for n in range(9)}
    assert p == {shipped().without_source[0]}
    assert shipped().parts(measured(source=False, tests_added=9)) == dict.fromkeys(
        shipped().parts(measured()), 0.0
    )  # fmt: skip
    assert shipped().probability(measured(source=False)) < shipped().probability(measured(lines_added=3))


@pytest.mark.parametrize(
    ("age", "wanted"),
    [
        (0, 0.10),  # F(30)
        (30, (0.15 - 0.10) / 0.90),  # F(60), half of the way from 30 to 90 days
        (60, (0.20 - 0.15) / 0.85),  # F(90)
        (730, 0.0),  # nobody is blamed later
        (-5, 0.10 * 25 / 30),  # a clock ahead: what is left of the horizon
    ],
)
def test_r17_of_a_change_that_has_lain_for_days_only_what_may_still_come_counts(age: float, wanted: float) -> None:
    model = RiskModel(intercepts=(0.0, 0.0, 0.0), without_source=(0.10, 0.20, 0.40), terms=())
    assert model.probability_from(measured(source=False), age) == pytest.approx(wanted)


def test_what_is_larger_is_riskier() -> None:
    p = [shipped().probability(measured(lines_added=lines)) for lines in (1, 3, 6)]
    assert p == sorted(p)


def test_the_parts_make_up_the_score() -> None:
    from pilotage.risk.model import sigmoid

    one = measured(lines_added=4, hunks=2, recent_repairs=1)
    total = sum(shipped().parts(one).values())
    assert shipped().probability(one) == pytest.approx(sigmoid(shipped().intercepts[0] + total))


def test_the_horizon_is_said_in_words() -> None:
    assert [horizon.words for horizon in Horizon] == ["within 30 days", "within 90 days", "within two years"]


def test_the_model_survives_its_json() -> None:
    assert RiskModel.from_json(shipped().to_json()) == shipped()


def test_a_model_of_an_earlier_version_is_named() -> None:
    with pytest.raises(OldModel, match="run `pilotage risk train` again"):
        RiskModel.from_json('{"format": 1, "intercept": -2.3, "measures": {}}')


def _with(*path: str, value: Any) -> str:
    content = json.loads(shipped().to_json())
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(content)


_FIRST = shipped().terms[0].measure


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"format": 9}',
        '{"format": true}',
        _with("intercepts", "30", value=5),  # more within 30 days than within 90
        _with("intercepts", "30", value="1"),
        _with("intercepts", value={}),
        _with("without_source", "730", value=1.5),
        _with("without_source", "30", value=0),
        _with("terms", value={"flies": {"weight": 1, "mean": 0, "deviation": 1}}),
        _with("terms", value={"lines_added rank": {"weight": 1, "mean": 0, "deviation": 1}}),
        _with("terms", _FIRST, "deviation", value=0),
        _with("terms", _FIRST, "weight", value=1e300),
        _with("terms", _FIRST, "weight", value=float("nan")),
    ],
)
def test_a_hostile_file_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(BadModel, match="risk model") as told:
        RiskModel.from_json(text)
    assert "\n" not in str(told.value)
