"""A dashboard of an environment for Grafana: split, requests, errors and latencies of each version, with the limits of
the plan, and its releases as annotations.

It is made with Grafana's own types (`grafana-foundation-sdk`), so it is valid against Grafana's schema. Unlike the
dashboard of one plan, it is for every version: one is chosen at the top.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pilotage.adapters.alert_series import AlertSeries, VersionSeries
from pilotage.adapters.extras import installing
from pilotage.adapters.ports import AdapterError
from pilotage.model.errors import Invalid
from pilotage.model.json import JsonObject, object_at
from pilotage.model.text import line

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import AnnotationQuery, Dashboard, QueryVariable, TextBoxVariable
    from grafana_foundation_sdk.builders.timeseries import Panel
    from grafana_foundation_sdk.models.dashboard import DataSourceRef, DataTransformerConfig

WORD = "PILOTAGEVERSION"
"""Stands for a version while queries are made: letters alone, which no system escapes."""
_ANY, _RELEASE = "${version}", "${release}"
"""The chosen version, as the router's series write it, and as people and their own series do."""
_WIDTH, _HEIGHT, _COLUMNS = 12, 8, 24
_WINDOW = "$__rate_interval"
_UNESCAPED = (("/~2e~/g", "."), ("/~5f~/g", "_"))
"""What `cluster_of` writes for a dot and an underscore."""
_QUANTILES = (("50 %", "0.5"), ("95 %", "0.95"), ("99 %", "0.99"))


class NoGrafanaSdk(AdapterError):
    """The package that has Grafana's types is not installed."""


class NoVersions(Invalid):
    """The environment's source of counts has no series for Prometheus, so there is nothing to draw."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A limit of the plan, drawn as a line. value: in the unit of the panel."""

    value: float
    words: str


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """What a dashboard is of. series: of the version `WORD` · queries: of signals and rules that a Prometheus answers,
    by name, with `WORD` · page: whether Prometheus scrapes Pilotage's metrics page · errors: limit of the share of
    failed requests · latency: factor over the other versions' p95."""

    service: str
    environment: str
    series: AlertSeries
    errors: Limit
    latency: float
    queries: Mapping[str, str]
    page: bool = False


@dataclass(frozen=True, kw_only=True)
class _Panel:
    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    limit: Limit | None = None
    stacked: bool = False
    step: bool = False


def uid_of(service: str, environment: str) -> str:
    """At most 40 characters, as Grafana wants it; the same for every dashboard of an environment."""
    return f"pilotage-{hashlib.sha256(f'{service}/{environment}'.encode()).hexdigest()[:16]}"


def to_grafana(drawing: Drawing) -> JsonObject:
    """The dashboard as JSON. Raises NoGrafanaSdk, NoVersions."""
    if drawing.series.versions is None:
        raise NoVersions("the metrics of this environment have no series for Prometheus; use `metrics: {kind: envoy}`")
    try:
        from grafana_foundation_sdk.cog.encoder import JSONEncoder
    except ImportError:
        cure = f"run `{installing('grafana')}`"
        raise NoGrafanaSdk("dashboards need grafana-foundation-sdk", cure=cure) from None
    made = _dashboard(drawing, drawing.series.versions)
    names = ((f"/^{drawing.series.versions.pattern}$/", "$1"), *_UNESCAPED)
    for number, panel in enumerate(_panels(drawing, drawing.series.versions)):
        made.with_panel(_drawn(number, panel, names))
    return object_at(json.loads(JSONEncoder(sort_keys=True).encode(made.build())))


def _dashboard(drawing: Drawing, versions: VersionSeries) -> Dashboard:
    from grafana_foundation_sdk.builders import dashboard

    place = f"{drawing.service} in {drawing.environment}"
    made = dashboard.Dashboard(f"Pilotage: {place}")
    made.uid(uid_of(drawing.service, drawing.environment)).tags(["pilotage", drawing.service, drawing.environment])
    made.description(f"Releases of {place}, by Pilotage.")
    made.refresh("10s").time("now-1h", "now").timezone("browser").editable()
    made.with_variable(dashboard.DatasourceVariable("source").label("Prometheus").type("prometheus"))
    made.with_variable(_version_variable(versions))
    if drawing.queries:
        made.with_variable(_release_variable(drawing))
    made.annotation(_releases(drawing))
    if drawing.page:
        made.annotation(_statuses(drawing))
    return made


def _version_variable(versions: VersionSeries) -> QueryVariable:
    from grafana_foundation_sdk.builders import dashboard
    from grafana_foundation_sdk.models.dashboard import VariableRefresh, VariableSort

    made = dashboard.QueryVariable("version").label("Version").datasource(_source())
    made.query(f"label_values({versions.values}, {versions.label})").regex(f"/^{versions.pattern}$/")
    return made.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_DESC)


def _release_variable(drawing: Drawing) -> QueryVariable | TextBoxVariable:
    """Of those that Pilotage's metrics page names; without it somebody types one."""
    from grafana_foundation_sdk.builders import dashboard
    from grafana_foundation_sdk.models.dashboard import VariableRefresh, VariableSort

    if not drawing.page:
        return dashboard.TextBoxVariable("release").label("Version of your own metrics")
    made = dashboard.QueryVariable("release").label("Version of your own metrics").datasource(_source())
    made.query(f"label_values(pilotage_rollout_status{{{_place(drawing)}}}, version)")
    return made.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_DESC)


