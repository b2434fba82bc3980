"""Sections with a `kind`: which model reads one is looked up in the table of adapters, so an installed package can add
kinds without a line changed here. Only the module of the kind that a file names is imported.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import InitErrorDetails, PydanticKnownError, core_schema

from pilotage.config.fields import Section, UrlPath
from pilotage.model.capabilities import MetricsCapabilities, Port, RouterCapabilities


class AdapterSection(Section):
    """A section whose `kind` selects the adapter."""

    kind: str


class FleetSection(AdapterSection):
    """What runs the instances of each version."""

    count: Annotated[int, Field(ge=1, le=64)] = Field(1, description="Number of instances that carry the full load.")


class RouterSection(AdapterSection):
    """What splits requests between versions."""


class MetricsSection(AdapterSection):
    """What counts requests and errors of each version."""


class QueriesSection(AdapterSection):
    """What answers metric queries."""


class FlagSection(AdapterSection):
    """The feature flag of a feature-toggle release."""

    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")] = Field(
        description="Key of the flag, such as new-checkout."
    )
    metrics_path: UrlPath = Field(
        "/metrics", description="Path where each instance reports the metrics of both variants."
    )


def section_of(port: Port, kind: str) -> type[AdapterSection] | None:
    """The model of a kind; None for one that is not installed."""
    from pilotage.adapters import registry

    found = registry.find(port, kind)
    return found.section if found else None


def kinds_of(port: Port) -> tuple[str, ...]:
    """Every kind that is installed."""
    from pilotage.adapters import registry

    return registry.kinds(port)


def can_route(section: RouterSection) -> RouterCapabilities:
    """What a router can do as it is configured."""
    from pilotage.adapters import registry

    found: RouterCapabilities = registry.of(Port.ROUTER, section).can(section)
    return found


def can_count(section: MetricsSection) -> MetricsCapabilities:
    """What a source of counts can do as it is configured."""
    from pilotage.adapters import registry

    found: MetricsCapabilities = registry.of(Port.METRICS, section).can(section)
    return found


class KindOf:
    """Marks a field as a section of one port. default: the kind of a section that names none."""

    def __init__(self, port: Port, default: str = "") -> None:
        self.port, self.default = port, default

    def sections(self) -> Iterable[type[AdapterSection]]:
        """The model of every kind that is installed."""
        return (found for kind in kinds_of(self.port) if (found := section_of(self.port, kind)))

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        shown = [handler(section.__pydantic_core_schema__) for section in self.sections()]
        return shown[0] if len(shown) == 1 else {"oneOf": shown, "discriminator": {"propertyName": "kind"}}

    def _read(self, value: object) -> AdapterSection:
        if isinstance(value, AdapterSection):
            return value
        if not isinstance(value, dict):
            raise PydanticKnownError("model_type", {"class_name": self.port})
        kind = value.get("kind", self.default)
        if not kind:
            raise _at_kind(self.port, "missing", {}, value)
        section = section_of(self.port, kind) if isinstance(kind, str) else None
        if section is None and kind in kinds_of(self.port):
            why = f"{kind!r} is installed, but importing it failed; run `pilotage adapters` for the reason"
            raise _at_kind(self.port, "value_error", {"error": ValueError(why)}, kind)
        if section is None:
            known = ", ".join(f"'{name}'" for name in kinds_of(self.port))
            raise _at_kind(self.port, "literal_error", {"expected": known}, kind)
        return section.model_validate(value)


def _at_kind(port: Port, error: str, context: dict[str, object], value: object) -> ValidationError:
    detail = InitErrorDetails(type=error, loc=("kind",), input=value, ctx=context)
    return ValidationError.from_exception_data(port, [detail])
