"""The installed adapters: one explicit table per port, from `kind` to the adapter's location. An adapter is imported
when it is used.

Installed packages add kinds through the entry-point groups `pilotage.fleet`, `pilotage.router`, `pilotage.metrics`,
`pilotage.queries`, `pilotage.flags` and `pilotage.notify`: the entry's name is the kind, its object an `Adapter`. A
package cannot replace a built-in kind. Entry points are read only for a kind that is in no table.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from pilotage.adapters.alert_series import AlertSeries
from pilotage.adapters.ports import AdapterError
from pilotage.model.capabilities import CAPABILITIES, Port, PortCapabilities
from pilotage.model.finding import Finding
from pilotage.model.json import JsonObject

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from pilotage.adapters.context import Context
    from pilotage.adapters.hosts.host import Host
    from pilotage.adapters.hosts.runner import Runner
    from pilotage.config.kinds import AdapterSection

_log = logging.getLogger(__name__)
S = TypeVar("S", bound="AdapterSection")
P = TypeVar("P")
C = TypeVar("C", bound=PortCapabilities)

_NOTIFY = "pilotage.adapters.notify.sections"
_PUBLISHING = "pilotage.adapters.notify.publishing"
_COMMAND = "pilotage.adapters.command.sections"

TABLE: Mapping[Port, Mapping[str, str]] = {
    Port.FLEET: {
        "process": "pilotage.adapters.fleets.process_adapter:ADAPTER",
        "ssh": "pilotage.adapters.fleets.ssh_adapter:ADAPTER",
        "container": "pilotage.adapters.fleets.container_adapter:ADAPTER",
        "command": f"{_COMMAND}:FLEET",
    },
    Port.ROUTER: {
        "envoy": "pilotage.adapters.routers.envoy_adapter:ADAPTER",
        "haproxy": "pilotage.adapters.routers.haproxy_adapter:ADAPTER",
        "nginx": "pilotage.adapters.routers.nginx_adapter:ADAPTER",
        "traefik": "pilotage.adapters.routers.traefik_adapter:ADAPTER",
        "cloudflare": "pilotage.adapters.routers.cloudflare_adapter:ADAPTER",
        "alb": "pilotage.adapters.routers.alb_adapter:ADAPTER",
        "command": f"{_COMMAND}:ROUTER",
    },
    Port.METRICS: {
        "envoy": "pilotage.adapters.metrics.envoy_adapter:ADAPTER",
        "traefik": "pilotage.adapters.metrics.traefik_adapter:ADAPTER",
        "nginx": "pilotage.adapters.metrics.nginx_adapter:ADAPTER",
        "haproxy": "pilotage.adapters.metrics.haproxy_adapter:ADAPTER",
        "prometheus": "pilotage.adapters.metrics.prometheus_counts_adapter:ADAPTER",
        "cloudwatch": "pilotage.adapters.metrics.cloudwatch_adapter:METRICS",
        "command": f"{_COMMAND}:METRICS",
    },
    Port.QUERIES: {
        "prometheus": "pilotage.adapters.metrics.prometheus_adapter:ADAPTER",
        "datadog": "pilotage.adapters.queries.datadog_adapter:ADAPTER",
        "newrelic": "pilotage.adapters.queries.newrelic_adapter:ADAPTER",
        "sql": "pilotage.adapters.queries.sql_adapter:ADAPTER",
        "http": "pilotage.adapters.queries.http_adapter:ADAPTER",
        "cloudwatch": "pilotage.adapters.metrics.cloudwatch_adapter:QUERIES",
        "command": f"{_COMMAND}:QUERIES",
    },
    Port.FLAGS: {
        "flagd": "pilotage.adapters.flags.flagd_adapter:ADAPTER",
        "unleash": "pilotage.adapters.flags.unleash_adapter:ADAPTER",
        "launchdarkly": "pilotage.adapters.flags.launchdarkly_adapter:ADAPTER",
        "split": "pilotage.adapters.flags.split_adapter:ADAPTER",
        "command": f"{_COMMAND}:FLAGS",
    },
    Port.NOTIFY: {
        "slack": f"{_NOTIFY}:SLACK",
        "email": f"{_NOTIFY}:EMAIL",
        "pagerduty": f"{_NOTIFY}:PAGERDUTY",
        "teams": f"{_NOTIFY}:TEAMS",
        "grafana": f"{_NOTIFY}:GRAFANA",
        "webhook": f"{_NOTIFY}:WEBHOOK",
        "cdevents": f"{_NOTIFY}:CDEVENTS",
        "apprise": f"{_NOTIFY}:APPRISE",
        "documentation": f"{_PUBLISHING}:DOCUMENTATION",
        "mastodon": f"{_PUBLISHING}:MASTODON",
        "in-app": f"{_PUBLISHING}:IN_APP",
        "status-page": f"{_PUBLISHING}:STATUS_PAGE",
        "command": f"{_COMMAND}:NOTIFY",
    },
}


class NoAdapter(AdapterError):
    """`pilotage.yaml` names a kind of adapter that is not installed."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A host, and what runs instances on it; None where only a router is there."""

    host: Host
    runner: Runner | None = None


