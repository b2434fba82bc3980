"""What an adapter can do, as data. `pilotage adapters` shows it, and making a plan checks it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pilotage.model.segment import Operator


class Port(StrEnum):
    """What adapters plug into. The value is the name of the setting's kind, and the end of the entry-point group."""

    FLEET = "fleet"
    ROUTER = "router"
    METRICS = "metrics"
    QUERIES = "queries"
    FLAGS = "flags"
    NOTIFY = "notify"


@dataclass(frozen=True, kw_only=True)
class RouterCapabilities:
    """Of a router. Defaults are those of a router that can do everything, which plans without a target assume."""

    grain: int = 1
    """Smallest difference between two weights, in per mille: 1 for every weight, 100 for tenths."""
    header_routes: bool = True
    """Sends requests with a header to one version, whatever the weights say."""
    headers: tuple[str, ...] = ()
    """The only headers that header routes may name, in lower case; empty for any."""
    cohort: int = 0
    """How many values of one header it can send to one version, whatever the weights say; 0 for none. No router is
    assumed to: an adapter says so."""
    cohort_headers: tuple[str, ...] = ()
    """The only headers that a cohort may name, in lower case; empty for any. An empty name stands for none as yet."""
    mirror: bool = True
    """Copies requests to a version and throws its answers away."""
    sticky: bool = True
    """A user stays on the version of their first request, and a larger weight only adds users."""
    closed: bool = True
    """Serves a maintenance page while the service is closed."""
    endpoints: bool = True
    """Reports the instances that it sends requests to."""
    versions: int = 0
    """Versions that may share the traffic at once; 0 for any number."""
    own_requests: bool = True
    """Tells Pilotage's own requests (`synthetic`) from those of users."""
    lossless_switch: bool = True
    """No request is lost while the split changes. Else connections that users keep open may be closed as they send."""
    fails_over: bool = True
    """A request whose instance does not accept the connection is sent to another one. Else it is lost, until a health
    check finds the instance dead."""
    keeps_users: bool = False
    """Users whom it keeps on a version stay there when the weights change, also on stable: a weight holds for users who
    come from then on. Only a weight of 0 moves everybody."""
    settle: float = 1.0
    """Seconds after `apply` returns until `read` shows the split."""


@dataclass(frozen=True, kw_only=True)
class FleetCapabilities:
    """Of a fleet."""

    provides: tuple[str, ...] = ()
    """Health metrics that its instances tell: `memory_utilization`, `cpu_utilization`."""
    logs: bool = True
    """Reads the last lines that an instance wrote."""
    most: int = 0
    """Instances of all versions together; 0 for any number."""
    prepares: bool = False
    """Brings a version to where it runs before anything changes: an image, an artifact, what must run first."""


@dataclass(frozen=True, kw_only=True)
class MetricsCapabilities:
    """Of a source of counts."""

    provides: tuple[str, ...] = ("application_error_rate", "response_time_p95")
    """Health metrics that it provides."""
    of_router: str = ""
    """The kind of router whose figures it reads; empty for an independent source."""
    errors: bool = False
    """Counts as failed what the environment's `errors` name; else every 5xx, and nothing else."""
    grpc: bool = True
    """Knows the status of a gRPC call, where it counts what `errors` name."""
    routes: bool = False
    """Counts each of the configured `routes` apart."""
    instances: bool = False
    """Counts each instance apart."""
    users: bool = False
    """Names the user of every failed request, so that one user with many failures counts once."""
    period: float = 0.0
    """Seconds that each of its figures covers; 0 for a source that counts all the time."""
    late: float = 0.0
    """Seconds after such a period until its figures are complete."""
    alert_series: bool = False
    """Its figures are series that a Prometheus can scrape, so `pilotage plan --format prometheus` has rules."""


@dataclass(frozen=True, kw_only=True)
class QueriesCapabilities:
    """Of a metrics system that answers questions."""

    language: str = ""
    interval: float = 0.0
    """Seconds between two readings at least: no newer figure comes sooner, or the system does not want to be asked
    more often. 0 for any."""


@dataclass(frozen=True, kw_only=True)
class FlagsCapabilities:
    """Of a provider of release flags."""

    grain: int = 1
    """Smallest difference between two shares of users, in per mille."""
    groups: bool = True
    """Turns the flag on for named groups."""
    operators: tuple[Operator, ...] = tuple(Operator)
    """The comparisons that segments may use."""
    rehearse: bool = True
    """Tries the kill switch on a copy of the flag."""


@dataclass(frozen=True, kw_only=True)
class NotifyCapabilities:
    """Of a channel."""

    threads: bool = False
    """Messages of one rollout form a thread."""
    updates: bool = False
    """The first message of a rollout is kept up to date."""
    buttons: bool = False
    """People approve and abort from the message."""


PortCapabilities = (
    RouterCapabilities
    | FleetCapabilities
    | MetricsCapabilities
    | QueriesCapabilities
    | FlagsCapabilities
    | NotifyCapabilities
)

CAPABILITIES: Mapping[Port, type[PortCapabilities]] = {
    Port.FLEET: FleetCapabilities,
    Port.ROUTER: RouterCapabilities,
    Port.METRICS: MetricsCapabilities,
    Port.QUERIES: QueriesCapabilities,
    Port.FLAGS: FlagsCapabilities,
    Port.NOTIFY: NotifyCapabilities,
}


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """Of a target: what its adapters can do as configured. Names are those of the kinds, for sentences."""

    router: RouterCapabilities = field(default_factory=RouterCapabilities)
    fleet: FleetCapabilities = field(default_factory=FleetCapabilities)
    metrics: MetricsCapabilities = field(default_factory=MetricsCapabilities)
    flags: FlagsCapabilities = field(default_factory=FlagsCapabilities)
    router_name: str = "the router"
    metrics_name: str = "the source of counts"
    fleet_name: str = "the fleet"
    flags_name: str = "the flag's provider"


def together(routers: tuple[RouterCapabilities, ...]) -> RouterCapabilities:
    """What several routers that act as one can do: only what each of them can."""
    named = [set(router.headers) for router in routers if router.headers]
    common = set.intersection(*named) if named else set()
    of_cohorts = [set(router.cohort_headers) for router in routers if router.cohort_headers]
    common_of_cohorts = set.intersection(*of_cohorts) if of_cohorts else set()
    fewest = [router.versions for router in routers if router.versions]
    return RouterCapabilities(
        grain=math.lcm(*(router.grain for router in routers)),
        header_routes=all(router.header_routes for router in routers) and (not named or bool(common)),
        headers=tuple(sorted(common)),
        cohort=min(router.cohort for router in routers) if common_of_cohorts or not of_cohorts else 0,
        cohort_headers=tuple(sorted(common_of_cohorts)),
        mirror=all(router.mirror for router in routers),
        sticky=all(router.sticky for router in routers),
        closed=all(router.closed for router in routers),
        endpoints=all(router.endpoints for router in routers),
        versions=min(fewest, default=0),
        own_requests=all(router.own_requests for router in routers),
        lossless_switch=all(router.lossless_switch for router in routers),
        fails_over=all(router.fails_over for router in routers),
        keeps_users=any(router.keeps_users for router in routers),
        settle=max(router.settle for router in routers),
    )
