"""Sections with a `kind`: which model reads one is looked up in the table of adapters, so an installed package can add
kinds without a line changed here. Only the module of the kind that a file names is imported.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import InitErrorDetails, PydanticKnownError, core_schema

from pilotage.config.fields import NAME, Day, Misplaced, Section, UrlPath
from pilotage.config.flag_verification import FlagVerification
from pilotage.config.segments import Conditions, segment_of
from pilotage.model.capabilities import MetricsCapabilities, Port, QueriesCapabilities, RouterCapabilities
from pilotage.model.flag import FlagPurpose
from pilotage.model.segment import Segment, group


class AdapterSection(Section):
    """A section whose `kind` selects the adapter."""

    kind: str


class FleetSection(AdapterSection):
    """What runs the instances of each version."""

    count: Annotated[int, Field(ge=1, le=1000)] = Field(1, description="Number of instances that carry the full load.")


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
    purpose: Annotated[FlagPurpose, Field(strict=False)] = Field(
        FlagPurpose.RELEASE, description="What the flag is for: release, experiment, kill-switch or permission."
    )
    owner: Annotated[str, Field(max_length=200)] = Field("", description="Who removes the flag, such as ada.")
    expires: Day | None = Field(
        None, description="Day by which the flag and its code are removed, such as 2027-03-31. Not of a kill switch."
    )
    segments: dict[Annotated[str, Field(pattern=NAME)], Conditions] = Field(
        default_factory=dict,
        description="Named rules on the evaluation context, such as `free-tier: {attribute: tier, values: [free]}`; "
        "of a list of rules all must hold.",
    )
    verify: FlagVerification | None = Field(
        None, description="Who is asked what services answer after each change of the flag."
    )

    @model_validator(mode="after")
    def _lasting(self) -> Self:
        if self.expires and not self.purpose.expires:
            raise Misplaced(f"a flag with purpose: {self.purpose} never expires: remove it", "expires")
        return self

    def segment_of(self, name: str) -> Segment:
        """The rule of a name in a ramp's groups; a name without one is the value of the attribute `group`."""
        found = self.segments.get(name)
        return segment_of(found) if found is not None else group(name)


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


def can_answer(section: QueriesSection) -> QueriesCapabilities:
    """What a metrics system can do as it is configured."""
    from pilotage.adapters import registry

    found: QueriesCapabilities = registry.of(Port.QUERIES, section).can(section)
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
