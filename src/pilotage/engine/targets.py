"""From an environment's configuration to its adapters. One explicit table a port, imported when needed.

The way back of a rollout leads through here, so nothing that a person or a newer version can break may stop it: the
configuration comes from the rollout's snapshot, is read leniently, and no file of the project has to be there.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pilotage.adapters.ports import Checks, Flags, Fleet, Metrics, Probes, Queries, Router
from pilotage.config.models import EnvironmentSection, ProbeSection
from pilotage.config.stored import Stored, read_analysis, read_probes, read_section
from pilotage.model.snapshot import Snapshot

if TYPE_CHECKING:
    from pilotage.adapters.strata import Strata
    from pilotage.adapters.synthetic import SyntheticRequests
    from pilotage.judge.rules import Rule
    from pilotage.model.probe import Probe

_log = logging.getLogger(__name__)

LARGEST_FILE = 1 << 20
"""Bytes: a larger file of the project is not kept with a rollout."""


@dataclass(frozen=True)
class Target:
    """The ports of one environment, for a holder of its lease with `token`.

    queries: where rules ask, if any do · checks: of the rollout in hand · flags: and what its variants did, where the
    strategy is a feature toggle · synthetic: requests of our own, where they are wanted · probes: of the environment's
    critical functions, if it names any · trouble: guards of the configuration that cannot be read any more, a sentence
    each; a rollout without them does not go forward by itself.
    """

    router: Router
    fleet: Fleet
    metrics: Metrics
    queries: Queries | None = None
    checks: Checks | None = None
    flags: Flags | None = None
    variants: Metrics | None = None
    synthetic: SyntheticRequests | None = None
    probes: Probes | None = None
    trouble: tuple[str, ...] = ()


def open_target(
    directory: Path,
    snapshot: Snapshot,
    service: str,
    environment: str,
    token: int,
    rollout: str = "",
    by: str = "",
) -> Target:
    """`directory` is the store's; `snapshot` is what the rollout knows of its configuration; `rollout` its id; `by`
    who holds the lease with `token`.

    Raises UnreadableSection when the snapshot has no fleet or router; whatever else is wrong with it ends up in
    the target's `trouble`.
    """
    from pilotage.adapters.fence import Fence

    stored = read_section(snapshot.environment)
    section = stored.section
    place = _place(directory, service, environment)
    fence = Fence(place / "fence.json", token, by)
    cwd = _folder(snapshot, directory)
    for sentence in (trouble := (*snapshot.trouble, *stored.trouble)):
        _log.warning("%s: %s", rollout or f"{service}/{environment}", sentence)
    fleet = _process_fleet(place / "fleet", fence, section, cwd)
    return Target(
        router=_envoy_router(place / "router", fence, section, _page(snapshot, section)),
        fleet=fleet,
        metrics=_envoy_metrics(place / "router", section),
        queries=_queries(section),
        checks=_checks(place / "checks" / (rollout or "none"), fence, stored, cwd),
        flags=_flags(fence, section, cwd),
        variants=_variants(fleet, section),
        synthetic=_synthetic(place / "router", section),
        probes=_probes(section, cwd),
        trouble=trouble,
    )


def _folder(snapshot: Snapshot, directory: Path) -> Path:
    """Where programs start: the project's folder as it was where somebody asked for the rollout. On a machine that has
    no such folder it is that of the worker."""
    asked = Path(snapshot.cwd)
    return asked if asked.is_dir() else directory.resolve().parent


def describe(section: EnvironmentSection, cwd: Path) -> Snapshot:
    """An environment's configuration, to be kept with a rollout, with the text of the files that it names."""
    routes = tuple(route.path for route in section.routes)
    files = {}
    if page := section.router.maintenance_page:
        with suppress(OSError, ValueError):
            text = (cwd / page).read_bytes()[: LARGEST_FILE + 1].decode()
            files = {page: text} if len(text) <= LARGEST_FILE else {}
    kept = _without_empty(section.model_dump(mode="json"))
    return Snapshot(environment=kept, cwd=str(cwd), routes=routes, files=files)


def _without_empty(section: dict[str, Any]) -> dict[str, Any]:
    """The section without settings that nobody made. A worker of an older version refuses keys that it does not know,
    so it can execute a rollout that uses nothing newer. Rules stay whole: it reads their keys without asking."""
    kept = {}
    for name, value in section.items():
        if isinstance(value, dict) and name not in ("analysis", "overrides"):
            value = _without_empty(value)
        if isinstance(value, list):
            value = [_without_empty(item) if isinstance(item, dict) else item for item in value]
        if value is not None and value != [] and value != {}:
            kept[name] = value
    return kept


def _page(snapshot: Snapshot, section: EnvironmentSection) -> str:
    """What users get while the service is closed: the text kept with the rollout. Of a rollout that kept none, the
    file; and where that is gone, nothing, which the router takes for a page of ours."""
    name = section.router.maintenance_page
    if not name:
        return ""
    if name in snapshot.files:
        return snapshot.files[name]
    try:
        return (Path(snapshot.cwd) / name).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        _log.warning(
            "the maintenance page cannot be read, users get Pilotage's own while the service is closed: %s", error
        )
        return ""


def with_learned_routes(snapshot: Snapshot, directory: Path, service: str, environment: str) -> Snapshot:
    """The snapshot with the routes that users take, where none are configured. They stay so for the rollout."""
    from pilotage.adapters.route_sample import largest_routes, sampled_paths

    if snapshot.routes:
        return snapshot
    learned = largest_routes(sampled_paths(_place(directory, service, environment) / "router"))
    section = {**snapshot.environment, "routes": [{"path": path} for path in learned]}
    return replace(snapshot, environment=section, routes=tuple(learned))


