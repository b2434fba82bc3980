"""`flag.segments`: named rules on the evaluation context, which stages of a feature toggle name."""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from pilotage.config.fields import Section
from pilotage.model.segment import NUMERIC, VERSIONS, Condition, Operator, Segment, is_version

_VERSION = re.compile(r"(?:(?:0|[1-9][0-9]{0,8})\.){2}(?:0|[1-9][0-9]{0,8})")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
"""As every provider reads one."""
_Value = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ConditionSection(Section):
    """A comparison of one attribute of the evaluation context."""

    attribute: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,62}$")] = Field(
        description="Attribute of the evaluation context, such as tier, country, device or orders."
    )
    operator: Annotated[Operator, Field(strict=False)] = Field(
        Operator.IN, description="How it is compared. A context without the attribute is never in the segment."
    )
    values: list[_Value] = Field(
        min_length=1, max_length=100,
        description="What it is compared with, as texts; of a comparison of numbers or versions exactly one.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _comparable(self) -> ConditionSection:
        if self.operator in (*NUMERIC, *VERSIONS) and len(self.values) != 1:
            raise ValueError(f"{self.operator} compares with exactly one value, and there are {len(self.values)}")
        if self.operator in NUMERIC and not _is_number(self.values[0]):
            raise ValueError(f"{self.operator} compares numbers, and {self.values[0]!r} is none")
        if self.operator in VERSIONS and not is_version(self.values[0]):
            raise ValueError(f"{self.operator} compares versions such as 4.10.0, and {self.values[0]!r} is none")
        return self

    @property
    def condition(self) -> Condition:
        """For those who evaluate it."""
        return Condition(attribute=self.attribute, operator=self.operator, values=tuple(self.values))


def _listed(written: object) -> object:
    return [written] if isinstance(written, dict) else written


Conditions = Annotated[
    list[ConditionSection],
    Field(min_length=1, max_length=10),
    BeforeValidator(_listed, json_schema_input_type=ConditionSection | list[ConditionSection]),
]
"""One condition, or several that must all hold."""


def segment_of(conditions: list[ConditionSection]) -> Segment:
    """For those who evaluate it."""
    return Segment(conditions=tuple(one.condition for one in conditions))


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None and math.isfinite(float(text))
