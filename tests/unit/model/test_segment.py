"""R16: segments of users are rules on the evaluation context."""

from __future__ import annotations

import pytest

from pilotage.model.segment import Condition, Operator, Segment, group

CASES = [
    (Operator.IN, ("free", "trial"), ["free", "trial"], ["paid", "fre"]),
    (Operator.NOT_IN, ("free",), ["paid", 5], ["free"]),
    (Operator.STARTS_WITH, ("de-", "at-"), ["de-BY", "at-9"], ["xde-", "d"]),
    (Operator.ENDS_WITH, ("@example.org",), ["ada@example.org"], ["ada@example.org.evil"]),
    (Operator.CONTAINS, ("Mobile",), ["iPhone Mobile Safari"], ["mobile"]),
    (Operator.AT_LEAST, ("10",), [10, 10.5], [9.99, "ten", True, "11", float("nan")]),
    (Operator.LESS_THAN, ("10",), [9, -1], [10, float("nan"), False]),
    (Operator.VERSION_AT_LEAST, ("4.10.0",), ["4.10.0", "4.11.1", "5.0.0"], ["4.9.9", "4.10.0-rc1", "no version"]),
    (Operator.VERSION_LESS_THAN, ("4.10.0",), ["4.9.12", "4.10.0-rc.1", "4"], ["4.10.0", "", "4.9rc1"]),
    (Operator.VERSION_AT_LEAST, ("4.10.0-rc.2",), ["4.10.0-rc.10", "v4.10.0", "4.10.0-rc.2+9"], ["4.10.0-1"]),
    (Operator.IN, ("5", "b"), [5, 5.0, "5", "b"], [5.5, True, ["5"]]),
    (Operator.CONTAINS, ("a",), ["cat"], [False, float("nan"), {"a": 1}]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("operator", "values", "inside", "outside"), CASES, ids=[f"{case[0]}-{case[1][0]}" for case in CASES]
)
def test_r16_who_is_in_a_segment_and_who_lacks_the_attribute_never_is(
    operator: Operator, values: tuple[str, ...], inside: list[object], outside: list[object]
) -> None:
    condition = Condition(attribute="x", operator=operator, values=values)
    assert [one for one in inside if not condition.holds({"x": one})] == []
    assert [one for one in outside if condition.holds({"x": one})] == []
    assert not condition.holds({})
    assert not condition.holds({"x": None, "y": values[0]})


def test_r16_all_conditions_of_a_segment_must_hold() -> None:
    tier = Condition(attribute="tier", operator=Operator.IN, values=("free",))
    country = Condition(attribute="country", operator=Operator.IN, values=("DE",))
    both = Segment(conditions=(tier, country))
    assert both.holds({"tier": "free", "country": "DE"})
    assert not both.holds({"tier": "free", "country": "AT"})
    assert group("beta").holds({"group": "beta"})
    assert not group("beta").holds({"group": "internal"})
