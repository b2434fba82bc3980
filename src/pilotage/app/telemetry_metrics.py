"""Sends Pilotage's own metrics to a receiver of OpenTelemetry, as often as its variables say."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from pilotage.adapters.extras import installing
from pilotage.app.own_metrics import OwnMetrics
from pilotage.engine.records.store import Store

if TYPE_CHECKING:
    from pilotage.adapters.telemetry.metrics import MetricSender

_log = logging.getLogger(__name__)


def interval() -> float:
    """Seconds between two exports, by OTEL_METRIC_EXPORT_INTERVAL; loads nothing of OpenTelemetry."""
    try:
        return max(0.1, int(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL", "60000")) / 1000)
    except ValueError:
        return 60.0


class SentMetrics:
    """Of one worker."""

    def __init__(self) -> None:
        self._sender: MetricSender | None = None
        self._metrics: OwnMetrics | None = None
        self._off = False

    def work(self, store: Store) -> None:
        """What is not taken is not kept: the next export has newer figures."""
        if self._off:
            return
        try:
            from pilotage.adapters.telemetry.metrics import MetricSender
        except ImportError as missing:
            self._off = True
            _log.warning("no metrics by OTLP: %s is missing; %s", missing.name, installing("telemetry"))
            return
        self._sender, self._metrics = self._sender or MetricSender(), self._metrics or OwnMetrics(store)
        self._sender.send(self._metrics.families())
