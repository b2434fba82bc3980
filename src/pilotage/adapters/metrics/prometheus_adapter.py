"""`analysis: {queries: {kind: prometheus}}`: questions in PromQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from pilotage.adapters.context import Context
from pilotage.adapters.ports import Queries
from pilotage.adapters.registry import Adapter
from pilotage.config.fields import PlainUrl
from pilotage.config.kinds import QueriesSection
from pilotage.model.capabilities import QueriesCapabilities
from pilotage.model.finding import Finding


class PrometheusSection(QueriesSection):
    """A Prometheus, or anything that speaks its HTTP API."""

    kind: Literal["prometheus"]
    url: PlainUrl = Field(description="Address of the Prometheus, such as http://127.0.0.1:9090.")


def _open(section: PrometheusSection, _context: Context) -> Queries:
    from pilotage.adapters.metrics.prometheus import PrometheusQueries

    return PrometheusQueries(section.url)


def _examine(section: PrometheusSection, context: Context) -> Iterator[Finding]:
    from pilotage.adapters.ports import AdapterError

    try:
        _open(section, context).query("vector(1)")
    except AdapterError as error:
        yield Finding("FAIL", "queries", f"{error}: correct its url, or start it")
    else:
        yield Finding("PASS", "queries", f"{section.url} answers")


ADAPTER = Adapter(
    section=PrometheusSection, capabilities=QueriesCapabilities(language="PromQL"), open=_open, examine=_examine
)
