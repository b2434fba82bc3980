"""What `docs` and `adapters` print with `--json`."""

from __future__ import annotations

from collections.abc import Mapping

from pilotage.model.output.base import Output, Part


class SettingOutput(Part, frozen=True, kw_only=True):
    """One setting of `pilotage.yaml`."""

    name: str
    kind: str
    """What it takes, such as `duration` or `true or false`."""
    default: str
    """As it would be written; `required` if there is none."""
    description: str
    """What it does."""
    section: bool
    """Whether it has settings of its own."""


class SectionOutput(Part, frozen=True, kw_only=True):
    """One section of `pilotage.yaml`."""

    path: str
    """Its place; empty for the whole file."""
    description: str
    """What it is for."""
    settings: tuple[SettingOutput, ...]


class PlanSettingOutput(Part, frozen=True, kw_only=True):
    """One setting of a plan, which `overrides` can change."""

    name: str
    takes: str
    """Such as `duration` or `true or false`."""
    defaults: Mapping[str, str]
    """Default for each risk tolerance, as it would be written."""
    description: str
    """What it does."""
    strategy: str | None
    """The only strategy whose plans have it; null for all."""


class DocsOutput(Output, frozen=True, kw_only=True):
    """`docs`, of sections of `pilotage.yaml` or of settings of a plan."""

    sections: tuple[SectionOutput, ...] = ()
    """One for each kind, if there are several."""
    plan_settings: tuple[PlanSettingOutput, ...] = ()


class ErrorOutput(Part, frozen=True, kw_only=True):
    """One error of Pilotage."""

    code: str
    """Stable; scripts can rely on it."""
    exit_status: int
    """Exit status of the command."""
    http_status: int
    """Status of the API's response."""
    meaning: str
    """In a sentence."""


class ErrorsOutput(Output, frozen=True, kw_only=True):
    """`docs errors`."""

    errors: tuple[ErrorOutput, ...]


class CapabilitiesOutput(Part, frozen=True, kw_only=True, omit_defaults=True):
    """What an adapter can do at best. Only what applies to its port is there."""

    weight_granularity_percent: float | None = None
    """Smallest difference between two weights."""
    header_routes: bool | None = None
    """Whether it routes requests with a header to one version."""
    headers: tuple[str, ...] | None = None
    """The only headers that it routes by; null for any."""
    max_cohort: int | None = None
    """Tenants that it can send to one version by the value of a header; null if it cannot."""
    cohort_headers: tuple[str, ...] | None = None
    """The only headers by which it knows tenants; null for any."""
    mirror: bool | None = None
    """Whether it copies requests to a version and discards the responses."""
    sticky: bool | None = None
    """Whether users stay on the version of their first request."""
    maintenance_page: bool | None = None
    """Whether it shows a maintenance page while the service is closed."""
    endpoints: bool | None = None
    """Whether it reports the instances that it sends requests to."""
    max_versions: int | None = None
    """Versions that can share the traffic; null for any number."""
    synthetic_requests: bool | None = None
    """Whether it tells synthetic requests from those of users."""
    lossless_switch: bool | None = None
    """Whether no request is lost while weights change."""
    fails_over: bool | None = None
    """Whether a request whose instance refuses the connection is sent to another."""
    keeps_users: bool | None = None
    """Whether users who were assigned a version stay when weights change, so that a weight holds for new users."""
    settle_seconds: float | None = None
    """Time until the router shows new weights."""
    health_metrics: tuple[str, ...] | None = None
    """Health metrics that it provides."""
    logs: bool | None = None
    """Whether it reads the last lines of an instance's log."""
    max_instances: int | None = None
    """Instances of all versions together; null for any number."""
    prepares: bool | None = None
    """Whether it brings a version to where it runs before a rollout changes anything."""
    requires_router: str | None = None
    """Kind of the router whose figures it reads."""
    errors: bool | None = None
    """Whether it counts the errors that the environment's `errors` name, or only 5xx."""
    grpc: bool | None = None
    """Whether it knows the status of a gRPC call."""
    routes: bool | None = None
    """Whether it counts each of `routes` separately."""
    instances: bool | None = None
    """Whether it counts each instance separately."""
    users: bool | None = None
    """Whether it names the user of each failed request."""
    period_seconds: float | None = None
    """Time that each of its figures covers; null for a source that counts all the time."""
    late_seconds: float | None = None
    """Time after such a period until its figures are complete."""
    alert_series: bool | None = None
    """Whether Prometheus can scrape its figures."""
    interval_seconds: float | None = None
    """Least time between two readings; null for any."""
    language: str | None = None
    """Language of queries."""
    groups: bool | None = None
    """Whether it turns a flag on for named groups."""
    operators: tuple[str, ...] | None = None
    """The comparisons that segments may use."""
    kill_switch_test: bool | None = None
    """Whether it tests the kill switch on a copy of the flag."""
    threads: bool | None = None
    """Whether messages of one rollout form a thread."""
    updates: bool | None = None
    """Whether it keeps the first message of a rollout up to date."""
    buttons: bool | None = None
    """Whether people can approve and abort from a message."""


class AdapterOutput(Part, frozen=True, kw_only=True):
    """One installed adapter."""

    port: str
    """`fleet`, `router`, `metrics`, `queries`, `flags` or `notify`."""
    kind: str
    """The value of `kind` in `pilotage.yaml`."""
    package: str
    """The Python package that it comes with."""
    summary: str
    """What it is, in a sentence."""
    capabilities: CapabilitiesOutput | None
    """What it can do; null if it cannot be imported."""


class AdaptersOutput(Output, frozen=True, kw_only=True):
    """`adapters`."""

    adapters: tuple[AdapterOutput, ...]