@dataclass(frozen=True, kw_only=True)
class Adapter(Generic[S, P, C]):
    """What the table says of one adapter. Its module is light: what opens the adapter is imported in `open`."""

    section: type[S]
    """Its part of `pilotage.yaml`, with `kind: Literal[…]`; it lives next to the adapter."""
    capabilities: C
    """What it can do at best."""
    open: Callable[[S, Context], P]
    """The port. Touches nothing outside yet, so it is cheap and cannot fail for what is outside."""
    configured: Callable[[S], C] | None = None
    """What it can do as this section configures it; `capabilities` where it makes no difference."""
    examine: Callable[[S, Context], Iterable[Finding]] | None = None
    """For `pilotage doctor`: whether what the adapter needs is there. Changes nothing; takes seconds at most."""
    lacks: Callable[[S, Path, str], str] | None = None
    """Of a fleet: what is not there to run a version (section, the project's folder, version); empty where it can be
    started as far as anyone can know before. Asked before a rollout starts. Of a router: why it cannot listen, asked
    only where none of ours runs."""
    lacks_there: Callable[[S, Context, str], str] | None = None
    """The same of a fleet whose places depend on service and environment; takes seconds at most."""
    prepared: Callable[[S], S] | None = None
    """Of a fleet: its section for a version that was made ready to start before, so that `lacks` misses what `prepare`
    would bring."""
    of_others: bool = False
    """Of a router: whether somebody else runs it, so that another process listens where users come."""
    starts_aside: bool = False
    """Of a fleet: whether an instance in another directory, and of an environment of another name, touches nothing of
    what serves."""
    elsewhere: bool = False
    """Of a fleet: whether its instances run on other machines."""
    asides: Callable[[S, Context], Mapping[str, S]] | None = None
    """Of a fleet with several kinds of places: its section with one place of each kind alone, by words such as
    `on web1`. Raises AdapterError."""
    files: Callable[[S], Iterable[str]] | None = None
    """Files of the project that the way back needs; their text is kept with every rollout."""
    machines: Callable[[S, Context], Mapping[str, Machine]] | None = None
    """Of fleets and routers: the hosts that they work on, by the names in the configuration. Connects to nothing."""
    alert_series: Callable[[str], AlertSeries] | None = None
    """Of metrics: the series of a version that a Prometheus can scrape."""

    def lacking(self, section: AdapterSection, context: Context, version: str, *, again: bool = False) -> str:
        """What is not there to run a version; empty where nothing speaks against it. again: it was made ready to start
        before, and is not a second time."""
        from pilotage.adapters.stages.built import needs_artifacts

        # Not as JSON: a section that another version stored may hold anything.
        if needs_artifacts([repr(section)]) and (missing := context.built.lacks(version)):
            return missing
        given = self.prepared(cast(S, section)) if again and self.prepared else cast(S, section)
        if self.lacks_there is not None:
            return self.lacks_there(given, context, version)
        return self.lacks(given, context.folder, version) if self.lacks is not None else ""

    def can(self, section: AdapterSection) -> C:
        """What it can do as configured."""
        return self.configured(cast(S, section)) if self.configured else self.capabilities