def _place(directory: Path, service: str, environment: str) -> Path:
    return directory / "run" / f"{service}-{environment}"


def _checks(place: Path, fence: Any, stored: Stored, cwd: Path) -> Checks:
    from pilotage.adapters.checks import StepChecks

    checks = stored.section.checks.items()
    configured = {name: [check.model_dump(mode="json") for check in wanted] for name, wanted in checks}
    for name in stored.lost_checks:
        configured[name] = [{"unreadable": f"what {name} checks cannot be read by this version of Pilotage"}]
    return StepChecks(place, fence, configured, cwd)


def _flags(fence: Any, section: EnvironmentSection, cwd: Path) -> Flags | None:
    if section.flag is None:
        return None
    from pilotage.adapters.flags.flagd_file import FlagdFile

    return FlagdFile(cwd / section.flag.file, section.flag.key, fence)


def _variants(fleet: Fleet, section: EnvironmentSection) -> Metrics | None:
    if section.flag is None:
        return None
    from pilotage.adapters.metrics.variants import VariantMetrics

    return VariantMetrics(fleet.instances, section.flag.metrics, section.flag.key)


def _synthetic(place: Path, section: EnvironmentSection) -> SyntheticRequests | None:
    if section.synthetic is None:
        return None
    from pilotage.adapters.envoy_admin import synthetic_token
    from pilotage.adapters.synthetic import SyntheticRequests

    host, _, port = section.router.listen.rpartition(":")
    host = "127.0.0.1" if host == "0.0.0.0" else host
    url = f"http://{host}:{port}{section.synthetic.path}"
    return SyntheticRequests(url, section.synthetic.per_second, lambda: synthetic_token(place))


def _probes(section: EnvironmentSection, cwd: Path) -> Probes | None:
    if not (probes := _probes_of(section.probes)):
        return None
    from pilotage.adapters.probes import InstanceProbes

    return InstanceProbes(probes, cwd)


def _envoy_router(place: Path, fence: Any, section: EnvironmentSection, page: str) -> Router:
    from pilotage.adapters.routers.envoy import EnvoyRouter
    from pilotage.adapters.routers.envoy_resources import Settings, Sticky

    router = section.router
    sticky = Sticky(router.sticky.cookie or "", router.sticky.header or "") if router.sticky else None
    settings = Settings(
        listen=_host_and_port(router.listen),
        sticky=sticky,
        request_timeout=router.request_timeout,
        version_header=router.version_header or "",
        page=page,
        health=section.fleet.health,
        strata=_strata(section),
        synthetic=section.synthetic is not None,
        http2=router.http2,
        retry_idempotent=router.retry_idempotent,
        stats=_host_and_port(router.stats) if router.stats else None,
    )
    return EnvoyRouter(place, fence, settings)


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


def _process_fleet(place: Path, fence: Any, section: EnvironmentSection, cwd: Path) -> Fleet:
    from pilotage.adapters.environment import Environment
    from pilotage.adapters.fleets.process import ProcessFleet

    fleet = section.fleet
    environment = Environment(given=fleet.environment, passed=fleet.pass_environment)
    return ProcessFleet(
        place,
        fence,
        command=fleet.command,
        health=fleet.health,
        stop_deadline=fleet.stop_deadline,
        cwd=cwd,
        environment=environment,
    )


def _envoy_metrics(place: Path, section: EnvironmentSection) -> Metrics:
    from pilotage.adapters.envoy_admin import admin_url
    from pilotage.adapters.metrics.envoy import EnvoyMetrics

    admin = section.metrics.admin
    return EnvoyMetrics(
        lambda: f"http://{admin}" if admin else admin_url(place), _strata(section), None if admin else place
    )


def _strata(section: EnvironmentSection) -> Strata:
    from pilotage.adapters.strata import Failing, Route, Strata

    failing = Failing.of(section.errors)
    routes = [Route(route.path, Failing.of(route.errors) if route.errors else failing) for route in section.routes]
    return Strata(tuple(routes), failing)


def _queries(section: EnvironmentSection) -> Queries | None:
    if section.analysis is None:
        return None
    from pilotage.adapters.metrics.prometheus import PrometheusQueries

    return PrometheusQueries(section.analysis.prometheus)


def rules_of(snapshot: Snapshot, new: str, old: str | None) -> tuple[Rule, ...]:
    """The counted rules of an environment, the versions' names in their queries. Without a stable version there is
    nothing a rule that names it could ask for; it is left out."""
    from pilotage.adapters.placeholders import filled
    from pilotage.judge.rules import Rule
    from pilotage.model.condition import Condition

    analysis = read_analysis(snapshot.environment)
    rules = []
    for rule in analysis.rules if analysis else ():
        if "{old}" in rule.query and old is None:
            continue
        given = rule.model_dump(exclude={"success_condition", "failure_condition", "query"})
        success, failure = (
            Condition(text) if text else None for text in (rule.success_condition, rule.failure_condition)
        )
        query = filled(rule.query, {"new": new, "old": old or ""})
        rules.append(Rule(**given, query=query, success=success, failure=failure))
    return tuple(rules)


def probe_specs(snapshot: Snapshot) -> tuple[Probe, ...]:
    """The probes of an environment that can be read, in the order of its configuration."""
    return _probes_of(read_probes(snapshot.environment))


def _probes_of(sections: Sequence[ProbeSection]) -> tuple[Probe, ...]:
    from pilotage.model.probe import Probe

    return tuple(
        Probe(
            name=probe.called,
            http=probe.http or "",
            run=tuple(probe.run or ()),
            status=probe.status,
            contains=probe.contains or "",
            every=probe.every,
            failures=probe.failures,
            timeout=probe.timeout,
            environment=tuple(probe.environment.items()),
            pass_environment=tuple(probe.pass_environment),
        )
        for probe in sections
    )
