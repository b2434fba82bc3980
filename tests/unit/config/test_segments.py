"""R16: what is wrong with a segment's rule is said before a provider would read it otherwise than it was meant."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pilotage.adapters.flags.flagd_adapter import FlagdSection
from pilotage.model.segment import Condition, Operator, group


def section(**rule: object) -> FlagdSection:
    return FlagdSection.model_validate({"file": "f.json", "key": "k", "segments": {"some": {"attribute": "a", **rule}}})


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"operator": "version-at-least", "values": ["4.10"]}, "compares versions such as 4.10.0, and '4.10' is none"),
        ({"operator": "version-at-least", "values": ["4.10.0rc1"]}, "'4.10.0rc1' is none"),
        ({"operator": "version-less-than", "values": ["04.1.0"]}, "'04.1.0' is none"),
        ({"operator": "at-least", "values": ["ten"]}, "compares numbers, and 'ten' is none"),
        ({"operator": "less-than", "values": ["1", "2"]}, "compares with exactly one value, and there are 2"),
        ({"operator": "like", "values": ["x"]}, "Input should be"),
        ({"values": []}, "at least 1 item"),
    ],
)
def test_a_rule_that_providers_would_read_differently_is_refused(rule: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        section(**rule)


def test_a_name_without_a_rule_is_a_group_and_one_with_a_rule_is_not() -> None:
    found = section(values=["x"])
    assert found.segment_of("some").conditions == (Condition(attribute="a", operator=Operator.IN, values=("x",)),)
    assert found.segment_of("beta") == group("beta")