AnyAdapter = Adapter[Any, Any, Any]


def find(port: Port, kind: str) -> AnyAdapter | None:
    """The adapter of a kind; None where it is not installed, or cannot be imported, which the log then says."""
    if kind in TABLE[port]:
        return _loaded(TABLE[port][kind])
    entry = _added(port).get(kind)
    if entry is None:
        return None
    try:
        found = entry.load()
    except (Exception, SystemExit) as error:
        _log.warning("importing %s %s of %s failed: %r", port, kind, entry.value, error)
        return None
    if not isinstance(found, Adapter):
        _log.warning("%s %s: %s is not a pilotage Adapter", port, kind, entry.value)
        return None
    if wrong := _wrong(port, found):
        _log.warning("%s %s: the Adapter %s %s", port, kind, entry.value, wrong)
        return None
    return found


def _wrong(port: Port, adapter: AnyAdapter) -> str:
    """What an adapter of others lacks that every reader relies on; empty if it is whole."""
    from pilotage.config.kinds import AdapterSection

    section, wanted = adapter.section, CAPABILITIES[port]
    if not (isinstance(section, type) and issubclass(section, AdapterSection)):
        return "has no AdapterSection as its section"
    if not isinstance(adapter.capabilities, wanted):
        return f"has no {wanted.__name__} as its capabilities"
    return "" if callable(adapter.open) else "has no function `open`"


def get(port: Port, kind: str) -> AnyAdapter:
    """The adapter of a kind. Raises NoAdapter."""
    found = find(port, kind)
    if found is None:
        known = ", ".join(kinds(port))
        what = f"no {port} adapter called {kind!r} is installed; there are {known}"
        raise NoAdapter(what, cure="install its package")
    return found


def of(port: Port, section: AdapterSection) -> AnyAdapter:
    """The adapter that reads this section. Raises NoAdapter."""
    return get(port, section.kind)


def kinds(port: Port) -> tuple[str, ...]:
    """Every kind that is installed, ours first."""
    return (*TABLE[port], *sorted(_added(port)))


def package_of(port: Port, kind: str) -> str:
    """The distribution that a kind comes with."""
    entry = _added(port).get(kind)
    return entry.dist.name if entry is not None and entry.dist is not None else "pilotage"


def leniently(adapter: AnyAdapter, section: JsonObject) -> AdapterSection:
    """A section stored as plain data, maybe by another version: values are used as they are, unknown keys are
    ignored."""
    from pydantic import ValidationError

    model: type[AdapterSection] = adapter.section
    try:
        return model.model_validate(section)
    except ValidationError:
        return model.model_construct(None, **{name: section[name] for name in model.model_fields if name in section})


@cache
def _loaded(where: str) -> AnyAdapter:
    module, _, name = where.partition(":")
    return cast(AnyAdapter, getattr(import_module(module), name))


@cache
def _added(port: Port) -> Mapping[str, EntryPoint]:
    """Kinds of installed packages. Built-in kinds take precedence; of two packages with the same kind, the first by
    name counts."""
    from importlib.metadata import entry_points

    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=f"pilotage.{port}"), key=lambda entry: (entry.name, entry.value)):
        if entry.name in TABLE[port] or entry.name in found:
            _log.warning("ignoring %s %s of %s: the kind already exists", port, entry.name, entry.value)
            continue
        found[entry.name] = entry
    return found


def forget_added() -> None:
    """Look for packages again, where `sys.path` has changed."""
    _added.cache_clear()
