"""`kind: command` of every port: an argument list that speaks JSON, and what it can do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from pilotage.adapters.context import Context
from pilotage.adapters.notifier import Notifier
from pilotage.adapters.ports import Flags, Fleet, Metrics, Queries, Router
from pilotage.adapters.registry import Adapter
from pilotage.config.channels import STARTS_IN, Channel
from pilotage.config.fields import Duration, PlainUrl, Share, UrlPath
from pilotage.config.kinds import (
    AdapterSection,
    FlagSection,
    FleetSection,
    MetricsSection,
    QueriesSection,
    RouterSection,
)
from pilotage.config.programs import ProgramSection
from pilotage.model.capabilities import (
    FlagsCapabilities,
    FleetCapabilities,
    MetricsCapabilities,
    NotifyCapabilities,
    QueriesCapabilities,
    RouterCapabilities,
)
from pilotage.model.finding import Finding
from pilotage.model.json import JsonObject
from pilotage.model.segment import Operator

if TYPE_CHECKING:
    from pilotage.adapters.command.program import Program


class _Command(ProgramSection, AdapterSection):
    """A program that reads one JSON object and writes one."""

    kind: Literal["command"]
    command: list[str] = Field(min_length=1, description="Program as an argument list, without a shell.")
    timeout: Duration = Field(10.0, gt=0, le=60, description="Time limit of one call, after which it is killed.")


class CommandRouterSection(_Command, RouterSection):
    """Your own router, set and read by a program."""

    url: PlainUrl | None = Field(
        None, description="Address where users reach the service, such as https://shop.example."
    )
    capabilities: list[Literal["header_routes", "mirror", "sticky", "closed", "endpoints"]] = Field(
        default_factory=list, description="What the router can do in addition to weights."
    )
    cohort: int = Field(
        0, ge=0, le=50_000, description="Tenants that the router can send to one version by a header; 0 for none."
    )
    weight_granularity: Share = Field(
        0.001, gt=0, le=1, description="Smallest difference between two weights, such as 1%."
    )


class CommandFleetSection(_Command, FleetSection):
    """Your own fleet, run by a program."""

    health_check_path: UrlPath = Field("/healthz", description="Path that returns 2xx when an instance is healthy.")
    capabilities: list[Literal["memory", "cpu", "logs"]] = Field(
        default_factory=list, description="What it reports about instances."
    )


class CommandMetricsSection(_Command, MetricsSection):
    """Counts of requests and errors, reported by a program."""

    capabilities: list[Literal["durations"]] = Field(
        default_factory=list, description="What it reports in addition to counts."
    )


class CommandQueriesSection(_Command, QueriesSection):
    """Your own metrics system, queried by a program."""


class CommandFlagSection(_Command, FlagSection):
    """Your own flag provider, set and read by a program."""

    operators: list[Annotated[Operator, Field(strict=False)]] = Field(
        default_factory=list, description="Comparisons that it knows in the rules of segments, such as in."
    )


class CommandChannelSection(_Command, Channel):
    """Your own channel, served by a program."""

    def kept(self, folder: Path) -> JsonObject:
        return {**super().kept(folder), STARTS_IN: str(folder.absolute())}


def _program(section: _Command, context: Context) -> Program:
    from pilotage.adapters.command.program import Program
    from pilotage.adapters.environment import Environment

    environment = Environment(given=section.env, passed=section.pass_env)
    return Program(section.command, context.folder, environment, section.timeout)


def _open_router(section: CommandRouterSection, context: Context) -> Router:
    from pilotage.adapters.command.adapters import CommandRouter

    endpoints = "endpoints" in section.capabilities
    return CommandRouter(
        _program(section, context), context, url=section.url or "", endpoints=endpoints, cohort=section.cohort
    )


def _router_can(section: CommandRouterSection) -> RouterCapabilities:
    able = section.capabilities
    return replace(
        _ROUTER,
        grain=max(1, round(section.weight_granularity * 1000)),
        header_routes="header_routes" in able,
        cohort=section.cohort,
        mirror="mirror" in able,
        sticky="sticky" in able,
        closed="closed" in able,
        endpoints="endpoints" in able,
    )


def _open_fleet(section: CommandFleetSection, context: Context) -> Fleet:
    from pilotage.adapters.command.adapters import CommandFleet

    return CommandFleet(_program(section, context), context, health_path=section.health_check_path)


def _fleet_can(section: CommandFleetSection) -> FleetCapabilities:
    provides = tuple(f"{name}_utilization" for name in ("memory", "cpu") if name in section.capabilities)
    return FleetCapabilities(provides=provides, logs="logs" in section.capabilities)


def _open_metrics(section: CommandMetricsSection, context: Context) -> Metrics:
    from pilotage.adapters.command.adapters import CommandMetrics

    return CommandMetrics(_program(section, context), context)


def _metrics_can(section: CommandMetricsSection) -> MetricsCapabilities:
    provides = _METRICS.provides if "durations" in section.capabilities else ("application_error_rate",)
    return replace(_METRICS, provides=provides)


def _open_queries(section: CommandQueriesSection, context: Context) -> Queries:
    from pilotage.adapters.command.adapters import CommandQueries

    return CommandQueries(_program(section, context), context)


def _open_flags(section: CommandFlagSection, context: Context) -> Flags:
    from pilotage.adapters.command.adapters import CommandFlags

    return CommandFlags(_program(section, context), context, key=section.key, segment_of=section.segment_of)


def _flags_can(section: CommandFlagSection) -> FlagsCapabilities:
    return FlagsCapabilities(operators=tuple(section.operators))


def _open_channel(section: CommandChannelSection, context: Context) -> Notifier:
    from pilotage.adapters.command.adapters import CommandNotifier

    return CommandNotifier(_program(section, context), context)


def _examine(section: _Command, context: Context) -> Iterator[Finding]:
    import shutil

    program = section.command[0]
    if shutil.which(program) or (context.folder / program).is_file():
        yield Finding("PASS", "command", f"{program} can be started")
    else:
        yield Finding("FAIL", "command", f"{program!r} is neither on PATH nor in the project: correct its command")


_ROUTER = RouterCapabilities(own_requests=False, cohort=50_000)
_METRICS = MetricsCapabilities()
_QUERIES = QueriesCapabilities(language="its own")
_FLEET = FleetCapabilities(provides=("memory_utilization", "cpu_utilization"))

ROUTER = Adapter(
    section=CommandRouterSection, capabilities=_ROUTER, open=_open_router, configured=_router_can, examine=_examine
)
FLEET = Adapter(
    section=CommandFleetSection, capabilities=_FLEET, open=_open_fleet, configured=_fleet_can, examine=_examine
)
METRICS = Adapter(
    section=CommandMetricsSection,
    capabilities=_METRICS,
    open=_open_metrics,
    configured=_metrics_can,
    examine=_examine,
)
QUERIES = Adapter(section=CommandQueriesSection, capabilities=_QUERIES, open=_open_queries, examine=_examine)
FLAGS = Adapter(
    section=CommandFlagSection, capabilities=FlagsCapabilities(), open=_open_flags, configured=_flags_can,
    examine=_examine,
)  # fmt: skip
NOTIFY = Adapter(
    section=CommandChannelSection, capabilities=NotifyCapabilities(threads=True), open=_open_channel, examine=_examine
)
