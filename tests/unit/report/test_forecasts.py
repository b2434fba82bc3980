"""R17, R24: forecasts of risk are scored by what became of the releases, each figure against one worked out by hand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage.model.forecast import DAY, Fate, Followed, Forecast, Outcome
from pilotage.model.risk import RiskLevel
from pilotage.report.forecast_section import forecast_sections
from pilotage.report.forecasts import brier, scores_of

_LEVELS = {0.1: RiskLevel.LOW, 0.4: RiskLevel.MEDIUM, 0.8: RiskLevel.HIGH}


def release(
    probability: float, fate: Fate, *, ripe: bool = True, number: int = 1, why: str = "", days: int = 30
) -> Followed:
    forecast = Forecast(
        rollout=f"r{number}", version=f"1.{number}.0", began=number * DAY, probability=probability,
        level=_LEVELS.get(probability, RiskLevel.MEDIUM), days=days, changes=3, revisions="a..b", model="m",
    )  # fmt: skip
    return Followed(forecast=forecast, outcome=Outcome(fate=fate, why=why), ripe=ripe)


def many(*counts: tuple[int, float, Fate]) -> list[Followed]:
    return [release(p, fate, number=n) for count, p, fate in counts for n in range(1, count + 1)]


ENOUGH = many(
    (9, 0.1, Fate.HELD), (1, 0.1, Fate.REPAIRED), (4, 0.4, Fate.HELD), (1, 0.4, Fate.REPAIRED), (2, 0.8, Fate.HELD),
    (8, 0.8, Fate.REPAIRED),
)  # fmt: skip
"""10 low, 5 medium, 10 high."""


# ── the score ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("forecasts", "outcomes", "score"),
    [
        ([0.1, 0.8, 0.5], [False, True, True], 0.1),  # (0.01 + 0.04 + 0.25) / 3
        ([1.0, 0.0], [True, False], 0.0),
        ([1.0, 0.0], [False, True], 1.0),
        ([0.5, 0.5, 0.5], [True, False, True], 0.25),
        ([0.3], [False], 0.09),
    ],
)
def test_the_brier_score_is_the_mean_squared_difference(
    forecasts: list[float], outcomes: list[bool], score: float
) -> None:
    assert brier(forecasts, outcomes) == pytest.approx(score)


OUTCOMES = st.lists(st.booleans(), min_size=1, max_size=50)


@given(OUTCOMES)
def test_a_perfect_forecast_scores_nothing_and_the_opposite_all(outcomes: list[bool]) -> None:
    assert brier([float(one) for one in outcomes], outcomes) == 0
    assert brier([1.0 - one for one in outcomes], outcomes) == 1


@given(OUTCOMES, st.floats(0, 1))
def test_no_constant_forecast_beats_the_base_rate(outcomes: list[bool], constant: float) -> None:
    rate = sum(outcomes) / len(outcomes)
    base = brier([rate] * len(outcomes), outcomes)
    assert base == pytest.approx(rate * (1 - rate))
    assert brier([constant] * len(outcomes), outcomes) >= base - 1e-12


def test_nothing_has_no_score() -> None:
    with pytest.raises(ValueError, match="no forecast has no score"):
        brier([], [])


def test_scores_count_releases_whose_time_is_over_and_whose_outcome_is_known() -> None:
    found = scores_of(
        [
            release(0.1, Fate.HELD), release(0.8, Fate.REPAIRED), release(0.4, Fate.UNKNOWN),
            release(0.1, Fate.OPEN, ripe=False), release(0.8, Fate.REPAIRED, ripe=False),
        ]
    )  # fmt: skip
    assert (found.releases, found.ripe, found.repaired, found.unknown, found.open) == (5, 2, 1, 1, 2)
    assert found.brier == pytest.approx((0.01 + 0.04) / 2)
    assert found.base == pytest.approx(0.25)
    assert not found.suffices


def test_calibration_compares_each_level_with_what_was_observed() -> None:
    found = scores_of(ENOUGH)
    assert [(one.level, one.n, one.repaired) for one in found.levels] == [
        (RiskLevel.LOW, 10, 1), (RiskLevel.MEDIUM, 5, 1), (RiskLevel.HIGH, 10, 8)
    ]  # fmt: skip
    low = found.levels[0]
    assert [low.forecast, low.observed] == pytest.approx([0.1, 0.1])
    # Wilson: (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n), with p = 0.1, n = 10, z = 1.96.
    assert [low.low, low.high] == pytest.approx([0.0179, 0.4042], abs=1e-4)
    assert [one.verdict for one in found.levels] == ["consistent"] * 3
    # 25 releases: 9 · 0.01 + 0.81 + 4 · 0.16 + 0.36 + 2 · 0.64 + 8 · 0.04 = 3.5; base rate 10 of 25.
    assert found.brier == pytest.approx(3.5 / 25)
    assert found.base == pytest.approx(0.4 * 0.6)
    assert found.suffices


@pytest.mark.parametrize(
    ("releases", "verdict"),
    [
        (many((20, 0.8, Fate.HELD)), "forecast too high"),
        (many((20, 0.1, Fate.REPAIRED)), "forecast too low"),
        (many((2, 0.1, Fate.REPAIRED), (18, 0.1, Fate.HELD)), "consistent"),
    ],
)
def test_a_forecast_outside_the_interval_is_called_wrong(releases: Sequence[Followed], verdict: str) -> None:
    assert [one.verdict for one in scores_of(releases).levels] == [verdict]


# ── the part of the report ─────────────────────────────────────────────────────────────────────────────────────


def sentences(followed: Sequence[Followed], unforecast: int = 0) -> str:
    return " ".join(forecast_sections(followed, unforecast, "UTC")[0].sentences)


def test_the_report_says_that_nothing_was_forecast() -> None:
    (only,) = forecast_sections([], 2, "UTC")
    assert only.sentences == ("No release had a forecast of its risk. 2 releases had none.",)
    assert not only.rows


def test_the_report_says_that_nothing_can_be_scored_yet() -> None:
    said = sentences([release(0.1, Fate.OPEN, ripe=False)])
    assert said.startswith("1 release had a forecast; 1 of these is not over yet.")
    assert said.endswith("No forecast can be scored yet: the time of none is over with a known outcome.")


def test_the_report_says_that_there_are_too_few_and_judges_nothing() -> None:
    found = many((9, 0.1, Fate.HELD), (2, 0.8, Fate.REPAIRED))
    said = sentences(found)
    assert "Of 11 releases whose time is over, 2 needed a repair (18%)." in said
    assert "too few to say how good the forecasts are: it takes 20 releases" in said
    assert "Brier" not in said
    part = forecast_sections(found, 0, "UTC")[0]
    assert part.figure is None
    assert {row[-1] for row in part.rows} == {"too few releases"}


def test_the_report_compares_the_score_with_the_base_rate() -> None:
    part, releases = forecast_sections(ENOUGH, 0, "UTC")
    said = " ".join(part.sentences)
    assert "Brier score is 0.140; forecasting 40% for every release would have had 0.240" in said
    assert "the forecasts were better than that" in said
    assert part.rows[2] == ("high", "10", "80.0%", "80.0%", "49% to 94%", "consistent")
    assert part.figure is not None
    assert [(bar.label, bar.low is not None) for bar in part.figure.bars[:2]] == [
        ("low, forecast", False), ("low, observed", True)
    ]  # fmt: skip
    assert len(releases.rows) == 25


def test_the_example_of_the_guide_is_what_the_report_says() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "guides" / "reports.md").read_text(encoding="utf-8")
    example = guide.partition("## Forecasts of risk")[2].partition("```text\n")[2].partition("```")[0]
    found = many(
        (10, 0.1, Fate.HELD), (1, 0.1, Fate.REPAIRED), (4, 0.4, Fate.HELD), (2, 0.4, Fate.REPAIRED),
        (5, 0.8, Fate.REPAIRED),
    )  # fmt: skip
    part = forecast_sections([*found, release(0.1, Fate.OPEN, ripe=False)], 2, "UTC")[0]
    assert " ".join(example.partition("\n\n")[0].split()) == " ".join(part.sentences)
    rows = [re.split(r"\s{2,}", line.strip()) for line in example.partition("\n\n")[2].splitlines()]
    assert rows == [list(part.headers), *map(list, part.rows)]


def test_the_report_says_what_the_unknown_could_change() -> None:
    said = sentences([release(0.1, Fate.HELD), release(0.8, Fate.REPAIRED), *many((2, 0.4, Fate.UNKNOWN))])
    assert "The outcome of 2 releases is unknown, and they are left out." in said
    assert "between 25% and 75%" in said


def test_releases_are_listed_newest_first_with_outcome_and_reason() -> None:
    found = [
        release(0.1, Fate.HELD, number=1), release(0.8, Fate.REPAIRED, ripe=False, number=2, why="rolled back: errors")
    ]  # fmt: skip
    _, releases = forecast_sections(found, 0, "UTC", "/rollouts/{id}")
    assert releases.rows == (
        ("1.2.0", "1970-01-03", "80.0%", "high", "needed a repair (counts after 30 days)", "rolled back: errors"),
        ("1.1.0", "1970-01-02", "10.0%", "low", "held", ""),
    )
    assert releases.links == ("/rollouts/r2", "/rollouts/r1")
