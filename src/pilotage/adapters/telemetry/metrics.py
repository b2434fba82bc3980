"""Sends Pilotage's own metrics to a receiver by OTLP over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from pilotage.adapters.telemetry.resource import SCOPE, resource
from pilotage.model.series import Family, Sample

_TOTAL = "_total"
_UNITS = {"_seconds": "s", "_bytes": "By"}


class MetricSender:
    """Sends families of series; says whether the receiver took them."""

    def __init__(self) -> None:
        self._exporter, self._resource, self._began = OTLPMetricExporter(), resource(), time.time_ns()

    def send(self, families: Iterable[Family]) -> bool:
        now = time.time_ns()
        metrics = [self._metric(one, now) for one in families if one.samples]
        scope = ScopeMetrics(scope=InstrumentationScope(*SCOPE), metrics=metrics, schema_url="")
        whole = MetricsData([ResourceMetrics(resource=self._resource, scope_metrics=[scope], schema_url="")])
        return self._exporter.export(whole) is MetricExportResult.SUCCESS

    def _metric(self, one: Family, now: int) -> Metric:
        name = one.name.removesuffix(_TOTAL)
        unit = next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), "1")
        points = [
            NumberDataPoint(
                attributes=dict(sample.labels), start_time_unix_nano=self._began, time_unix_nano=now,
                value=sample.value,
            )
            for sample in one.samples
        ]  # fmt: skip
        data: Gauge | Sum | Histogram
        if one.kind == "counter":
            data = Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=True)
        elif one.kind == "histogram":
            data = Histogram(self._histogram(one.samples, now), AggregationTemporality.CUMULATIVE)
        else:
            data = Gauge(points)
        return Metric(name=name, description=one.about, unit=unit, data=data)

    def _histogram(self, samples: Sequence[Sample], now: int) -> list[HistogramDataPoint]:
        """Prometheus' buckets hold all below them; these hold what is between two bounds."""
        found: dict[tuple[tuple[str, str], ...], dict[str, float]] = {}
        for sample in samples:
            key = tuple((name, value) for name, value in sample.labels.items() if name != "le")
            found.setdefault(key, {})[sample.labels.get("le", sample.suffix)] = sample.value
        return [self._point(dict(labels), values, now) for labels, values in found.items()]

    def _point(self, labels: dict[str, str], values: dict[str, float], now: int) -> HistogramDataPoint:
        total, count = values.pop("_sum"), int(values.pop("_count"))
        below = [int(value) for value in values.values()]
        return HistogramDataPoint(
            attributes=labels, start_time_unix_nano=self._began, time_unix_nano=now, count=count, sum=total,
            bucket_counts=[here - before for here, before in zip(below, [0, *below], strict=False)],
            explicit_bounds=[float(bound) for bound in values if bound != "+Inf"], min=float("nan"), max=float("nan"),
        )  # fmt: skip
