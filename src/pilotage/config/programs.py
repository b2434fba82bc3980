"""Environment variables that instances, checks and probes get in addition to `PATH` and the like."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from pilotage.config.fields import Section

_REFERENCE = re.compile(r"secret://(env/[A-Za-z_][A-Za-z0-9_]*|file/.+)")


def _value(given: object) -> object:
    """Numbers of YAML are texts for a program; true and false are not, for every program spells them its way."""
    return str(given) if isinstance(given, int | float) and not isinstance(given, bool) else given


def _usable(text: str) -> str:
    if "\0" in text:
        raise ValueError("it contains a NUL character")
    if text.startswith("secret://") and not _REFERENCE.fullmatch(text):
        raise ValueError("not a reference such as secret://env/NAME or secret://file/PATH")
    return text


VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]
VariableValue = Annotated[
    str, BeforeValidator(_value, json_schema_input_type=str | int | float), AfterValidator(_usable)
]


class ProgramSection(Section):
    """A section that contains a command."""

    env: dict[VariableName, VariableValue] = Field(
        default_factory=dict,
        description="Environment variables of the command: values, or references such as secret://env/NAME.",
    )
    pass_env: list[VariableName] = Field(
        default_factory=list, description="Variables of the worker's environment to pass on to the command."
    )

    @property
    def names_variables(self) -> bool:
        return bool(self.env or self.pass_env)
