"""What `pilotage dashboard` draws and pushes: an environment's dashboard for Grafana."""

from __future__ import annotations

from collections.abc import Mapping

from pilotage.app.plan import PlanRequest, plan_for, scrapes_pilotage
from pilotage.app.project import Project
from pilotage.config.analysis import AnalysisSection
from pilotage.model.errors import Invalid
from pilotage.model.json import JsonObject
from pilotage.model.quantity import format_share


class NoGrafana(Invalid):
    """`notify` has no channel of the kind `grafana`, so nobody says where Grafana is."""


def dashboard_of(project: Project, environment: str) -> JsonObject:
    """Raises NoVersions, NoGrafanaSdk, ConfigError."""
    from pilotage.adapters.series import series_of
    from pilotage.render.grafana import WORD, Drawing, Limit, NoVersions, to_grafana

    plan = plan_for(project.loaded, environment, PlanRequest(WORD))
    series = series_of(plan)
    if series is None:
        raise NoVersions("the metrics of this environment have no series for Prometheus; use `metrics: {kind: envoy}`")
    most = plan.number("rollback_triggers.error_rate")
    section = project.loaded.configuration.environments[environment]
    return to_grafana(
        Drawing(
            service=plan.service, environment=environment, series=series,
            errors=Limit(value=most, words=f"Pilotage rolls back above {format_share(most)}."),
            latency=plan.number("rollback_triggers.response_time_factor"),
            queries=_queries(section.analysis, WORD) if section.analysis else {},
            page=scrapes_pilotage(project.loaded, environment),
        )
    )  # fmt: skip


def _queries(analysis: AnalysisSection, word: str) -> Mapping[str, str]:
    """What a Prometheus answers of signals and rules, by name."""
    prometheus = {name for name, one in analysis.every_source.items() if one.kind == "prometheus"}
    asked = [(name, query.text, query.source) for name, query in analysis.queried.items()]
    asked += [(rule.name, rule.query, rule.source or "") for rule in analysis.rules]
    return {
        name.replace("_", " "): text.replace("{version}", word)
        for name, text, source in asked
        if source in prometheus and "{stable_version}" not in text
    }


def push(project: Project, environment: str, folder: str, *, overwrite: bool) -> str:
    """Save the dashboard in the Grafana of `notify`; its address there. Raises NoGrafana, Edited, Undelivered."""
    from pilotage.adapters.grafana_dashboards import GrafanaServer
    from pilotage.adapters.notify.sections import GrafanaSection
    from pilotage.adapters.secrets import resolve

    channels = [one for one in project.whole.configuration.notify if isinstance(one, GrafanaSection)]
    given = next((one for one in channels if not one.environments or environment in one.environments), None)
    if given is None:
        example = "notify: [{kind: grafana, url: https://grafana.example.org, token: secret://env/GRAFANA_TOKEN}]"
        raise NoGrafana(f"{project.config} names no Grafana: add one, such as `{example}`")
    made = dashboard_of(project, environment)
    server = GrafanaServer(url=given.url, token=resolve(given.token), private=given.allow_private_network)
    return server.save(made, folder, overwrite=overwrite)
