"""What a target is checked and measured with: checks, probes, synthetic requests, queries, rules."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters import registry
from pilotage.adapters.context import Context
from pilotage.adapters.ports import Checks, Fleet, Metrics, Probes, Queries, Router
from pilotage.config.checks import CheckSection, ProbeSection
from pilotage.config.environment import EnvironmentSection
from pilotage.config.stored import Stored, read_analysis, read_probes
from pilotage.model.capabilities import (
    Port,
)
from pilotage.model.json import JsonObject
from pilotage.model.snapshot import Snapshot
from pilotage.model.step_ids import (
    CHECK_BACKUP,
    CHECK_DATA,
    CHECK_FUNCTIONS,
    CHECK_PACKAGE,
    CHECK_RESTORED,
    CHECK_SCHEMA,
    FINAL_BACKUP,
    RESTORE,
    VERIFY,
)

if TYPE_CHECKING:
    from pilotage.adapters.strata import Strata
    from pilotage.adapters.synthetic import SyntheticRequests
    from pilotage.judge.rules import Rule
    from pilotage.model.probe import Probe

_log = logging.getLogger(__name__)


def checks_of(context: Context, stored: Stored, snapshot: Snapshot) -> Checks:
    """context: of the rollout's target, with the folder of its checks · snapshot: what the rollout keeps."""
    cwd = context.folder
    where = Whose(service=context.service, environment=context.environment, rollout=context.rollout)
    from pilotage.adapters.checks import StepChecks

    checks = stored.section.checks.items()
    configured: dict[str, list[JsonObject]] = {name: [_plain(check) for check in wanted] for name, wanted in checks}
    configured |= {name: [check] for name, check in own_checks(stored.section, cwd, where).items()}
    for name, check in database_checks(stored.section, snapshot.migrations).items():
        configured[name] = [*configured.get(name, ()), check]
    if snapshot.package:
        task: JsonObject = {"package": {"root": str(cwd), **snapshot.package}}
        configured[CHECK_PACKAGE] = [*configured.get(CHECK_PACKAGE, ()), task]
    if CHECK_FUNCTIONS in configured:
        configured[CHECK_RESTORED] = configured[CHECK_FUNCTIONS]
    for name in stored.lost_checks:
        configured[name] = [{"unreadable": f"this version of Pilotage cannot read the check {name}"}]
    return StepChecks(context.directory, context.fence, configured, cwd, context.built)


def _plain(check: CheckSection) -> JsonObject:
    """A check as JSON. The URLs of caches go where secrets are, so that they are written nowhere."""
    plain = check.model_dump(mode="json")
    if check.warm is None:
        return plain
    from pilotage.adapters.caches.task import REDIS, STABLE

    urls = {REDIS: check.warm.redis, **({STABLE: check.warm.stable_redis} if check.warm.stable_redis else {})}
    rest = check.warm.model_dump(mode="json", exclude={"redis", "stable_redis"})
    return {**plain, "warm": rest, "env": {**check.env, **urls}}


@dataclass(frozen=True, kw_only=True)
class Whose:
    """Service, environment and rollout that something is done for."""

    service: str = ""
    environment: str = ""
    rollout: str = ""


def own_checks(section: EnvironmentSection, cwd: Path, where: Whose) -> dict[str, JsonObject]:
    """The checks that Pilotage makes itself, where `backup:` says how and no command does, by the step."""
    backup = section.backup
    if backup is None:
        return {}
    from pilotage.adapters.backups.task import DATABASE, SCRATCH

    acts = {CHECK_BACKUP: "check", FINAL_BACKUP: "final", RESTORE: "restore"}
    if section.checks.get(RESTORE):
        del acts[RESTORE], acts[FINAL_BACKUP]  # a command that restores knows nothing of our backups
    if section.checks.get(CHECK_BACKUP):
        del acts[CHECK_BACKUP]
    common = {
        "root": str(cwd), "service": where.service, "environment": where.environment, "rollout": where.rollout,
        **backup.model_dump(mode="json", include={"folder", "keep", "timeout", "programs"}),
    }  # fmt: skip
    secrets = {DATABASE: section.backed_up, SCRATCH: backup.scratch}
    return {name: {"backup": {"act": act, **common}, "env": secrets} for name, act in acts.items()}