def _releases(drawing: Drawing) -> AnnotationQuery:
    """What `notify: [{kind: grafana}]` writes."""
    from grafana_foundation_sdk.builders import dashboard
    from grafana_foundation_sdk.models.dashboard import DataSourceRef

    tags = ["pilotage", f"service:{drawing.service}", f"environment:{drawing.environment}"]
    target = dashboard.AnnotationTarget().limit(200).match_any(False).tags(tags).type("tags")
    made = dashboard.AnnotationQuery().name("Releases").enable(True).icon_color("blue").target(target)
    return made.datasource(DataSourceRef(type_val="grafana", uid="-- Grafana --"))


def _statuses(drawing: Drawing) -> AnnotationQuery:
    from grafana_foundation_sdk.builders import dashboard

    place = _place(drawing)
    made = dashboard.AnnotationQuery().name("Changes of status").enable(True).icon_color("purple")
    return made.datasource(_source()).expr(f"changes(pilotage_rollout_status{{{place}}}[30s]) > 0")


def _panels(drawing: Drawing, versions: VersionSeries) -> Iterator[_Panel]:
    series, name = drawing.series, f"{{{{{versions.label}}}}}"

    def of(query: str) -> str:
        return query.replace("{window}", _WINDOW).replace(WORD, _ANY)

    share = f"{of(versions.requests)} / ignoring ({versions.label}) group_left sum({of(versions.requests)})"
    yield _Panel(title="Traffic", unit="percentunit", queries=((name, share),), stacked=True)
    yield _Panel(title="Requests a second", unit="reqps", queries=((name, of(versions.requests)),))
    failed = f"({of(series.errors)} or vector(0)) / ({of(series.requests)} > 0)"
    yield _Panel(title="Error rate", unit="percentunit", queries=((_ANY, failed),), limit=drawing.errors)
    stable = of(series.stable_p95)
    quantiles = [(f"{_ANY} {shown}", of(series.p95).replace("(0.95,", f"({text},")) for shown, text in _QUANTILES]
    others = (
        ("other versions 95 %", stable),
        (f"limit, {drawing.latency:g} × other", f"{drawing.latency:g} * {stable}"),
    )
    yield _Panel(title="Response time", unit=series.p95_unit, queries=(*quantiles, *others))
    for title, query in drawing.queries.items():
        yield _Panel(title=title, unit="short", queries=((_RELEASE, query.replace(WORD, _RELEASE)),))
    if drawing.page:
        yield from _of_rollout(drawing)


def _of_rollout(drawing: Drawing) -> Iterator[_Panel]:
    place = _place(drawing)
    ready = (
        ("{{version}} ready", f"pilotage_ready_instances{{{place}}}"),
        ("{{version}} wanted", f"pilotage_wanted_instances{{{place}}}"),
    )
    yield _Panel(title="Instances", unit="none", queries=ready, step=True)
    health = (("by its verdicts", f"pilotage_health_score{{{place}}}"),)
    yield _Panel(title="Health of the new version", unit="percentunit", queries=health)


def _renamed(pattern: str, words: str) -> DataTransformerConfig:
    from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

    return DataTransformerConfig(id_val="renameByRegex", options={"regex": pattern, "renamePattern": words})


def _drawn(number: int, panel: _Panel, names: Sequence[tuple[str, str]]) -> Panel:
    """names: what turns the names of series into those of versions, as patterns of JavaScript."""
    from grafana_foundation_sdk.builders import common, dashboard, prometheus, timeseries
    from grafana_foundation_sdk.models import common as choices
    from grafana_foundation_sdk.models.dashboard import GridPos, Threshold, ThresholdsMode

    across = _COLUMNS // _WIDTH
    row, column = divmod(number, across)
    made = timeseries.Panel().id(number + 1).title(panel.title).datasource(_source()).unit(panel.unit).min(0)
    made.grid_pos(GridPos(x=column * _WIDTH, y=row * _HEIGHT, w=_WIDTH, h=_HEIGHT))
    for letter, (legend, query) in zip("ABCDEFGH", panel.queries, strict=False):
        made.with_target(prometheus.Dataquery().ref_id(letter).expr(query).legend_format(legend).range())
    steps = [Threshold(color="green", value=None)]
    if panel.limit is not None:
        steps.append(Threshold(color="red", value=panel.limit.value))
        made.description(panel.limit.words)
        made.thresholds_style(common.GraphThresholdsStyleConfig().mode(choices.GraphTresholdsStyleMode.LINE))
    made.thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    if panel.stacked:
        made.stacking(common.StackingConfig().mode(choices.StackingMode.NORMAL)).fill_opacity(40).max(1)
    for pattern, words in names:
        made.with_transformation(_renamed(pattern, words))
    if panel.step:
        made.line_interpolation(choices.LineInterpolation.STEP_AFTER)
    return made


def _source() -> DataSourceRef:
    from grafana_foundation_sdk.models.dashboard import DataSourceRef

    return DataSourceRef(type_val="prometheus", uid="${source}")


def _place(drawing: Drawing) -> str:
    return f'service="{line(drawing.service, 63)}",environment="{line(drawing.environment, 63)}"'
