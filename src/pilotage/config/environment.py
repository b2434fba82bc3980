"""The section of an environment: where a service runs, and what splits, counts and judges its requests there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator, model_validator

from pilotage.config.analysis import AnalysisSection
from pilotage.config.backups import BackupSection
from pilotage.config.checks import CheckSection, ProbeSection
from pilotage.config.counting import ErrorKinds, RouteSection, check_routes, server_errors
from pilotage.config.databases import DatabaseSection
from pilotage.config.fields import NAME, Misplaced, Section, Share, UrlPath
from pilotage.config.kinds import FlagSection, FleetSection, KindOf, MetricsSection, RouterSection
from pilotage.config.matching import mismatches
from pilotage.config.monitoring import MonitoringSection
from pilotage.config.waves import TenantsSection, WaveRulesSection, WaveSection, check_waves
from pilotage.model.capabilities import Port
from pilotage.model.json import find


class TrafficSection(Section):
    """Usual traffic. The plan uses it to say how soon the judge detects harm."""

    requests_per_second: float = Field(
        gt=0, description="Requests per second of all users in a usual hour.", strict=False
    )
    error_rate: Share = Field(gt=0, lt=1, description="Share of requests that fail on a usual day, such as 0.2%.")


class SyntheticSection(Section):
    """Requests that Pilotage sends while a release is watched, for services with too few users."""

    path: UrlPath = Field(description="Path to request with GET. The header x-pilotage-synthetic marks these requests.")
    requests_per_second: float = Field(
        gt=0, le=100, description="Requests per second, through the router.", strict=False
    )


class EnvironmentSection(Section):
    """A place where the service runs, such as production."""

    fleet: Annotated[FleetSection, KindOf(Port.FLEET)] = Field(description="What runs the instances.")
    router: Annotated[RouterSection, KindOf(Port.ROUTER)] | None = Field(
        None, description="What splits requests between versions."
    )
    routers: dict[Annotated[str, Field(pattern=NAME)], Annotated[RouterSection, KindOf(Port.ROUTER)]] = Field(
        default_factory=dict,
        description="Several routers that split traffic the same way, by names you choose. Use it instead of router.",
    )
    metrics: Annotated[MetricsSection, KindOf(Port.METRICS)] = Field(
        default={"kind": "envoy"},
        validate_default=True,
        description="Where requests and errors are counted. Default: at the embedded router.",
    )
    downtime: bool = Field(
        False, description="The release needs downtime, for example for a migration, whatever the strategy."
    )
    traffic: TrafficSection | None = Field(
        None, description="Usual traffic. The plan then says how soon harm is detected."
    )
    synthetic: SyntheticSection | None = Field(
        None, description="Requests that Pilotage sends while a release is watched."
    )
    errors: ErrorKinds = Field(
        default_factory=server_errors,
        description="Responses that count as failed, such as 5xx, 4xx, 404 or {grpc: [INTERNAL]}.",
    )
    routes: Annotated[list[RouteSection], AfterValidator(check_routes)] = Field(
        default_factory=list,
        description="Parts of the service that are judged separately. Default: learned from traffic.",
    )
    checks: dict[str, list[CheckSection]] = Field(
        default_factory=dict, description="Checks to add to a step, by the id of the step, such as check-smoke."
    )
    probes: list[ProbeSection] = Field(
        default_factory=list, description="Critical functions, tested at each instance while a release is watched."
    )
    flag: Annotated[FlagSection, KindOf(Port.FLAGS, default="flagd")] | None = Field(
        None, description="Feature flag of a feature-toggle release."
    )
    analysis: AnalysisSection | None = Field(None, description="Signals and rules from Prometheus.")
    database: DatabaseSection | None = Field(None, description="The environment's database, checked before the switch.")
    backup: BackupSection | None = Field(None, description="Backups of the environment's database.")
    monitoring: MonitoringSection | None = Field(
        None, description="Prometheus and Alertmanager: alert rules of rollouts, and alerts that hold them."
    )
    tenants: TenantsSection | None = Field(None, description="Tenants of the service, for waves.")
    waves: list[WaveSection] = Field(
        default_factory=list,
        max_length=100,
        description="Which tenants get a release when, in order. The last is the rest.",
    )
    wave_rules: WaveRulesSection | None = Field(
        None, description="Which waves go together, and what a failed one undoes."
    )
    overrides: dict[str, bool | int | float | str | list[int | float | str | dict[str, str]]] = Field(
        default_factory=dict,
        description="Settings of the plan to change, by name, such as `canary.phase_duration: 30m`.",
    )

    @model_validator(mode="before")
    @classmethod
    def _counted_at_the_router(cls, written: object) -> object:
        """Where nothing is said, the embedded router counts, of the kind that it is."""
        router = find(written, "router")
        embedded = find(router, "kind") == "traefik" and find(router, "listen") is not None
        if isinstance(written, dict) and embedded and "metrics" not in written:
            return {**written, "metrics": {"kind": "traefik"}}
        return written

    @field_validator("overrides", mode="before")
    @classmethod
    def _flat(cls, written: object) -> object:
        for section, nested in written.items() if isinstance(written, dict) else ():
            if isinstance(nested, dict) and nested:
                name, value = next(iter(nested.items()))
                flat = f"{section}.{name}: {json.dumps(value, default=str)}"
                raise Misplaced(f"is no number of the plan: write {flat} instead", section)
        return written

    @property
    def every_router(self) -> Mapping[str, RouterSection]:
        """All routers by name; a single `router` has an empty name."""
        return {"": self.router} if self.router else self.routers

    @property
    def backed_up(self) -> str:
        """The reference to the database that `backup` means."""
        named = self.backup.database if self.backup else None
        return named or (self.database.url if self.database else "")

    @model_validator(mode="after")
    def _routed(self) -> EnvironmentSection:
        if self.router is None and not self.routers:
            raise Misplaced("is missing", "router")
        if self.router is not None and self.routers:
            raise Misplaced("name either router or routers", "routers")
        if self.backup is not None and not self.backed_up:
            raise Misplaced("is missing: name it here, or under database.url of the environment", "backup", "database")
        check_waves(self.tenants, self.waves, self.wave_rules)
        for mismatch in mismatches(self):
            raise mismatch
        return self

    @field_validator("probes")
    @classmethod
    def _called_differently(cls, probes: list[ProbeSection]) -> list[ProbeSection]:
        names = [probe.called for probe in probes]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise Misplaced(f"two probes are called {name!r}: give each a name of its own", index)
        return probes
