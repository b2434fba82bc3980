"""A dashboard about Pilotage itself, as Grafana imports it. The data source is asked for at the import."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.model.json import JsonList, JsonObject

_SOURCE: JsonObject = {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}


@dataclass(frozen=True, kw_only=True)
class _Panel:
    """queries: PromQL, each with its legend · kind: timeseries or stat · unit: Grafana's name of it."""

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: str = "timeseries"
    about: str = ""


_PLACE = "{{service}} {{environment}}"
_OR_NONE = " or on() 0 * group(pilotage_build_info)"
"""A line at 0 while there is nothing to show, and none while Prometheus gets nothing from Pilotage."""

_PANELS = (
    _Panel(
        title="Rollouts", kind="stat", about="Waiting and in progress, by status.",
        queries=(("sum by (status) (pilotage_rollouts)", "{{status}}"),),
    ),
    _Panel(
        title="Worker last heard", kind="stat", unit="s",
        queries=(("max by (service, environment) (pilotage_worker_heartbeat_age_seconds)", _PLACE),),
    ),
    _Panel(title="Backup age", kind="stat", unit="s", queries=(
        ("time() - max(pilotage_store_backup_timestamp_seconds)", "store"),
    )),
    _Panel(title="Version", kind="stat", queries=(
        ("max by (version, revision) (pilotage_build_info)", "{{version}}, revision {{revision}}"),
    )),
    _Panel(title="Rollouts ended", about="In a day, by how.", queries=(
        ("sum by (status) (increase(pilotage_rollouts_ended_total[1d]))", "{{status}}"),
    )),
    _Panel(title="Duration of rollouts", unit="s", about="Without pauses; half of them, and nine of ten.", queries=(
        ("histogram_quantile(0.5, sum by (le) (increase(pilotage_rollout_duration_seconds_bucket[1d])))", "median"),
        ("histogram_quantile(0.9, sum by (le) (increase(pilotage_rollout_duration_seconds_bucket[1d])))", "90 %"),
        ("sum(increase(pilotage_rollout_paused_seconds_total[1d]))", "paused, all"),
    )),
    _Panel(title="Looks lag", unit="s", queries=(
        (f"pilotage_look_age_seconds{_OR_NONE}", f"{_PLACE} {{{{version}}}}"),
    )),
    _Panel(title="Messages", queries=(
        (f"pilotage_messages_waiting{_OR_NONE}", "{{channel}} waiting"),
        (f"pilotage_messages_failed{_OR_NONE}", "{{channel}} failed"),
    )),
    _Panel(title="Oldest message", unit="s", queries=(
        (f"pilotage_oldest_message_age_seconds{_OR_NONE}", "{{channel}}"),
    )),
    _Panel(title="Store", unit="s", queries=(
        ("histogram_quantile(0.5, sum by (le) (rate(pilotage_store_statement_seconds_bucket[5m])))", "median"),
        ("histogram_quantile(0.99, sum by (le) (rate(pilotage_store_statement_seconds_bucket[5m])))", "99 %"),
    )),
    _Panel(title="Store failures", unit="ops", queries=(("rate(pilotage_store_failures_total[5m])", "failures"),)),
    _Panel(title="Room", unit="bytes", queries=(
        ("pilotage_state_free_bytes", "free on the disk"), ("pilotage_store_size_bytes", "SQLite store"),
    )),
    _Panel(title="Requests", unit="reqps", queries=(
        ("sum by (status) (rate(pilotage_http_requests_total[5m]))", "{{status}}"),
    )),
    _Panel(title="Slowest routes", unit="s", about="99 % of requests are faster.", queries=((
        "topk(10, histogram_quantile(0.99, "
        "sum by (le, route) (rate(pilotage_http_request_duration_seconds_bucket[5m]))))",
        "{{route}}",
    ),)),
    _Panel(title="Clients", queries=(
        ("pilotage_event_stream_clients", "event stream"), ("pilotage_http_requests_in_progress", "requests"),
    )),
    _Panel(title="Unsigned records", queries=(("pilotage_unsigned_heads", "heads"),)),
)  # fmt: skip


def own_dashboard() -> JsonObject:
    """As JSON, by Grafana's schema 39."""
    return {
        "title": "Pilotage", "uid": "pilotage-itself", "schemaVersion": 39, "timezone": "browser", "refresh": "30s",
        "tags": ["pilotage"], "time": {"from": "now-24h", "to": "now"}, "editable": True,
        "__inputs": [{
            "name": "DS_PROMETHEUS", "label": "Prometheus", "description": "The one that scrapes Pilotage.",
            "type": "datasource", "pluginId": "prometheus", "pluginName": "Prometheus",
        }],
        "panels": _placed(),
    }  # fmt: skip


def _placed() -> JsonList:
    """Four small panels in a row, then three large ones in each."""
    found: list[JsonObject] = []
    x, y = 0, 0
    for number, panel in enumerate(_PANELS, 1):
        width, height = (6, 4) if panel.kind == "stat" else (8, 8)
        if x + width > 24:
            x, y = 0, y + (4 if y == 0 else 8)
        found.append(_panel(panel, number, {"x": x, "y": y, "w": width, "h": height}))
        x += width
    return found


def _panel(panel: _Panel, number: int, place: JsonObject) -> JsonObject:
    return {
        "id": number, "type": panel.kind, "title": panel.title, "description": panel.about, "gridPos": place,
        "datasource": _SOURCE, "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + n), "expr": query, "legendFormat": legend, "datasource": _SOURCE}
            for n, (query, legend) in enumerate(panel.queries)
        ],
    }  # fmt: skip
