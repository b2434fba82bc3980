"""A dashboard of a rollout for Grafana: the figures that the plan's alerts are about, with the plan's limits.

The dashboard's JSON model: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from pilotage.adapters.alert_series import AlertSeries
from pilotage.adapters.series import series_of
from pilotage.model.json import Json, JsonObject
from pilotage.model.plan import Plan
from pilotage.render.rules import CANARY_HEALTH, NoSeries, labels_of

_SCHEMA = 39
"""Version of Grafana's JSON model, of Grafana 11."""

_WINDOW = "1m"
_WIDTH, _HEIGHT, _COLUMNS = 12, 8, 2
_SOURCE: JsonObject = {"type": "prometheus", "uid": "${source}"}


@dataclass(frozen=True, kw_only=True)
class _Panel:
    """queries: legend and PromQL · limit: above which it is red, in the panel's unit; None without one · step: whether
    a value holds until the next one."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    limit: float | None = None
    step: bool = False


def to_dashboard(plan: Plan, *, page: bool = False) -> str:
    """JSON to import into Grafana. page: Prometheus scrapes Pilotage's metrics page, too; without it there are no
    panels about instances and the rollout. Raises NoSeries when the metrics have none."""
    series = series_of(plan)
    if series is None:
        raise NoSeries("no health metric of this plan has series for Prometheus; use `metrics: {kind: envoy}`")
    panels = [*_of_users(plan, series), *(_of_rollout(plan) if page else ())]
    whole: JsonObject = {
        "uid": f"pilotage-{plan.hash[:12]}",
        "title": f"{plan.service} {plan.version} → {plan.environment}",
        "description": f"Plan {plan.hash}",
        "tags": ["pilotage", plan.service, plan.environment],
        "schemaVersion": _SCHEMA,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]
        },
        "annotations": {"list": [_changes(plan)] if page else []},
        "panels": [_drawn(number, panel) for number, panel in enumerate(panels)],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _of_users(plan: Plan, found: AlertSeries) -> Iterator[_Panel]:
    def of(series: str) -> str:
        return series.replace("{window}", _WINDOW)

    new, factor = plan.version, plan.number("rollback_triggers.response_time_factor")
    yield _Panel(title="Requests a second", unit="reqps", queries=((new, of(found.requests)),))
    # There is no series of failures before the first one.
    failed = f"({of(found.errors)} or vector(0)) / {of(found.requests)}"
    yield _Panel(
        title="Error rate", unit="percentunit", queries=((new, failed),),
        limit=plan.number("rollback_triggers.error_rate"),
    )  # fmt: skip
    stable = of(found.stable_p95)
    yield _Panel(
        title="Response time, 95th percentile",
        unit=found.p95_unit,
        queries=(
            (new, of(found.p95)),
            ("other versions", stable),
            (f"limit, {factor:g} × other", f"{factor:g} * {stable}"),
        ),
    )


def _of_rollout(plan: Plan) -> Iterator[_Panel]:
    place = labels_of(plan, version=False)
    yield _Panel(
        title="Instances", unit="none", step=True,
        queries=(
            ("{{version}} ready", f"pilotage_ready_instances{{{place}}}"),
            ("{{version}} wanted", f"pilotage_wanted_instances{{{place}}}"),
        ),
    )  # fmt: skip
    yield _Panel(
        title="Health of the new version", unit="percentunit",
        queries=(
            ("by its verdicts", f"pilotage_health_score{{{labels_of(plan)}}}"),
            ("canaries that are ready", f"{CANARY_HEALTH}{{{labels_of(plan)}}}"),
        ),
    )  # fmt: skip
    yield _Panel(
        title="Rollout", unit="none", step=True,
        queries=(("{{status}}", f"pilotage_rollout_status{{{labels_of(plan)}}} == 1"),),
    )  # fmt: skip


def _changes(plan: Plan) -> JsonObject:
    """A mark where the rollout changes its status."""
    return {
        "name": "Changes of status",
        "datasource": _SOURCE,
        "enable": True,
        "iconColor": "blue",
        "expr": f"changes(pilotage_rollout_status{{{labels_of(plan)}}}[30s]) > 0",
        "titleFormat": "{{status}}",
    }


def _drawn(number: int, panel: _Panel) -> JsonObject:
    steps: list[Json] = [{"color": "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
    custom: JsonObject = {
        "thresholdsStyle": {"mode": "off" if panel.limit is None else "line"},
        "lineInterpolation": "stepAfter" if panel.step else "linear",
    }
    targets: list[Json] = [
        {"refId": chr(ord("A") + n), "datasource": _SOURCE, "expr": query, "legendFormat": legend}
        for n, (legend, query) in enumerate(panel.queries)
    ]
    row, column = divmod(number, _COLUMNS)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "min": 0,
                "custom": custom,
                "thresholds": {"mode": "absolute", "steps": steps},
            },
            "overrides": [],
        },
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": targets,
    }
