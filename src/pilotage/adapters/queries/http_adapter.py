"""`queries: {kind: http}`: figures from any JSON over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from pilotage.adapters.context import Context
from pilotage.adapters.ports import Queries
from pilotage.adapters.registry import Adapter
from pilotage.config.channels import SecretRef
from pilotage.config.fields import BaseUrl, Duration, HeaderName
from pilotage.config.kinds import QueriesSection
from pilotage.model.capabilities import QueriesCapabilities
from pilotage.model.finding import Finding
from pilotage.model.json_path import JsonPath

if TYPE_CHECKING:
    from pilotage.adapters.queries.json_http import JsonQueries


def _path(text: str) -> str:
    JsonPath(text)
    return text


JsonPathText = Annotated[str, AfterValidator(_path)]
"""Such as `$.data.rate`."""


class HttpQueriesSection(QueriesSection):
    """Any system that answers with JSON. A query names a path and where the number is, such as
    `/stats?version={version} $.rate`."""

    kind: Literal["http"]
    url: BaseUrl = Field(description="Address before the paths, such as https://stats.example.org.")
    headers: dict[HeaderName, SecretRef] = Field(
        default_factory=dict, description="References to secret headers, such as Authorization."
    )
    time: JsonPathText | None = Field(
        None,
        description="Where an answer says when its figures were measured, such as `$.updated_at`: ISO 8601, Unix "
        "seconds or milliseconds.",
    )
    max_age: Duration = Field(300, ge=1, description="Older figures count as none. Needs time.")


def _opened(section: HttpQueriesSection, context: Context) -> JsonQueries:
    from pilotage.adapters.queries.asking import Asking, Throttle
    from pilotage.adapters.queries.json_http import JsonQueries

    asking = Asking(
        name=section.url, headers=section.headers, secrets=context.secrets, refused="correct its headers",
        throttle=Throttle(section.url),
    )  # fmt: skip
    return JsonQueries(
        asking, section.url, time=JsonPath(section.time) if section.time else None, max_age=section.max_age
    )


def _open(section: HttpQueriesSection, context: Context) -> Queries:
    return _opened(section, context)


def _examine(section: HttpQueriesSection, context: Context) -> Iterator[Finding]:
    yield from _opened(section, context).examine()


ADAPTER = Adapter(
    section=HttpQueriesSection,
    capabilities=QueriesCapabilities(language="a path and a JSON path", interval=1.0),
    open=_open,
    examine=_examine,
)
