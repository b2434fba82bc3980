"""R16: what flagd answers for a segment is what the segment says, also for numbers, versions and missing attributes."""

from __future__ import annotations

import itertools

import pytest
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from pydantic import ValidationError

from pilotage.adapters.flags.flagd_adapter import FlagdSection
from pilotage.adapters.flags.flagd_definition import definition_of
from pilotage.config.segments import ConditionSection
from pilotage.model.flag import Ramp
from pilotage.model.segment import Condition, Operator, Segment

TEXTS = (("a", "5"), ("b",), ("-7",))
VERSIONS = (("1.2.3",), ("1.2.3-rc.1",), ("1.2.3-beta",))
FOUND: list[int | float | str] = [
    "a", "abc", "", 5, 5.0, 5.5, -7, "5", "1.2.3", "1.2.4", "1.2.3-alpha", "1.2.3-rc.10", "1.2", "v1.3.0", "1.2.3rc1",
]  # fmt: skip
MATCHING = (Operator.IN, Operator.NOT_IN, Operator.STARTS_WITH, Operator.ENDS_WITH, Operator.CONTAINS)


@pytest.mark.parametrize(
    ("operator", "values"),
    [*itertools.product(MATCHING, TEXTS), *itertools.product((Operator.AT_LEAST, Operator.LESS_THAN), (("5",), ("0",))),
     *itertools.product((Operator.VERSION_AT_LEAST, Operator.VERSION_LESS_THAN), VERSIONS)],
)  # fmt: skip
def test_r16_flagd_answers_as_the_segment_says(operator: Operator, values: tuple[str, ...]) -> None:
    segment = Segment(conditions=(Condition(attribute="x", operator=operator, values=values),))
    core = FlagdCore()
    core.set_flags({"flags": {"f": definition_of(Ramp(("s",), 0), lambda _: segment)}})
    numeric = operator in (Operator.AT_LEAST, Operator.LESS_THAN)
    # JsonLogic takes a text for a number where it compares numbers.
    for found in (one for one in FOUND if not (numeric and isinstance(one, str))):
        answer = core.resolve_boolean_value("f", False, EvaluationContext("ada", {"x": found})).value
        assert answer is segment.holds({"x": found}), found
    assert core.resolve_boolean_value("f", False, EvaluationContext("ada", {})).value is False


@pytest.mark.parametrize(
    ("operator", "value"),
    [("version-at-least", one) for one in ("1.2.3rc1", "v1.2.3", "01.2.3", "1!1.2.3", "1.2.3-01", "1.2", "1.2.3 ")]
    + [("at-least", one) for one in ("1_000", "٥", " 5", "1e999", "nan", "0x5")],
)
def test_r16_a_value_that_only_python_understands_is_refused(operator: str, value: str) -> None:
    with pytest.raises(ValidationError, match=r"and .* is none"):
        ConditionSection.model_validate({"attribute": "x", "operator": operator, "values": [value]})


def test_r16_a_name_that_flagd_would_look_for_within_an_object_is_refused() -> None:
    section = {"key": "f", "file": "flags.json", "segments": {"pro": [{"attribute": "user.tier", "values": ["pro"]}]}}
    with pytest.raises(ValidationError, match="use a name without a dot"):
        FlagdSection.model_validate(section)
