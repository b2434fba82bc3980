"""R24: what a release did to a figure, told apart from weekdays, from growth and from chance."""

from __future__ import annotations

import numpy as np
import pytest

from pilotage.report.impact import DAY, Impact, Reading, Span, impact_of

WEEKDAYS = (1.0, 1.1, 1.2, 1.1, 1.3, 0.7, 0.6)
COMPLETED = 35 * DAY + 14 * 3600
SPAN = Span(started=COMPLETED - 3600, completed=COMPLETED, until=COMPLETED + 8 * DAY)


def sales(seed: int, *, effect: float = 0.0, growth: float = 0.0, hours: int = 24) -> list[Reading]:
    """Sales of 44 days with 2 % of noise a day."""
    generator, found = np.random.default_rng(seed), []
    for day in range(44):
        noise = 1 + generator.normal(0, 0.02)
        for part in range(0, 24, hours):
            at = day * DAY + part * 3600
            value = 1000 * WEEKDAYS[day % 7] * (1 + growth * day) * noise * (1 + effect * (at >= COMPLETED))
            found.append(Reading(at, value * (2 if 8 <= part < 20 else 1)))
    return found


@pytest.mark.parametrize("hours", [24, 1])
def test_r24_a_planted_change_is_found_with_an_interval_that_holds_it(hours: int) -> None:
    found = [impact_of("revenue", sales(seed, effect=-0.05, hours=hours), SPAN) for seed in range(60)]
    assert sum(one.found and one.worse for one in found) >= 54
    assert sum(one.low is not None and one.high is not None and one.low <= -0.05 <= one.high for one in found) >= 52


def test_r24_no_change_is_found_where_there_is_none_also_of_a_service_that_grows() -> None:
    for growth in (0.0, 0.005):
        found = [impact_of("revenue", sales(seed, growth=growth), SPAN) for seed in range(100)]
        assert sum(one.found for one in found) <= 10, "1 in 20 is to be expected"


def test_r24_a_control_takes_out_what_happened_to_everyone() -> None:
    """A holiday week halves both markets; only one has the release."""
    ours, other = sales(1, effect=-0.05), sales(2)
    ours, other = ([Reading(o.at, o.value * (0.5 if o.at >= COMPLETED else 1)) for o in one] for one in (ours, other))
    alone, against = impact_of("revenue", ours, SPAN), impact_of("revenue", ours, SPAN, control=other)
    assert alone.change == pytest.approx(-0.52, abs=0.03)
    assert against.change == pytest.approx(-0.05, abs=0.03)
    assert against.found


def test_c10_too_few_days_give_a_reason_and_no_change() -> None:
    short = Span(started=COMPLETED - 3600, completed=COMPLETED, until=COMPLETED + DAY)
    assert "whole day" in impact_of("revenue", sales(1), short).why_not
    late = [one for one in sales(1) if one.at > COMPLETED - 9 * DAY]
    assert impact_of("revenue", late, SPAN).why_not == "8 days before the release, 14 are needed"
    nothing = impact_of("revenue", [], SPAN)
    assert (nothing.before, nothing.change) == (None, None)
    assert nothing.why_not
    zero = impact_of("errors", [Reading(one.at, 0.0) for one in sales(1)], SPAN)
    assert zero.why_not == "it was 0 before, so there is no relative change"


def test_what_the_rollout_touched_counts_on_neither_side() -> None:
    """The day of the release belongs to both versions."""
    poisoned = [Reading(one.at, 1e9 if one.at == 35 * DAY else one.value) for one in sales(3)]
    assert impact_of("revenue", poisoned, SPAN) == impact_of("revenue", sales(3), SPAN)


def test_more_figures_need_more_certainty() -> None:
    one, many = (impact_of("revenue", sales(4, effect=-0.05), SPAN, tests=tests) for tests in (1, 20))
    assert width(many) > width(one)


def width(one: Impact) -> float:
    assert one.low is not None
    assert one.high is not None
    return one.high - one.low
