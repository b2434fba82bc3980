"""`queries: {kind: newrelic}`: questions in NRQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from pilotage.adapters.context import Context
from pilotage.adapters.ports import Queries
from pilotage.adapters.registry import Adapter
from pilotage.config.channels import SecretRef
from pilotage.config.fields import Duration, Url
from pilotage.config.kinds import QueriesSection
from pilotage.model.capabilities import QueriesCapabilities
from pilotage.model.finding import Finding

if TYPE_CHECKING:
    from pilotage.adapters.queries.newrelic import NewRelicQueries

_NERDGRAPH = {"us": "https://api.newrelic.com/graphql", "eu": "https://api.eu.newrelic.com/graphql"}


class NewRelicSection(QueriesSection):
    """New Relic's data, queried in NRQL through NerdGraph."""

    kind: Literal["newrelic"]
    api_key: SecretRef = Field(description="Reference to a user key (`NRAK-…`) with access to the account.")
    account: int = Field(gt=0, description="Number of the account.")
    region: Literal["us", "eu"] = Field("us", description="Region of the account's data.")
    url: Url | None = Field(None, description="Address of NerdGraph, if it is not that of the region.")
    max_age: Duration = Field(300, ge=10, description="Older figures count as none.")


def _opened(section: NewRelicSection, context: Context) -> NewRelicQueries:
    from pilotage.adapters.queries.asking import Asking, Throttle
    from pilotage.adapters.queries.newrelic import REFUSED, NewRelicQueries

    asking = Asking(
        name="New Relic", headers={"API-Key": section.api_key}, secrets=context.secrets, refused=REFUSED,
        throttle=Throttle("New Relic"),
    )  # fmt: skip
    return NewRelicQueries(asking, section.url or _NERDGRAPH[section.region], section.account, max_age=section.max_age)


def _open(section: NewRelicSection, context: Context) -> Queries:
    return _opened(section, context)


def _examine(section: NewRelicSection, context: Context) -> Iterator[Finding]:
    yield from _opened(section, context).examine()


ADAPTER = Adapter(
    section=NewRelicSection, capabilities=QueriesCapabilities(language="NRQL", interval=5.0), open=_open,
    examine=_examine,
)  # fmt: skip
