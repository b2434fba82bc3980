"""From an environment's configuration to its adapters. One explicit table a port, imported when needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pilotage.adapters.ports import Checks, Flags, Fleet, Metrics, Probes, Queries, Router
from pilotage.config.models import EnvironmentSection

if TYPE_CHECKING:
    from pilotage.adapters.strata import Strata
    from pilotage.adapters.synthetic import SyntheticRequests
    from pilotage.judge.rules import Rule
    from pilotage.model.probe import Probe


@dataclass(frozen=True)
class Target:
    """The ports of one environment, for a holder of its lease with `token`.

    queries: where rules ask, if any do · checks: of the rollout in hand · flags: and what its variants did, where the
    strategy is a feature toggle · synthetic: requests of our own, where they are wanted · probes: of the environment's
    critical functions, if it names any.
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


def open_target(
    directory: Path,
    target: dict[str, Any],
    service: str,
    environment: str,
    token: int,
    rollout: str = "",
    by: str = "",
) -> Target:
    """`directory` is the store's; `target` is what `describe` gave when the rollout began; `rollout` its id; `by` who
    holds the lease with `token`."""
    from pilotage.adapters.fence import Fence

    section = EnvironmentSection.model_validate(target["environment"])
    place = _place(directory, service, environment)
    fence = Fence(place / "fence.json", token, by)
    cwd = Path(target["cwd"])
    fleet = _process_fleet(place / "fleet", fence, section, cwd)
    return Target(
        router=_envoy_router(place / "router", fence, section, cwd),
        fleet=fleet,
        metrics=_envoy_metrics(place / "router", section),
        queries=_queries(section),
        checks=_checks(place / "checks" / (rollout or "none"), fence, section, cwd),
        flags=_flags(fence, section, cwd),
        variants=_variants(fleet, section),
        synthetic=_synthetic(place / "router", section),
        probes=_probes(target, cwd),
    )


def describe(section: EnvironmentSection, cwd: Path) -> dict[str, Any]:
    """An environment's configuration as plain JSON, to be kept with a rollout. routes: their names, for the judge."""
    routes = [route.path for route in section.routes]
    return {"environment": section.model_dump(mode="json"), "cwd": str(cwd), "routes": routes}


def with_learned_routes(target: dict[str, Any], directory: Path, service: str, environment: str) -> dict[str, Any]:
    """The target with the routes that users take, where none are configured. They stay as they are for the rollout."""
    from pilotage.adapters.route_sample import largest_routes, sampled_paths

    if target["routes"]:
        return target
    learned = largest_routes(sampled_paths(_place(directory, service, environment) / "router"))
    section = {**target["environment"], "routes": [{"path": path} for path in learned]}
    return {**target, "environment": section, "routes": list(learned)}


def _place(directory: Path, service: str, environment: str) -> Path:
    return directory / "run" / f"{service}-{environment}"


def _checks(place: Path, fence: Any, section: EnvironmentSection, cwd: Path) -> Checks:
    from pilotage.adapters.checks import StepChecks

    configured = {name: [check.model_dump(mode="json") for check in checks] for name, checks in section.checks.items()}
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


def _probes(target: dict[str, Any], cwd: Path) -> Probes | None:
    if not (probes := probe_specs(target)):
        return None
    from pilotage.adapters.probes import InstanceProbes

    return InstanceProbes(probes, cwd)


def _envoy_router(place: Path, fence: Any, section: EnvironmentSection, cwd: Path) -> Router:
    from pilotage.adapters.routers.envoy import EnvoyRouter
    from pilotage.adapters.routers.envoy_resources import Settings, Sticky

    router = section.router
    host, _, port = router.listen.rpartition(":")
    sticky = Sticky(router.sticky.cookie or "", router.sticky.header or "") if router.sticky else None
    settings = Settings(
        listen=(host, int(port)),
        sticky=sticky,
        request_timeout=router.request_timeout,
        version_header=router.version_header or "",
        page=(cwd / router.maintenance_page).read_text(encoding="utf-8") if router.maintenance_page else "",
        health=section.fleet.health,
        strata=_strata(section),
        synthetic=section.synthetic is not None,
        http2=router.http2,
        retry_idempotent=router.retry_idempotent,
    )
    return EnvoyRouter(place, fence, settings)


def _process_fleet(place: Path, fence: Any, section: EnvironmentSection, cwd: Path) -> Fleet:
    from pilotage.adapters.fleets.process import ProcessFleet

    fleet = section.fleet
    return ProcessFleet(
        place, fence, command=fleet.command, health=fleet.health, stop_deadline=fleet.stop_deadline, cwd=cwd
    )


def _envoy_metrics(place: Path, section: EnvironmentSection) -> Metrics:
    from pilotage.adapters.envoy_admin import admin_address
    from pilotage.adapters.metrics.envoy import EnvoyMetrics

    admin = section.metrics.admin
    return EnvoyMetrics(lambda: admin or admin_address(place), _strata(section), None if admin else place)


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


def rules_of(target: dict[str, Any], new: str, old: str | None) -> tuple[Rule, ...]:
    """The counted rules of an environment, the versions' names in their queries. Without a stable version there is
    nothing a rule that names it could ask for; it is left out."""
    from pilotage.judge.rules import Rule
    from pilotage.model.condition import Condition

    analysis = (target.get("environment") or {}).get("analysis") or {}
    rules = []
    for rule in analysis.get("rules", []):
        given = {name: value for name, value in rule.items() if not name.endswith("_condition")}
        success, failure = (
            Condition(rule[f"{name}_condition"]) if rule[f"{name}_condition"] else None
            for name in ("success", "failure")
        )
        if "{old}" in rule["query"] and old is None:
            continue
        given["query"] = rule["query"].replace("{new}", new).replace("{old}", old or "")
        rules.append(Rule(**given, success=success, failure=failure))
    return tuple(rules)


def probe_specs(target: dict[str, Any]) -> tuple[Probe, ...]:
    """The probes of an environment, in the order of its configuration."""
    from pilotage.config.models import ProbeSection
    from pilotage.model.probe import Probe

    given = (target.get("environment") or {}).get("probes") or []
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
        )
        for probe in map(ProbeSection.model_validate, given)
    )