def database_checks(section: EnvironmentSection, migrations: JsonObject) -> dict[str, JsonObject]:
    """The checks of `database:`, by the step. migrations: what the version brings, empty where nothing is named."""
    database = section.database
    if database is None:
        return {}
    from pilotage.adapters.databases.task import STANDBY, URL
    from pilotage.model.migration import Moment

    common = {**database.model_dump(mode="json", include={"max_lag", "timeout"}), "migrations": migrations or None}
    secrets = {URL: database.url, **({STANDBY: database.standby} if database.standby else {})}
    before = {"database": {"moment": Moment.BEFORE, "replicated": False, **common}, "env": secrets}
    running = {"database": {"moment": Moment.RUNNING, **common}, "env": secrets}
    return {**({CHECK_SCHEMA: before} if migrations else {}), CHECK_DATA: running, VERIFY: running}


def variants_of(fleet: Fleet, section: EnvironmentSection) -> Metrics | None:
    if section.flag is None:
        return None
    from pilotage.adapters.metrics.variants import VariantMetrics

    return VariantMetrics(fleet.instances, section.flag.metrics_path, section.flag.key)


def synthetic_of(router: Router, place: Path, section: EnvironmentSection) -> SyntheticRequests | None:
    if section.synthetic is None:
        return None
    from pilotage.adapters.own_requests import synthetic_token
    from pilotage.adapters.synthetic import SyntheticRequests

    url = f"{router.url()}{section.synthetic.path}"
    return SyntheticRequests(url, section.synthetic.requests_per_second, lambda: synthetic_token(place))


def probes_of(section: EnvironmentSection, cwd: Path) -> Probes | None:
    if not (probes := _probes_of(section.probes)):
        return None
    from pilotage.adapters.probes import InstanceProbes

    return InstanceProbes(probes, cwd)


def strata_of(section: EnvironmentSection) -> Strata:
    from pilotage.adapters.strata import Failing, Route, Strata

    failing = Failing.of(section.errors)
    routes = [Route(route.path, Failing.of(route.errors) if route.errors else failing) for route in section.routes]
    return Strata(tuple(routes), failing)


def queries_of(section: EnvironmentSection, context: Context) -> Mapping[str, Queries]:
    """What answers queries, by its name under `analysis.sources`; empty for the one without a name."""
    wanted = section.analysis.every_source if section.analysis else {}
    return {name: registry.of(Port.QUERIES, one).open(one, context) for name, one in wanted.items()}


def rules_of(snapshot: Snapshot, new: str, old: str | None) -> tuple[Rule, ...]:
    """The counted rules of an environment, with the versions' names in their queries. Without a stable version, a rule
    that names it is left out."""
    from pilotage.adapters.placeholders import filled
    from pilotage.judge.rules import Rule
    from pilotage.model.condition import Condition

    analysis = read_analysis(snapshot.environment)
    rules = []
    for rule in analysis.rules if analysis else ():
        if "{stable_version}" in rule.query and old is None:
            continue
        given = rule.model_dump(exclude={"success_condition", "failure_condition", "query", "source"})
        success, failure = (
            Condition(text) if text else None for text in (rule.success_condition, rule.failure_condition)
        )
        query = filled(rule.query, {"version": new, "stable_version": old or ""})
        rules.append(Rule(**given, query=query, source=rule.source or "", success=success, failure=failure))
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
            run=tuple(probe.command or ()),
            status=probe.status,
            contains=probe.contains or "",
            every=probe.interval,
            failures=probe.failure_threshold,
            timeout=probe.timeout,
            environment=tuple(probe.env.items()),
            pass_env=tuple(probe.pass_env),
        )
        for probe in sections
    )
