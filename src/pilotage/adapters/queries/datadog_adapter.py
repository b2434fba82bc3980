"""`queries: {kind: datadog}`: questions in Datadog's query language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from pilotage.adapters.context import Context
from pilotage.adapters.ports import Queries
from pilotage.adapters.registry import Adapter
from pilotage.config.channels import SecretRef
from pilotage.config.fields import BaseUrl, Duration
from pilotage.config.kinds import QueriesSection
from pilotage.model.capabilities import QueriesCapabilities
from pilotage.model.finding import Finding

if TYPE_CHECKING:
    from pilotage.adapters.queries.datadog import DatadogQueries

Site = Literal[
    "datadoghq.com", "datadoghq.eu", "us3.datadoghq.com", "us5.datadoghq.com", "ap1.datadoghq.com", "ap2.datadoghq.com",
    "uk1.datadoghq.com", "ddog-gov.com", "us2.ddog-gov.com",
]  # fmt: skip


class DatadogSection(QueriesSection):
    """Datadog's metrics. The last complete point of each series counts."""

    kind: Literal["datadog"]
    api_key: SecretRef = Field(description="Reference to the API key.")
    application_key: SecretRef = Field(
        description="Reference to an application key with the scope timeseries_query, and no other."
    )
    site: Site = Field("datadoghq.com", description="Your Datadog site.")
    url: BaseUrl | None = Field(None, description="Address of the API, if it is not that of the site.")
    max_age: Duration = Field(300, ge=10, description="Older figures count as none.")
    delay: Duration = Field(
        0,
        ge=0,
        le=3600,
        description="Time that your figures take to arrive, such as 10m for a cloud provider's.",
    )


def _opened(section: DatadogSection, context: Context) -> DatadogQueries:
    from pilotage.adapters.queries.asking import Asking, Throttle
    from pilotage.adapters.queries.datadog import REFUSED, DatadogQueries

    keys = {"DD-API-KEY": section.api_key, "DD-APPLICATION-KEY": section.application_key}
    asking = Asking(
        name="Datadog", headers=keys, secrets=context.secrets, refused=REFUSED, throttle=Throttle("Datadog")
    )
    base = section.url or f"https://api.{section.site}"
    return DatadogQueries(asking, base, max_age=section.max_age, delay=section.delay)


def _open(section: DatadogSection, context: Context) -> Queries:
    return _opened(section, context)


def _examine(section: DatadogSection, context: Context) -> Iterator[Finding]:
    yield from _opened(section, context).examine()


ADAPTER = Adapter(
    section=DatadogSection,
    capabilities=QueriesCapabilities(language="Datadog", interval=10.0),
    open=_open,
    examine=_examine,
)
