"""`analysis: {queries: {kind: prometheus}}`: questions in PromQL."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pilotage.adapters.context import Context
from pilotage.adapters.ports import Queries
from pilotage.adapters.registry import Adapter
from pilotage.config.fields import PlainUrl
from pilotage.config.kinds import QueriesSection
from pilotage.model.capabilities import QueriesCapabilities


class PrometheusSection(QueriesSection):
    """A Prometheus, or anything that speaks its HTTP API."""

    kind: Literal["prometheus"]
    url: PlainUrl = Field(description="Address of the Prometheus, such as http://127.0.0.1:9090.")


def _open(section: PrometheusSection, _context: Context) -> Queries:
    from pilotage.adapters.metrics.prometheus import PrometheusQueries

    return PrometheusQueries(section.url)


ADAPTER = Adapter(section=PrometheusSection, capabilities=QueriesCapabilities(language="PromQL"), open=_open)
